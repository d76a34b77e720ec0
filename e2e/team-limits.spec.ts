/** The limits of a team, played by two people: a ceiling, a request approved at once, a correction. */
import { expect, queryDatabase, test } from './fixtures'
import { depositOpenRouter, joinTeam, makeTeam, personAt, setBudget, userIdOf } from './team-pages'

const slug = 'limited-team'

test('an owner sets a ceiling, a member meets it and gets more at once, and a correction is in the books', async ({
  browser,
  stage,
}) => {
  test.setTimeout(120_000)
  const owner = await personAt(browser, stage, 24)
  // Forms alone, without any script.
  const member = await personAt(browser, stage, 25, { javaScriptEnabled: false })
  const at = (page: string) => `${stage.origin}/t/${slug}/${page}`
  await makeTeam(owner.page.context(), stage, { name: 'A limited team', slug })
  await depositOpenRouter(owner.page.context(), stage, slug)
  await joinTeam(owner.page.context(), member.page.context(), stage, slug)
  await setBudget(owner.page.context(), stage, slug, await userIdOf(stage, member.login), '50')

  await owner.page.goto(at('limits'))
  await owner.page.getByLabel('Ceiling of the team a month, in USD').fill('12,50')
  await owner.page.getByRole('button', { name: 'Set the ceiling' }).click()
  await expect(owner.page.getByText('The ceiling is not an amount')).toBeVisible()
  await owner.page.getByLabel('Ceiling of the team a month, in USD').fill('12.50')
  await owner.page.getByRole('button', { name: 'Set the ceiling' }).click()
  await expect(owner.page.getByText('$12.50 left under the team’s ceiling of $12.50')).toBeVisible()
  await expect(owner.page.getByText(/add up to \$50.00, which is more than/)).toBeVisible()
  await owner.page.getByLabel('Largest request, in USD').fill('5')
  await owner.page.getByLabel('Largest sum per member and month, in USD').fill('8')
  await owner.page.getByRole('button', { name: 'Set the automatic approval' }).click()
  await expect(
    owner.page.getByText(/up to \$5.00 are approved at once, up to \$8.00/),
  ).toBeVisible()

  const { page } = member
  await page.goto(at('store'))
  await expect(page.getByText(/The team’s ceiling leaves \$12.50 for all members/)).toBeVisible()
  await page.getByLabel('Purpose').fill('a journey')
  await page.getByLabel('Cap in USD').fill('13')
  await page.getByRole('button', { name: 'Make the key' }).click()
  await expect(
    page.getByText(`Only an owner can change the ceiling: ${owner.name}.`, { exact: false }),
  ).toBeVisible()
  await page.getByLabel('Cap in USD').fill('10')
  await page.getByRole('button', { name: 'Make the key' }).click()
  await expect(page).toHaveURL(/\/keys\//)

  await page.goto(at('store'))
  await page.getByLabel('More a month, in USD').fill('2')
  await page.getByLabel('Reason').fill('a demo')
  await page.getByRole('button', { name: 'Send the request' }).click()
  await expect(page.getByText('You have $2.00 more this month')).toBeVisible()
  await expect(page.getByText(/was approved automatically, for that month alone/)).toBeVisible()

  await owner.page.goto(at('corrections'))
  await owner.page.getByLabel('Key', { exact: true }).selectOption({ index: 1 })
  await owner.page.getByLabel('By how much, in USD').fill('0.75')
  await owner.page.getByLabel('Reason').fill('invoice 7')
  await owner.page.getByRole('button', { name: 'Book the correction' }).click()
  await expect(owner.page.getByText('Usage cannot go below zero')).toBeVisible()
  await owner.page.getByLabel('The provider counted').selectOption('up')
  await owner.page.getByRole('button', { name: 'Book the correction' }).click()
  await expect(owner.page.getByText('The correction is booked')).toBeVisible()
  await expect(owner.page.getByRole('cell', { name: '+$0.75' })).toBeVisible()
  await page.goto(at('ledger'))
  await expect(page.getByText('corrected: more was spent by a key')).toBeVisible()
  await expect(page.getByText('invoice 7', { exact: false })).toBeVisible()
  await owner.page.goto(at('audit'))
  await expect(owner.page.getByText(/approved automatically, for one month/)).toBeVisible()
  await expect(owner.page.getByText(/corrected what was counted for/)).toBeVisible()
  const months = await queryDatabase<{ spent: string; allocated: string }>(
    stage,
    `select sum(b.spent_usd)::text as spent, sum(b.allocated_usd)::text as allocated
      from keymint.budget_months b join keymint.teams t on t.id = b.team_id where t.slug = $1`,
    [slug],
  )
  expect(months).toEqual([{ spent: '0.750000000', allocated: '52.000000000' }])
})

test('an owner limits models, a member without scripts chooses among them, and a live key follows', async ({
  browser,
  stage,
}) => {
  test.setTimeout(120_000)
  const models = 'models-team'
  const owner = await personAt(browser, stage, 26)
  const member = await personAt(browser, stage, 27, { javaScriptEnabled: false })
  const at = (page: string) => `${stage.origin}/t/${models}/${page}`
  await makeTeam(owner.page.context(), stage, { name: 'A team with models', slug: models })
  await depositOpenRouter(owner.page.context(), stage, models)
  await joinTeam(owner.page.context(), member.page.context(), stage, models)
  await setBudget(owner.page.context(), stage, models, await userIdOf(stage, member.login), '50')

  await owner.page.goto(at('limits'))
  const list = owner.page.getByLabel('Models at OpenRouter')
  await list.fill('openai/gpt-5-nanno')
  await owner.page.getByLabel('The list is').selectOption('limit')
  await owner.page.getByRole('button', { name: 'Set the models at OpenRouter' }).click()
  await expect(owner.page.getByText('Did you mean “openai/gpt-5-nano”?')).toBeVisible()
  await list.fill('openai/gpt-5-nano, anthropic/claude-sonnet-4.6')
  await owner.page.getByRole('button', { name: 'Set the models at OpenRouter' }).click()
  await expect(owner.page.getByText('The limit is set')).toBeVisible()

  const { page } = member
  await page.goto(at('store'))
  await page.getByLabel('Purpose').fill('a journey')
  await page.getByLabel('Cap in USD').fill('2')
  await page.getByLabel('openai/gpt-5-nano').check()
  await page.getByRole('button', { name: 'Make the key' }).click()
  await expect(page).toHaveURL(/\/keys\//)
  await expect
    .poll(
      async () => {
        await page.reload()
        return page.getByText('This key works with one model.').isVisible()
      },
      { timeout: 20_000 },
    )
    .toBe(true)
  await expect(page.getByRole('row', { name: /gpt-5-nano.*\$0\.05.*\$0\.40/ })).toBeVisible()

  await owner.page.goto(at('limits'))
  await list.fill('anthropic/claude-sonnet-4.6')
  await owner.page.getByRole('button', { name: 'Set the models at OpenRouter' }).click()
  await expect
    .poll(
      async () => {
        await page.reload()
        return page.getByRole('row', { name: /claude-sonnet-4\.6/ }).isVisible()
      },
      { timeout: 40_000, intervals: [1_000] },
    )
    .toBe(true)
  await owner.page.goto(at('audit'))
  await expect(owner.page.getByText(/changed the models of the team’s keys/).first()).toBeVisible()
})

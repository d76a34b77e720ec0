/** Journeys of a team: an owner and its members, from an empty vault to the audit trail. */
import type { Page } from '@playwright/test'
import { expect, heading, queryDatabase, test, upstreamKeys } from './fixtures'
import type { Stage } from './stage'
import {
  depositOpenRouter,
  joinTeam,
  makeTeam,
  personAt,
  post,
  setBudget,
  spendAt,
  userIdOf,
} from './team-pages'

const budgetOf = (page: Page) => page.getByRole('region', { name: 'Your budget' })

async function provision(
  page: Page,
  stage: Stage,
  input: { purpose: string; cap: string },
): Promise<void> {
  await page.goto(`${stage.origin}/t/data-team/store`)
  await page.getByLabel('Purpose').fill(input.purpose)
  await page.getByLabel('Cap in USD').fill(input.cap)
  await page.getByRole('button', { name: 'Make the key' }).click()
}

// The audit trail lists all of it in order.
test('an owner deposits, invites and allocates; members make, spend, delete and request more', async ({
  browser,
  stage,
  request,
}) => {
  test.setTimeout(300_000)
  const [owner, ada, bob] = [
    await personAt(browser, stage, 60),
    await personAt(browser, stage, 61),
    await personAt(browser, stage, 62),
  ]
  const { origin } = stage

  await owner.page.goto(`${origin}/t/new`)
  await owner.page.getByLabel('Name').fill('Data team')
  await owner.page.getByLabel('Address').fill('data-team')
  await owner.page.getByRole('button', { name: 'Make the team' }).click()
  await expect(owner.page).toHaveURL(/\/t\/data-team\/dashboard$/)

  // A wrong credential is refused with a message. The right one is masked and never shown.
  await owner.page.getByRole('link', { name: 'Vault' }).click()
  await owner.page.getByLabel('OpenRouter credential').fill('sk-or-v1-this-is-not-a-management-key')
  await owner.page.getByRole('button', { name: 'Add to the vault' }).first().click()
  await expect(owner.page.getByText('The credential was not added')).toBeVisible()
  await owner.page.getByLabel('OpenRouter credential').fill(stage.secrets.managementKey)
  await owner.page.getByRole('button', { name: 'Add to the vault' }).first().click()
  await expect(owner.page.getByText('The credential is verified and sealed')).toBeVisible()
  expect(await owner.page.content()).not.toContain(stage.secrets.managementKey)

  for (const guest of [ada, bob]) {
    await owner.page.goto(`${origin}/t/data-team/members`)
    await owner.page.getByRole('button', { name: 'Make an invitation' }).click()
    const link = await owner.page.locator('#invitation-link').innerText()
    await guest.page.goto(link)
    await guest.page.getByRole('button', { name: 'Join the team' }).click()
    await expect(guest.page).toHaveURL(/\/t\/data-team\/dashboard$/)
    await guest.page.goto(link)
    await expect(heading(guest.page, 'You are already in Data team')).toBeVisible()
  }

  await owner.page.goto(`${origin}/t/data-team/members`)
  await owner.page.getByRole('link', { name: ada.name }).click()
  // Exact: the page before has the same field for an invitation, marked as optional.
  await owner.page.getByLabel('Budget a month, in USD', { exact: true }).fill('100')
  await owner.page.getByRole('button', { name: 'Preview' }).click()
  await expect(owner.page.getByText('Free: $0.00 now, $100.00 after.')).toBeVisible()
  await owner.page
    .getByRole('region', { name: 'Change the budget' })
    .getByLabel('Reason')
    .fill('a month of work')
  await owner.page.getByRole('button', { name: 'Set the budget to $100.00' }).click()
  await expect(owner.page.getByText('$100.00 free of $100.00')).toBeVisible()

  await provision(ada.page, stage, { purpose: 'evaluations', cap: '20' })
  await expect(heading(ada.page, '“evaluations” is ready')).toBeVisible({ timeout: 30_000 })
  const evaluations = ada.page.url()
  await ada.page.getByRole('button', { name: 'Show key' }).click()
  await expect(ada.page.getByRole('button', { name: 'Hide key' })).toBeVisible()
  const secret = await ada.page.locator('#key-text').innerText()
  const upstream = (await upstreamKeys(ada.page, stage, 'team.data-team')).find(
    (key) => key.key === secret,
  )
  expect(upstream).toMatchObject({ limit: 20 })
  await provision(ada.page, stage, { purpose: 'a prototype', cap: '30' })
  await expect(heading(ada.page, '“a prototype” is ready')).toBeVisible({ timeout: 30_000 })
  await ada.page.goto(`${origin}/t/data-team/store`)
  await expect(budgetOf(ada.page)).toContainText('$50.00 free of $100.00')

  // What is spent at the provider appears by itself, because usage is read once a minute.
  await spendAt(request, stage, upstream!.hash, 7.5)
  await expect
    .poll(
      async () => {
        await ada.page.goto(evaluations)
        return ada.page.getByRole('region', { name: 'Usage' }).innerText()
      },
      { timeout: 100_000, intervals: [2_000] },
    )
    .toContain('$12.50 left of $20.00')
  await ada.page.goto(`${origin}/t/data-team/store`)
  await expect(budgetOf(ada.page)).toContainText('$7.50 is spent')
  await expect(budgetOf(ada.page)).toContainText('$42.50 is set aside')

  // A deleted key ends at once and is disabled at the provider. What it has not spent is free after
  // the last reading, two minutes later.
  await ada.page.goto(evaluations)
  await ada.page.getByText('Delete it').click()
  await ada.page.getByRole('button', { name: 'Delete the key' }).click()
  await expect(heading(ada.page, '“evaluations” has ended')).toBeVisible()
  const closed = async () =>
    (
      await queryDatabase<{ closed: boolean }>(
        stage,
        'select closed_upstream_at is not null as closed from keymint.api_keys where key_hash = $1',
        [upstream!.hash],
      )
    )[0]?.closed
  await expect.poll(closed, { timeout: 30_000 }).toBe(true)
  const dead = await request.post(`${stage.openrouter.baseUrl}/chat/completions`, {
    headers: { Authorization: `Bearer ${secret}` },
    data: { model: 'openai/gpt-5-nano', messages: [{ role: 'user', content: 'hi' }] },
  })
  expect(dead.status()).toBe(401)
  // As if it had been closed eight minutes ago and read three times since: the next reading settles.
  await queryDatabase(
    stage,
    `update keymint.keys set closed_at = closed_at - interval '8 min', own_reads = 3, grown_at = null,
      next_read_at = now() where hash = $1`,
    [upstream!.hash],
  )
  await expect
    .poll(
      async () => {
        await ada.page.goto(`${origin}/t/data-team/store`)
        return budgetOf(ada.page).innerText()
      },
      { timeout: 100_000, intervals: [2_000] },
    )
    .toContain('$62.50 free of $100.00')

  // A cap above what is free is refused with a message, then requested, approved and made.
  await provision(ada.page, stage, { purpose: 'a big run', cap: '90' })
  await expect(
    ada.page.getByText('Your budget is not enough for this cap. $62.50 is free'),
  ).toBeVisible()
  const more = ada.page.getByRole('region', { name: 'Request more budget' })
  await more.getByLabel('More a month, in USD').fill('40')
  await more.getByLabel('Reason').fill('the big run')
  await more.getByRole('button', { name: 'Send the request' }).click()
  await expect(ada.page.getByText('You requested $40.00 more a month')).toBeVisible()
  await owner.page.goto(`${origin}/t/data-team/members`)
  await owner.page.getByLabel('Message to them (optional)').fill('go ahead')
  await owner.page.getByRole('button', { name: `Approve more for ${ada.name}` }).click()
  await expect(owner.page.getByText('Budget requests')).toBeHidden()
  await provision(ada.page, stage, { purpose: 'a big run', cap: '90' })
  await expect(heading(ada.page, '“a big run” is ready')).toBeVisible({ timeout: 30_000 })

  // Bob has no budget, and sees nothing of Ada's.
  await bob.page.goto(`${origin}/t/data-team/my-keys`)
  await expect(bob.page.getByText('a big run')).toBeHidden()
  expect((await bob.page.goto(ada.page.url()))?.status()).toBe(404)
  expect((await bob.page.goto(`${origin}/t/data-team/audit`))?.status()).toBe(404)

  await owner.page.goto(`${origin}/t/data-team/audit`)
  const told = (
    await owner.page.getByRole('region', { name: 'Events' }).getByRole('row').allInnerTexts()
  )
    .slice(1)
    .reverse()
    .map((row) => row.replace(/\s+/g, ' '))
  const story: [string, string][] = [
    [owner.name, 'created the team'],
    [owner.name, 'added to the vault'],
    [owner.name, 'sent an invitation'],
    [ada.name, 'joined'],
    [bob.name, 'joined'],
    [owner.name, 'set the budget of'],
    [ada.name, 'requested the key evaluations'],
    ['Keymint', 'created the key evaluations'],
    [ada.name, 'viewed the key evaluations'],
    ['Keymint', 'created the key a prototype'],
    [ada.name, 'deleted the key evaluations'],
    ['Keymint', 'disabled at the provider: evaluations'],
    ['Keymint', 'settled the final usage of evaluations'],
    [ada.name, 'requested a bigger budget'],
    [owner.name, 'approved a bigger budget for'],
    ['Keymint', 'created the key a big run'],
  ]
  let at = -1
  for (const [who, did] of story) {
    const next = told.findIndex(
      (row, index) => index > at && row.includes(who) && row.includes(did),
    )
    expect(
      next,
      `${who} ${did}, after ${at < 0 ? 'the beginning' : told[at]}, in\n${told.join('\n')}`,
    ).toBeGreaterThan(at)
    at = next
  }
  const csv = await owner.page.request.get(`${origin}/t/data-team/audit.csv`)
  expect(await csv.text()).toContain('key.settled')
  expect(await csv.text()).not.toContain(secret)
})

test('a cap is raised and a key replaced; removing a member ends the keys', async ({
  browser,
  stage,
}) => {
  test.setTimeout(120_000)
  const [owner, member] = [await personAt(browser, stage, 63), await personAt(browser, stage, 64)]
  const slug = 'second-team'
  await makeTeam(owner.page.context(), stage, { name: 'Second team', slug })
  await depositOpenRouter(owner.page.context(), stage, slug)
  await joinTeam(owner.page.context(), member.page.context(), stage, slug)
  await setBudget(owner.page.context(), stage, slug, await userIdOf(stage, member.login), '50')

  await member.page.goto(`${stage.origin}/t/${slug}/store`)
  await member.page.getByLabel('Purpose').fill('a monthly helper')
  await member.page.getByLabel('Cap in USD').fill('10')
  await member.page.getByLabel('The cap counts').selectOption('monthly')
  await member.page.getByRole('button', { name: 'Make the key' }).click()
  await expect(heading(member.page, '“a monthly helper” is ready')).toBeVisible({
    timeout: 30_000,
  })
  const [first] = await upstreamKeys(member.page, stage, `team.${slug}`)

  await member.page.getByLabel('New cap in USD').fill('60')
  await member.page.getByRole('button', { name: 'Preview' }).click()
  await expect(member.page.getByText('The budget is not enough for this cap')).toBeVisible()
  await member.page.getByLabel('New cap in USD').fill('25')
  await member.page.getByRole('button', { name: 'Preview' }).click()
  await expect(member.page.getByText('Free in the budget: $40.00 now, $25.00 after.')).toBeVisible()
  await member.page
    .getByRole('region', { name: 'Change the cap' })
    .getByLabel('Reason')
    .fill('more to do')
  await member.page.getByRole('button', { name: 'Change the cap to $25.00' }).click()
  await expect(member.page.getByText('$25.00 left of $25.00 this month')).toBeVisible({
    timeout: 30_000,
  })
  expect((await upstreamKeys(member.page, stage, `team.${slug}`))[0]).toMatchObject({ limit: 25 })

  await member.page.getByText('Replace it with a new key').click()
  await member.page.getByRole('button', { name: 'Replace the key' }).click()
  await expect
    .poll(
      async () =>
        (await upstreamKeys(member.page, stage, `team.${slug}`))
          .filter((key) => key.hash !== first?.hash)
          .map((key) => key.limit),
      { timeout: 120_000 },
    )
    .toEqual([25])
  await expect(heading(member.page, '“a monthly helper” is ready')).toBeVisible({
    timeout: 30_000,
  })

  await owner.page.goto(`${stage.origin}/t/${slug}/members`)
  await owner.page.getByRole('link', { name: member.name }).click()
  await owner.page.getByText('Remove them from the team').click()
  await owner.page
    .getByRole('button', { name: `Remove ${member.name}` })
    .locator('xpath=ancestor::form')
    .getByLabel('Reason')
    .fill('the project is over')
  await owner.page.getByRole('button', { name: `Remove ${member.name}` }).click()
  await expect(owner.page).toHaveURL(/\/members$/)
  expect((await member.page.goto(`${stage.origin}/t/${slug}/dashboard`))?.status()).toBe(404)
  const open = () =>
    queryDatabase<{ open: number }>(
      stage,
      `select count(*)::int as open from keymint.api_keys k join keymint.teams t on t.id = k.team_id
        where t.slug = $1 and k.closed_upstream_at is null`,
      [slug],
    )
  await expect.poll(async () => (await open())[0]?.open, { timeout: 30_000 }).toBe(0)

  // The last owner stays.
  await post(owner.page.context(), stage, `/t/${slug}/dashboard`, { intent: 'leave', sure: 'yes' })
  expect((await owner.page.goto(`${stage.origin}/t/${slug}/dashboard`))?.status()).toBe(200)
})

test.describe('without JavaScript', () => {
  test('a key is made, watched, shown and deleted by forms alone', async ({ browser, stage }) => {
    test.setTimeout(90_000)
    const owner = await personAt(browser, stage, 65, { javaScriptEnabled: false })
    const slug = 'plain-team'
    await makeTeam(owner.page.context(), stage, { name: 'Plain team', slug })
    await depositOpenRouter(owner.page.context(), stage, slug)
    await setBudget(owner.page.context(), stage, slug, await userIdOf(stage, owner.login), '5')
    await owner.page.goto(`${stage.origin}/t/${slug}/store`)
    await owner.page.getByLabel('Purpose').fill('by hand')
    await owner.page.getByLabel('Cap in USD').fill('2')
    await owner.page.getByRole('button', { name: 'Make the key' }).click()
    await expect(async () => {
      const check = owner.page.getByRole('link', { name: 'Check again' })
      if (await check.isVisible()) await check.click()
      else await owner.page.reload()
      await expect(heading(owner.page, '“by hand” is ready')).toBeVisible({ timeout: 500 })
    }).toPass({ timeout: 30_000 })
    await owner.page.getByRole('button', { name: 'Show key' }).click()
    await expect(heading(owner.page, 'Your key')).toBeVisible()
    await owner.page.getByRole('link', { name: 'Hide the key and go back' }).click()
    await owner.page.getByText('Delete it').click()
    await owner.page.getByRole('button', { name: 'Delete the key' }).click()
    await expect(heading(owner.page, '“by hand” has ended')).toBeVisible()
  })
})

/**
 * The team door: an owner and two members, from an empty vault to an audit trail that tells the
 * story.
 */
import AxeBuilder from '@axe-core/playwright'
import type { Browser, Page } from '@playwright/test'
import { attendee, expect, heading, queryDatabase, signInTo, test, upstreamKeys } from './fixtures'
import type { Stage } from './stage'
import {
  depositOpenRouter,
  inviteLink,
  joinTeam,
  makeTeam,
  post,
  setBudget,
  spendAt,
  userIdOf,
} from './team-pages'

async function personAt(
  browser: Browser,
  stage: Stage,
  number: number,
  options: object = {},
): Promise<{ page: Page; name: string; login: string }> {
  const context = await browser.newContext(options)
  const person = attendee(number)
  await signInTo(context, stage.origin, person.login)
  return { page: await context.newPage(), ...person }
}

const budgetOf = (page: Page) => page.getByRole('region', { name: 'Your budget' })

async function provision(
  page: Page,
  stage: Stage,
  wish: { purpose: string; cap: string },
): Promise<void> {
  await page.goto(`${stage.origin}/t/data-team/store`)
  await page.getByLabel('Purpose').fill(wish.purpose)
  await page.getByLabel('Cap in USD').fill(wish.cap)
  await page.getByRole('button', { name: 'Make the key' }).click()
}

test('an owner deposits, invites and allocates; members make, spend, delete and ask for more; the audit trail tells it in order', async ({
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

  // A credential that is none is refused in words, and the true one is shown masked and never
  // again.
  await owner.page.getByRole('link', { name: 'Vault' }).click()
  await owner.page.getByLabel('OpenRouter credential').fill('sk-or-v1-this-is-not-a-management-key')
  await owner.page.getByRole('button', { name: 'Put it into the vault' }).first().click()
  await expect(owner.page.getByText('It was not put in.')).toBeVisible()
  await owner.page.getByLabel('OpenRouter credential').fill(stage.secrets.managementKey)
  await owner.page.getByRole('button', { name: 'Put it into the vault' }).first().click()
  await expect(owner.page.getByText('The credential is verified and sealed.')).toBeVisible()
  expect(await owner.page.content()).not.toContain(stage.secrets.managementKey)

  for (const guest of [ada, bob]) {
    await owner.page.goto(`${origin}/t/data-team/members`)
    await owner.page.getByRole('button', { name: 'Make an invitation' }).click()
    const link = await owner.page.locator('#invitation-link').innerText()
    await guest.page.goto(link)
    await guest.page.getByRole('button', { name: 'Join the team' }).click()
    await expect(guest.page).toHaveURL(/\/t\/data-team\/dashboard$/)
    await guest.page.goto(link)
    await expect(heading(guest.page, 'You are in Data team already.')).toBeVisible()
  }

  await owner.page.goto(`${origin}/t/data-team/members`)
  await owner.page.getByRole('link', { name: ada.name }).click()
  await owner.page.getByLabel('Budget a month, in USD').fill('100')
  await owner.page.getByRole('button', { name: 'See what it does' }).click()
  await expect(owner.page.getByText('Free now $0.00, and $100.00 after.')).toBeVisible()
  await owner.page
    .getByRole('region', { name: 'Change the budget' })
    .getByLabel('Reason')
    .fill('a month of work')
  await owner.page.getByRole('button', { name: 'Set the budget to $100.00' }).click()
  await expect(owner.page.getByText('$100.00 free of $100.00')).toBeVisible()

  await provision(ada.page, stage, { purpose: 'evaluations', cap: '20' })
  await expect(heading(ada.page, '“evaluations” is ready.')).toBeVisible({ timeout: 30_000 })
  const evaluations = ada.page.url()
  await ada.page.getByRole('button', { name: 'Show key' }).click()
  await expect(ada.page.getByRole('button', { name: 'Hide key' })).toBeVisible()
  const secret = await ada.page.locator('#key-text').innerText()
  const upstream = (await upstreamKeys(ada.page, stage, 'team.data-team')).find(
    (key) => key.key === secret,
  )
  expect(upstream).toMatchObject({ limit: 20 })
  await provision(ada.page, stage, { purpose: 'a prototype', cap: '30' })
  await expect(heading(ada.page, '“a prototype” is ready.')).toBeVisible({ timeout: 30_000 })
  await ada.page.goto(`${origin}/t/data-team/store`)
  await expect(budgetOf(ada.page)).toContainText('$50.00 free of $100.00')

  // Some is spent at the provider, and seen without anybody asking: the schedule is once a minute.
  await spendAt(request, stage, upstream!.hash, 7.5)
  await expect
    .poll(
      async () => {
        await ada.page.goto(evaluations)
        return ada.page.getByRole('region', { name: 'What it has spent' }).innerText()
      },
      { timeout: 100_000, intervals: [2_000] },
    )
    .toContain('$12.50 left of $20.00')
  await ada.page.goto(`${origin}/t/data-team/store`)
  await expect(budgetOf(ada.page)).toContainText('$7.50 is used up')
  await expect(budgetOf(ada.page)).toContainText('$42.50 is set aside')

  // Deleted: ended at once, closed at the provider; the unspent part is free after the last
  // reading, two minutes later.
  await ada.page.goto(evaluations)
  await ada.page.getByText('Delete it').click()
  await ada.page.getByRole('button', { name: 'Delete the key' }).click()
  await expect(heading(ada.page, '“evaluations” has ended.')).toBeVisible()
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
  await queryDatabase(
    stage,
    `update keymint.api_keys set ended_at = ended_at - interval '3 min', closed_upstream_at = closed_upstream_at - interval '3 min' where key_hash = $1`,
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

  // More than is free is refused in words, asked for, granted, and made.
  await provision(ada.page, stage, { purpose: 'a big run', cap: '90' })
  await expect(
    ada.page.getByText('Your budget does not leave that much. $62.50 is free'),
  ).toBeVisible()
  const more = ada.page.getByRole('region', { name: 'Ask for more' })
  await more.getByLabel('More a month, in USD').fill('40')
  await more.getByLabel('Why').fill('the big run')
  await more.getByRole('button', { name: 'Ask the owners' }).click()
  await expect(ada.page.getByText('You asked for $40.00 more a month.')).toBeVisible()
  await owner.page.goto(`${origin}/t/data-team/members`)
  await owner.page.getByLabel('Words for them (optional)').fill('go ahead')
  await owner.page.getByRole('button', { name: `Approve $40.00 more for ${ada.name}` }).click()
  await expect(owner.page.getByText('They ask for more')).toBeHidden()
  await provision(ada.page, stage, { purpose: 'a big run', cap: '90' })
  await expect(heading(ada.page, '“a big run” is ready.')).toBeVisible({ timeout: 30_000 })

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
    [ada.name, 'asked for a bigger budget'],
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
  expect(await csv.text()).toContain('sub-key.settled')
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
  await expect(heading(member.page, '“a monthly helper” is ready.')).toBeVisible({
    timeout: 30_000,
  })
  const [first] = await upstreamKeys(member.page, stage, `team.${slug}`)

  await member.page.getByLabel('New cap in USD').fill('60')
  await member.page.getByRole('button', { name: 'See what it does' }).click()
  await expect(member.page.getByText('The budget does not leave that much.')).toBeVisible()
  await member.page.getByLabel('New cap in USD').fill('25')
  await member.page.getByRole('button', { name: 'See what it does' }).click()
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

  await member.page.getByText('Replace it by a new key').click()
  await member.page.getByRole('button', { name: 'Replace the key' }).click()
  await expect
    .poll(
      async () =>
        (await upstreamKeys(member.page, stage, `team.${slug}`))
          .filter((key) => key.hash !== first?.hash)
          .map((key) => key.limit),
      { timeout: 30_000 },
    )
    .toEqual([25])
  await expect(heading(member.page, '“a monthly helper” is ready.')).toBeVisible({
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
      `select count(*)::int as open from keymint.api_keys k join keymint.teams t on t.id = k.team_id where t.slug = $1 and k.closed_upstream_at is null`,
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
      const again = owner.page.getByRole('link', { name: 'Check again' })
      if (await again.isVisible()) await again.click()
      else await owner.page.reload()
      await expect(heading(owner.page, '“by hand” is ready.')).toBeVisible({ timeout: 500 })
    }).toPass({ timeout: 30_000 })
    await owner.page.getByRole('button', { name: 'Show key' }).click()
    await expect(heading(owner.page, 'Your key')).toBeVisible()
    await owner.page.getByRole('link', { name: 'Hide the key and go back' }).click()
    await owner.page.getByText('Delete it').click()
    await owner.page.getByRole('button', { name: 'Delete the key' }).click()
    await expect(heading(owner.page, '“by hand” has ended.')).toBeVisible()
  })
})

test('every page of a team meets WCAG 2.2 AA on a phone and a desk, light and dark, empty and full', async ({
  browser,
  stage,
}) => {
  test.setTimeout(300_000)
  const owner = await personAt(browser, stage, 66)
  const slug = 'looked-at-team'
  const problems: string[] = []
  const check = async (name: string) => {
    const { violations } = await new AxeBuilder({ page: owner.page })
      .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
      .analyze()
    problems.push(
      ...violations.map(
        ({ id, nodes }) =>
          `${name}: ${id} at ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
      ),
    )
    const overflow = await owner.page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    )
    if (overflow > 0) problems.push(`${name}: ${overflow} px wider than the screen`)
  }
  const pages = ['dashboard', 'my-keys', 'store', 'members', 'vault', 'audit']
  const look = async (colorScheme: 'light' | 'dark', width: number, addresses: string[]) => {
    await owner.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await owner.page.setViewportSize({ width, height: 900 })
    for (const address of addresses) {
      await owner.page.goto(`${stage.origin}${address}`)
      await check(`${address}, ${colorScheme}, ${width}`)
    }
  }
  const context = owner.page.context()
  await makeTeam(context, stage, { name: 'A team that is looked at', slug })
  const team = pages.map((page) => `/t/${slug}/${page}`)
  await look('light', 375, ['/t/new', ...team])

  const masterKey = await depositOpenRouter(context, stage, slug)
  const userId = await userIdOf(stage, owner.login)
  await setBudget(context, stage, slug, userId, '30')
  const made = await post(context, stage, `/t/${slug}/store`, {
    intent: 'provision',
    masterKey,
    purpose: 'a purpose that is rather long, so that it has to be broken somewhere',
    cap: '10',
    reset: 'monthly',
    life: '7d',
  })
  const key = made.headers().location ?? ''
  await post(context, stage, `/t/${slug}/store`, { intent: 'ask', more: '5', why: 'because' })
  await expect
    .poll(
      async () => {
        await owner.page.goto(`${stage.origin}${key}`)
        return owner.page.title()
      },
      { timeout: 30_000 },
    )
    .toContain('Ready')
  const [row] = await queryDatabase<{ key_hash: string }>(
    stage,
    'select key_hash from keymint.api_keys k join keymint.teams t on t.id = k.team_id where t.slug = $1',
    [slug],
  )
  await spendAt(context.request, stage, row!.key_hash, 9)
  await expect
    .poll(
      async () => {
        await owner.page.goto(`${stage.origin}/t/${slug}/dashboard`)
        return owner.page.getByRole('img').count()
      },
      { timeout: 100_000, intervals: [2_000] },
    )
    .toBe(1)
  const member = `/t/${slug}/members/${encodeURIComponent(userId)}`
  const full = [
    ...team,
    key,
    `${key}?cap=15`,
    `${member}?budget=5&effective=now`,
    await inviteLink(context, stage, slug),
  ]
  for (const width of [375, 1280])
    for (const colorScheme of ['light', 'dark'] as const) await look(colorScheme, width, full)
  expect(problems).toEqual([])
})

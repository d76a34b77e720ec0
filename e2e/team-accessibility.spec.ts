/** Accessibility of the team's pages: every page, empty and full, on a phone and a desk. */
import AxeBuilder from '@axe-core/playwright'
import { expect, queryDatabase, test } from './fixtures'
import {
  depositOpenRouter,
  inviteLink,
  makeTeam,
  personAt,
  post,
  setBudget,
  spendAt,
  userIdOf,
} from './team-pages'

test('every page of a team meets WCAG 2.2 AA, light and dark, small and large', async ({
  browser,
  stage,
}) => {
  test.setTimeout(420_000)
  const owner = await personAt(browser, stage, 19)
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
  const pages = [
    'dashboard',
    'my-keys',
    'store',
    'spending',
    'ledger',
    'members',
    'service-accounts',
    'budgets',
    'limits',
    'corrections',
    'vault',
    'audit',
    'notifications',
    'close',
  ]
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
  const account = await post(context, stage, `/t/${slug}/service-accounts`, {
    intent: 'make',
    name: 'CI with a name that is rather long, to be broken somewhere',
    budget: '20',
  })
  const service = account.headers().location ?? ''
  const serviceId = service.split('/').at(-1) ?? ''
  const services = await post(context, stage, `/t/${slug}/store`, {
    intent: 'provision',
    for: decodeURIComponent(serviceId),
    masterKey,
    purpose: 'builds',
    cap: '10',
    reset: 'monthly',
    life: '30d',
  })
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
  await post(context, stage, `/t/${slug}/limits`, { intent: 'team-ceiling', amount: '12', was: '' })
  const approval = { intent: 'approval', perRequest: '5', perMonth: '20' }
  await post(context, stage, `/t/${slug}/limits`, approval)
  await owner.page.goto(`${stage.origin}/t/${slug}/corrections`)
  const choice = owner.page.getByLabel('Key', { exact: true }).locator('option').nth(1)
  const corrected = await post(context, stage, `/t/${slug}/corrections`, {
    intent: 'correct',
    key: (await choice.getAttribute('value')) ?? '',
    direction: 'up',
    amount: '5',
    month: `${new Date().toISOString().slice(0, 7)}-01`,
    reason: 'an invoice that names more than the readings',
  })
  expect(corrected.status(), await corrected.text()).toBe(303)
  const member = `/t/${slug}/members/${encodeURIComponent(userId)}`
  const full = [
    ...team,
    service,
    services.headers().location ?? '',
    `/t/${slug}/store?for=${serviceId}`,
    key,
    `${key}?cap=15`,
    `${member}?budget=5&effective=now`,
    await inviteLink(context, stage, slug),
  ]
  for (const width of [375, 1280])
    for (const colorScheme of ['light', 'dark'] as const) await look(colorScheme, width, full)
  expect(problems).toEqual([])
})

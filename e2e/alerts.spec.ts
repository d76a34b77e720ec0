/**
 * An alert leaves Keymint: a receiving server gets it signed, its answer appears on the page, and the
 * end is told too. In a world of its own, whose alerts go to that server.
 */
import { createHmac } from 'node:crypto'
import AxeBuilder from '@axe-core/playwright'
import { openReceiver } from '../tests/receiver'
import { expect, heading, queryDatabase, signInTo, test as base } from './fixtures'
import type { Stage } from './stage'
import { openJourneysWorld } from './world'

const secret = 'the-secret-of-the-journeys-webhook'
type Receiver = Awaited<ReturnType<typeof openReceiver>>

const test = base.extend<object, { stage: Stage; receiver: Receiver }>({
  receiver: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      await using receiver = await openReceiver()
      await use(receiver)
    },
    { scope: 'worker' },
  ],
  stage: [
    async ({ receiver }, use) => {
      const world = await openJourneysWorld({
        ALERT_WEBHOOK_URL: `${receiver.url}/hook`,
        ALERT_WEBHOOK_SECRET: secret,
        ALERT_SLACK_URL: `${receiver.url}/services/T0/B0/secret-path`,
      })
      await use(world.stage)
      await world.close()
    },
    { scope: 'worker', timeout: 120_000 },
  ],
})

test('an alert is sent, accepted by a receiving server, and resolved', async ({
  page,
  stage,
  signIn,
  faults,
  receiver,
  browser,
}) => {
  test.setTimeout(180_000)
  await signIn('admin')
  await page.goto('/admin/alerts')
  await expect(page.getByText('Webhook', { exact: true })).toBeVisible()

  receiver.answers.push(500)
  await page.getByRole('button', { name: /^Send a test: Webhook/ }).click()
  await expect(page.getByText(/The test (did not reach|reached) 127\.0\.0\.1/)).toBeVisible()
  await expect(page.getByText(/The test reached 127\.0\.0\.1/)).toBeVisible({ timeout: 20_000 })
  await expect(page.getByText('Delivered after 2 tries')).toBeVisible()
  const tests = receiver.received.filter(({ json }) => json.event === 'test')
  expect(tests).toHaveLength(2)
  expect(tests[0]?.json.id).toBe(tests[1]?.json.id)

  await faults({ credits: 0.5 })
  const of = (event: string) =>
    receiver.received.find(
      ({ json }) => json.event === event && json.title.includes('The account has $0.50 left'),
    )
  await expect.poll(() => of('raised') !== undefined, { timeout: 60_000 }).toBe(true)
  const { headers, body, json } = of('raised')!
  const [, time] = /^t=(\d+),/.exec(String(headers['keymint-signature'])) ?? []
  expect(headers['keymint-signature']).toBe(
    `t=${time},v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`,
  )
  expect(json).toMatchObject({ url: `${stage.origin}/admin`, alert: { kind: 'credits' } })
  await expect(heading(page, /^Alerts: \d+ (is|are) open$/)).toBeVisible({ timeout: 20_000 })
  await expect(
    page.getByText(/(Warning|Error): The account has \$0\.50 left/).first(),
  ).toBeVisible()
  await expect(
    page.getByRole('row').filter({ hasText: 'The account has $0.50 left' }).first(),
  ).toContainText('HTTP 200')
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([])
  for (const width of [320, 375]) {
    await page.setViewportSize({ width, height: 800 })
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
      width,
    )
  }
  const html = await page.content()
  for (const hidden of [secret, '/hook', 'secret-path']) expect(html).not.toContain(hidden)

  const looking = await browser.newContext()
  await signInTo(looking, stage.origin, 'viewer')
  const theirs = await looking.newPage()
  await theirs.goto(`${stage.origin}/admin/alerts`)
  await expect(heading(theirs, /^Alerts: /)).toBeVisible()
  await expect(theirs.getByRole('main').getByRole('button')).toHaveText(['Pause updates'])
  await looking.close()

  await faults({ credits: 1_000_000_000 })
  const gone = `select 1 from keymint.alerts where kind = 'credits' and gone_at is not null`
  await expect
    .poll(async () => (await queryDatabase(stage, gone)).length, { timeout: 60_000 })
    .toBe(1)
  await queryDatabase(
    stage,
    `update keymint.alerts set gone_at = gone_at - interval '10 minutes',
      opened_at = opened_at - interval '10 minutes' where kind = 'credits'`,
  )
  await expect.poll(() => of('resolved') !== undefined, { timeout: 60_000 }).toBe(true)
  expect(of('resolved')?.json.title).toMatch(/^Resolved: /)
  await expect(page.getByText(/^Resolved: The account has/).first()).toBeVisible({
    timeout: 20_000,
  })
})

test('a message that the receiver refuses has failed, and is sent again on request', async ({
  page,
  signIn,
  receiver,
}) => {
  await signIn('admin')
  await page.goto('/admin/alerts')
  receiver.answers.push((response) => response.writeHead(404).end('no_such_channel'))
  await page.getByRole('button', { name: /^Send a test: Slack webhook/ }).click()
  await expect(page.getByText(/The test did not reach 127\.0\.0\.1/)).toBeVisible({
    timeout: 20_000,
  })
  const row = page.getByRole('row').filter({ hasText: 'HTTP 404' })
  await expect(row).toContainText('The receiver refused it')
  await row.getByText('What it said').click()
  await expect(row.getByText('no_such_channel')).toBeVisible()
  await row.getByRole('button', { name: /^Retry: / }).click()
  await expect(page.getByText('The message is sent again')).toBeVisible()
  await expect(page.getByText('Delivered after 2 tries').first()).toBeVisible({ timeout: 20_000 })
})

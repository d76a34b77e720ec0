/** What runs by itself, run, paused and resumed by an admin; and the report of a workshop. */
import AxeBuilder from '@axe-core/playwright'
import {
  attendee,
  claimOverHttp,
  expect,
  heading,
  queryDatabase,
  revealOverHttp,
  signInTo,
  test,
  upstreamKeys,
} from './fixtures'

test('a schedule runs at once, and a queue is paused with its name typed and resumed, without a script too', async ({
  page,
  browser,
  stage,
  signIn,
}) => {
  test.slow()
  await signIn('admin')
  await page.goto('/admin/queue')
  await page.getByRole('link', { name: 'What runs by itself' }).click()
  await expect(heading(page, 'What runs by itself')).toBeVisible()
  const row = page.getByRole('row').filter({ hasText: 'Delete data past its retention' })
  await expect(row).toContainText('Every day at 03:23 UTC')
  await row.getByRole('link', { name: /^Run now/ }).click()
  await page.getByRole('button', { name: 'Run it now' }).click()
  await expect(
    page.getByText('“Delete data past its retention” starts within two seconds.'),
  ).toBeVisible()
  await expect(row).toContainText('Done', { timeout: 30_000 })

  // Without a script: the same forms.
  const plain = await browser.newContext({ baseURL: stage.origin, javaScriptEnabled: false })
  await signInTo(plain, stage.origin, 'admin')
  const form = await plain.newPage()
  try {
    await form.goto('/admin/queue/schedules?pause=stop-at-cap')
    await form.getByRole('textbox', { name: 'Reason' }).fill('The provider asked for it.')
    await form.getByRole('textbox', { name: 'Type stop-at-cap to confirm' }).fill('stop')
    await form.getByRole('button', { name: 'Pause “Stop a key at its cap”' }).click()
    await expect(form.getByText('Type stop-at-cap exactly.')).toBeVisible()
    await expect(form.getByRole('textbox', { name: 'Reason' })).toHaveValue(
      'The provider asked for it.',
    )
    await form.getByRole('textbox', { name: 'Type stop-at-cap to confirm' }).fill('stop-at-cap')
    await form.getByRole('button', { name: 'Pause “Stop a key at its cap”' }).click()
    await expect(form.getByText('“Stop a key at its cap” is paused.')).toBeVisible()

    await page.goto('/admin/queue')
    await expect(page.getByText('A queue is paused')).toBeVisible()
    await expect(page.getByText('“The provider asked for it.”')).toBeVisible()
    await page.getByRole('link', { name: 'Resume on the Schedules page' }).click()
    await page.getByRole('button', { name: 'Resume: Stop a key at its cap' }).click()
    await expect(page.getByText('“Stop a key at its cap” is resumed.')).toBeVisible()
    await expect(page.getByText('A queue is paused')).toHaveCount(0)
  } finally {
    await queryDatabase(stage, 'delete from keymint.paused_queues')
    await plain.close()
  }
})

test('a workshop’s report says what may still be spent, and its file of costs has no name in it', async ({
  page,
  browser,
  stage,
  signIn,
  request,
}) => {
  test.slow()
  for (const number of [60, 61, 62]) {
    const guest = await browser.newContext()
    await signInTo(guest, stage.origin, attendee(number).login)
    await claimOverHttp(guest, stage.origin, 'report-room')
    await revealOverHttp(guest, stage.origin, 'report-room')
    await guest.close()
  }
  const keys = await upstreamKeys(page, stage, 'report-room')
  for (const [place, { hash }] of keys.slice(0, 2).entries())
    await request.post(`${stage.openrouter.root}/__sim/spend`, {
      data: { hash, usd: place === 0 ? 0.04 : 0.01 },
    })
  await signIn('admin')
  await expect(async () => {
    await page.goto('/admin/w/report-room/receipt')
    await expect(
      page
        .getByRole('term')
        .filter({ hasText: /^Spent$/ })
        .locator('..'),
    ).toContainText('$0.05')
  }).toPass({ timeout: 40_000 })
  await expect(page.getByText(/3 keys may still spend until /)).toBeVisible()
  await expect(page.getByRole('img', { name: /^2 people of 3 spent something/ })).toBeVisible()
  // Other journeys of this person have downloaded as often as one may in a minute.
  await queryDatabase(stage, 'delete from keymint.rate_limits')
  const file = await page.request.get('/admin/w/report-room/receipt.csv')
  const text = await file.text()
  expect(text).toContain('1,0.040000000,0.060000000,1,no')
  for (const number of [60, 61, 62])
    expect(text).not.toMatch(new RegExp(`${attendee(number).login}|${attendee(number).name}`))
  await page.emulateMedia({ media: 'print' })
  await expect(
    page.getByRole('heading', { name: 'Cost of each person, without names' }),
  ).toBeVisible()
})

test('the pages of schedules and of a report have no accessibility problem at any width or colour', async ({
  browser,
  stage,
}) => {
  test.slow()
  const problems: string[] = []
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [320, 1280]) {
      const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } })
      await signInTo(context, stage.origin, 'admin')
      const page = await context.newPage()
      for (const path of [
        '/admin/queue/schedules',
        '/admin/queue/schedules?run=sweep',
        '/admin/queue/schedules?pause=apply-key',
        '/admin/w/report-room/receipt',
        '/admin/w/closed-room/receipt',
        '/admin/w/small-keys/receipt',
      ]) {
        await page.goto(stage.origin + path)
        const { violations } = await new AxeBuilder({ page })
          .withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'])
          .analyze()
        problems.push(
          ...violations.map(
            ({ id, nodes }) =>
              `${path} ${width} ${colorScheme}: ${id} ${nodes[0]?.target.join(' ')}`,
          ),
        )
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        )
        if (overflow > 0) problems.push(`${path} ${width}: ${overflow} px too wide`)
      }
      await context.close()
    }
  }
  expect(problems).toEqual([])
})

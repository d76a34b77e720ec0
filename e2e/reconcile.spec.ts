/** The provider compared with our rows: an admin reads each difference and its repair, and repairs. */
import AxeBuilder from '@axe-core/playwright'
import {
  attendee,
  claimOverHttp,
  expect,
  heading,
  queryDatabase,
  revealOverHttp,
  sidewaysTables,
  signInTo,
  test,
  upstreamKeys,
} from './fixtures'

test('an admin checks, sees each difference with its repair, repairs one and then the rest', async ({
  page,
  browser,
  stage,
  signIn,
}) => {
  for (const number of [90, 91, 92]) {
    const context = await browser.newContext()
    await signInTo(context, stage.origin, attendee(number).login)
    await claimOverHttp(context, stage.origin, 'second-room')
    await revealOverHttp(context, stage.origin, 'second-room')
    await context.close()
  }
  await expect
    .poll(
      async () =>
        (
          await queryDatabase(
            stage,
            `select 1 from keymint.workshop_attendance where workshop_slug = 'second-room' and state ` +
              `= 'ready' and guardrail_attached_at is null`,
          )
        ).length,
    )
    .toBe(0)
  await queryDatabase(
    stage,
    `update keymint.keys set saved_at = saved_at - interval '1 minute' where scope = 'second-room'`,
  )

  await signIn('admin')
  await page.goto('/admin/reconcile')
  await expect(heading(page, 'Reconcile')).toBeVisible()
  await page.getByRole('button', { name: 'Check now' }).click()
  await expect(page.getByText('A check has started')).toBeVisible()
  await expect(page.getByText(/^As of /).first()).toBeVisible({ timeout: 20_000 })

  const manage = (path: string, method: 'PATCH' | 'DELETE', data?: object) =>
    page.request.fetch(`${stage.openrouter.baseUrl}${path}`, {
      method,
      ...(data ? { data } : {}),
      headers: { authorization: `Bearer ${stage.secrets.managementKey}` },
    })
  const [first, second, third] = (await upstreamKeys(page, stage, 'second-room')).slice(-3)
  // Lower than ours: what is higher is lowered without anybody.
  expect((await manage(`/keys/${first!.hash}`, 'PATCH', { limit: 0.01 })).ok()).toBe(true)
  expect((await manage(`/keys/${second!.hash}`, 'PATCH', { disabled: true })).ok()).toBe(true)
  expect((await manage(`/keys/${third!.hash}`, 'PATCH', { disabled: true })).ok()).toBe(true)
  await page.getByRole('button', { name: 'Check now' }).click()
  await expect(page.getByRole('heading', { name: /^Limits that differ/ })).toBeVisible({
    timeout: 20_000,
  })
  await expect(
    page.getByText(/has a cap of \$0\.01 at the provider; it should have a cap of \$0\.06/),
  ).toBeVisible()
  await expect(page.getByText('Give the key a cap of $0.06 at the provider.')).toBeVisible()
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([])
  await page.setViewportSize({ width: 375, height: 800 })
  expect(await sidewaysTables(page)).toEqual([])
  await page.setViewportSize({ width: 1280, height: 800 })

  const looking = await browser.newContext()
  await signInTo(looking, stage.origin, 'viewer')
  const theirs = await looking.newPage()
  await theirs.goto(`${stage.origin}/admin/reconcile`)
  await expect(theirs.getByRole('heading', { name: /^Limits that differ/ })).toBeVisible()
  await expect(theirs.getByRole('main').getByRole('button')).toHaveText(['Pause updates'])
  await looking.close()

  await page.getByRole('button', { name: /^Repair: The key of claim .* has a cap of/ }).click()
  await expect(page.getByText('The cap is set at the provider.')).toBeVisible({ timeout: 20_000 })
  // Other journeys move the ends of keys in the rows alone: their drift is repaired with the rest.
  const rest = page.locator('details', { hasText: 'Repair everything possible…' })
  await rest.locator('summary').click()
  await rest.getByRole('button', { name: /^Repair \d+ differences?$/ }).click()
  await expect(
    page
      .getByRole('row')
      .filter({ hasText: 'second-room' })
      .filter({ hasText: 'Enabled at the provider.' }),
  ).toHaveCount(2, { timeout: 20_000 })
  await expect(
    page
      .getByText('Every finding is resolved.')
      .or(page.getByText('Keymint cannot repair any of them')),
  ).toBeVisible({ timeout: 20_000 })
  await page.getByRole('button', { name: 'Check now' }).click()
  await expect(
    page.getByRole('heading', { name: /^(Limits that differ|Disabled or enabled)/ }),
  ).toHaveCount(0, { timeout: 20_000 })
  const after = await upstreamKeys(page, stage, 'second-room')
  expect(after.find((key) => key.hash === first!.hash)?.limit).toBe(0.06)
})

test('an unreadable provider is shown with its reason, and the page keeps the last findings', async ({
  page,
  signIn,
  faults,
}) => {
  await signIn('admin')
  await page.goto('/admin/reconcile')
  await faults({ rules: [{ match: 'GET /keys', fault: '503', message: 'down for repairs' }] })
  await page.getByRole('button', { name: 'Check now' }).click()
  await expect(page.getByText('The last check could not read the provider')).toBeVisible({
    timeout: 20_000,
  })
  await expect(page.getByText(/down for repairs/).first()).toBeVisible()
  await page.setViewportSize({ width: 375, height: 800 })
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375)
})

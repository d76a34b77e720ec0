/** Readiness: staff see what a workshop still lacks, and an admin can check, with and without JavaScript. */
import AxeBuilder from '@axe-core/playwright'
import { expect, heading, signInTo, test } from './fixtures'

test('an admin checks everything and reads errors first; a viewer reads the same and cannot check', async ({
  page,
  context,
  signIn,
  stage,
  browser,
}) => {
  await signIn('admin')
  await page.goto('/admin/doctor')
  await page.getByRole('button', { name: /^Check (now|again)$/ }).click()
  await expect(heading(page, /^Not ready: \d+ checks? needs? attention$/)).toBeVisible({
    timeout: 30_000,
  })
  // The broken workshop file of these journeys is what the check must find.
  await expect(page.getByRole('heading', { name: 'Workshop files: failed' })).toBeVisible()
  await expect(page.getByText(/broken-room\.yaml:\d+/)).toBeVisible()
  await expect(page.getByRole('heading', { name: 'Test key: OK' })).toBeVisible()
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
    .analyze()
  expect(
    violations.map(
      ({ id, nodes }) => `${id} at ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
    ),
  ).toEqual([])
  await page.setViewportSize({ width: 375, height: 800 })
  expect(
    await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    ),
  ).toBeLessThanOrEqual(0)
  expect(await page.content()).not.toContain(stage.secrets.managementKey)

  const plain = await browser.newContext({ javaScriptEnabled: false, baseURL: stage.origin })
  await signInTo(plain, stage.origin, 'admin')
  const noScript = await plain.newPage()
  await noScript.goto('/admin/doctor')
  await noScript.getByRole('button', { name: 'Check again' }).click()
  await expect(noScript.getByText('A check is running')).toBeVisible()
  await expect(async () => {
    await noScript.getByRole('link', { name: 'Refresh' }).first().click()
    await expect(noScript.getByText('A check is running')).toBeHidden({ timeout: 500 })
  }).toPass({ timeout: 30_000 })
  await plain.close()

  await context.clearCookies()
  await signIn('viewer')
  await page.goto('/admin/doctor')
  await expect(page.getByRole('heading', { name: 'Workshop files: failed' })).toBeVisible()
  await expect(page.getByRole('button', { name: /^Check/ })).toHaveCount(0)
})

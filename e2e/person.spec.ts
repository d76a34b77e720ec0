/**
 * A person's own page: signing out elsewhere, downloading, deleting the account; with JavaScript
 * and without.
 */
import { attendee, expect, signInTo, test } from './fixtures'

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
    test.use({ javaScriptEnabled })

    test('somebody signs another browser out, downloads their data, and deletes their account', async ({
      page,
      context,
      browser,
      stage,
      signIn,
    }) => {
      const { login, name } = attendee(javaScriptEnabled ? 195 : 196)
      await signIn(login)
      const other = await browser.newContext()
      await signInTo(other, stage.origin, login)
      await page.goto('/me')
      await page.getByRole('button', { name: 'Sign out everywhere else' }).click()
      await expect(page.getByRole('status')).toContainText('You are signed out everywhere else')
      expect((await other.request.get(`${stage.origin}/me`, { maxRedirects: 0 })).status()).toBe(
        303,
      )
      await other.close()

      const file = await context.request.get(`${stage.origin}/me/export.json`)
      expect([
        file.headers()['content-disposition'],
        ((await file.json()) as { person: { displayName: string } }).person.displayName,
      ]).toEqual([expect.stringContaining('attachment'), name])

      await page.getByLabel('Type “delete” to confirm').fill('not yet')
      await page.getByRole('button', { name: 'Delete my account' }).click()
      await expect(page.getByRole('status')).toContainText('Your account was not deleted')
      await page.getByLabel('Type “delete” to confirm').fill('delete')
      await page.getByRole('button', { name: 'Delete my account' }).click()
      await expect(
        page.getByRole('heading', { level: 1, name: 'Your data is deleted' }),
      ).toBeVisible()
      await page.goto('/me')
      await expect(page).toHaveURL(/\/sign-in\?returnTo=%2Fme$/)

      const staff = await browser.newContext()
      await signInTo(staff, stage.origin, 'admin')
      const trail = await (
        await staff.request.get(`${stage.origin}/admin/audit?action=person.erased`)
      ).text()
      expect(trail).toContain('erased the person')
      expect(trail).not.toContain(name)
      await staff.close()
    })
  })
}

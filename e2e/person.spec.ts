/**
 * A person's own page: signing out elsewhere, downloading, deleting the account; with JavaScript
 * and without.
 */
import { attendee, claimOverHttp, expect, signInTo, test } from './fixtures'

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

// 155 has the same address at both providers, and neither provider runs it.
test('somebody who claimed with Google and comes back with GitHub is told, and joins the two accounts', async ({
  page,
  context,
  stage,
}) => {
  const { login } = attendee(199)
  const address = 'tove.rossi@proton.me'
  await signInTo(context, stage.origin, address, 'google')
  await claimOverHttp(context, stage.origin, 'open-room')
  await context.clearCookies()

  await signInTo(context, stage.origin, login)
  await page.goto('/w/open-room')
  await expect(page.getByText('This email already has a key here')).toBeVisible()
  await expect(page.getByText('You claimed with Google')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Claim my key' })).toHaveCount(0)
  await page.getByRole('button', { name: 'Continue with Google' }).click()
  await page.getByRole('button', { name: address }).click()

  await expect(page).toHaveURL(/\/me\/join\?returnTo=%2Fw%2Fopen-room$/)
  await expect(page.getByRole('heading', { name: 'You have two accounts' })).toBeVisible()
  await expect(page.getByRole('main')).toContainText('1 claim')
  await page.getByRole('button', { name: 'Join the two accounts' }).click()
  await expect(page).toHaveURL(/\/w\/open-room$/)
  await expect(page.getByText('You have a key.').or(page.getByText('We are making'))).toBeVisible()

  // Either sign-in opens the key now, and there is nothing left to join.
  await context.clearCookies()
  await signInTo(context, stage.origin, login)
  await page.goto('/w/open-room')
  await expect(page.getByRole('link', { name: /^See your (key|claim)$/ })).toBeVisible()
  await page.goto('/me/join')
  await expect(page).toHaveURL(/\/me$/)
})

test('adding a sign-in with another address says that one is in another account', async ({
  page,
  signIn,
}) => {
  await signIn(attendee(157).login)
  await page.goto('/me')
  await page.getByRole('button', { name: 'Add Google' }).click()
  await page.getByRole('button', { name: 'idris.castillo@example.org' }).click()
  await expect(page.getByRole('status')).toContainText('You are in another account now')
  await expect(page.getByText('idris.castillo@example.org').first()).toBeVisible()
})

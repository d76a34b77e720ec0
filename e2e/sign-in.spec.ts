import { test, expect, attendee } from './fixtures'

test('a person signs in with GitHub through its page and comes back to where they were going', async ({
  page,
}) => {
  await page.goto('/w/open-room')
  await page.getByRole('button', { name: 'Continue with GitHub' }).click()
  await page.getByLabel('Filter people').fill(attendee(1).login)
  await page.getByRole('button', { name: attendee(1).login }).click()
  await expect(page).toHaveURL(/\/w\/open-room$/)
  await expect(page.getByRole('link', { name: `Your keys: ${attendee(1).name}` })).toBeVisible()
  await expect(page.getByRole('button', { name: 'Claim my key' })).toBeVisible()
})

test('from the link to a copied key: the way through the provider, then two clicks; nothing is pre-ticked', async ({
  page,
  context,
  stage,
}) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: stage.origin })
  const me = attendee(23).login
  let clicks = 0
  const press = async (name: string) => {
    clicks++
    await page.getByRole('button', { name }).click()
  }
  await page.goto('/w/open-room')
  await page.getByRole('button', { name: 'Continue with GitHub' }).click()
  await page.getByLabel('Filter people').fill(me)
  await page.getByRole('button', { name: me }).click()
  await expect(page.getByRole('checkbox')).toHaveCount(1)
  await expect(page.getByRole('checkbox', { checked: true })).toHaveCount(0)
  await press('Claim my key')
  await expect(page.getByRole('heading', { name: 'Your key is ready' })).toBeVisible({
    timeout: 20_000,
  })
  await expect(page.getByRole('checkbox', { checked: true })).toHaveCount(0)
  await press('Copy key')
  await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible()
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^sk-or-v1-/)
  expect(clicks).toBe(2)
})

test('a workshop offers the providers that it takes, and the sign-in page of its way back too', async ({
  page,
}) => {
  await page.goto('/w/github-room')
  await expect(page.getByRole('button', { name: /^Continue with/ })).toHaveText([
    'Continue with GitHub',
  ])
  await page.goto('/sign-in?returnTo=/w/github-room/claim')
  await expect(page.getByRole('main')).toContainText('The workshop of one provider')
  await expect(page.getByRole('button', { name: /^Continue with/ })).toHaveText([
    'Continue with GitHub',
  ])
  await page.getByRole('link', { name: 'The workshop of one provider' }).click()
  await expect(page).toHaveURL(/\/w\/github-room$/)
})

test('who came with the wrong provider is told before a claim, and is right in two clicks', async ({
  page,
  signIn,
}) => {
  await signIn('Mixed.Case@Northwind.test', 'google')
  await page.goto('/w/github-room')
  await expect(page.getByText('This workshop needs a GitHub account')).toBeVisible()
  await expect(page.getByText('Mika Mixed (Mixed.Case@Northwind.test) with Google')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Claim my key' })).toHaveCount(0)
  await page.getByRole('button', { name: 'Continue with GitHub' }).click()
  await page.getByLabel('Filter people').fill(attendee(6).login)
  await page.getByRole('button', { name: attendee(6).login }).click()
  await expect(page).toHaveURL(/\/w\/github-room$/)
  await expect(page.getByRole('button', { name: 'Claim my key' })).toBeVisible()
  // Signing out ends where one was.
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(page).toHaveURL(/\/w\/github-room$/)
  await expect(page.getByRole('button', { name: 'Continue with GitHub' })).toBeVisible()
})

test('a person signs in with Google through its page', async ({ page }) => {
  await page.goto('/sign-in?returnTo=/me')
  await page.getByRole('button', { name: 'Continue with Google' }).click()
  await page.getByRole('button', { name: 'Mixed.Case@Northwind.test' }).click()
  await expect(page).toHaveURL(/\/me$/)
  await expect(page.getByText('Mika Mixed, signed in with Google')).toBeVisible()
})

test('cancelling at the provider ends on the sign-in page, with what happened and no session', async ({
  page,
  context,
}) => {
  await page.goto('/sign-in?returnTo=/w/open-room')
  await page.getByRole('button', { name: 'Continue with GitHub' }).click()
  await page.getByRole('link', { name: 'Cancel' }).click()
  await expect(page.getByRole('alert')).toContainText('Sign-in cancelled')
  expect((await context.cookies()).map(({ name }) => name)).not.toContain('session')
  // The way back survives the cancelled attempt.
  await page.getByRole('button', { name: 'Continue with GitHub' }).click()
  await page
    .getByRole('button', { name: attendee(2).login })
    .first()
    .click()
  await expect(page).toHaveURL(/\/w\/open-room$/)
})

test('a provider that is down is named, and the other one works at once', async ({
  page,
  request,
  stage,
}) => {
  await request.post(stage.github.faultsUrl, { data: { path: '/user', status: 503, times: 5 } })
  try {
    await page.goto('/sign-in')
    await page.getByRole('button', { name: 'Continue with GitHub' }).click()
    await page
      .getByRole('button', { name: attendee(3).login })
      .first()
      .click()
    await expect(page.getByRole('alert')).toContainText('GitHub did not answer')
  } finally {
    await request.delete(stage.github.faultsUrl)
  }
  await page.getByRole('button', { name: 'Continue with Google' }).click()
  await page.getByRole('button', { name: 'taratwin@gmail.com' }).click()
  await expect(page).toHaveURL(/\/$/)
})

test('a person without a verified address signs in, and a workshop refuses them with the reason', async ({
  page,
}) => {
  await page.goto('/sign-in?returnTo=/w/open-room')
  await page.getByRole('button', { name: 'Continue with GitHub' }).click()
  await page.getByRole('button', { name: 'una.verified@example.org' }).click()
  await expect(page).toHaveURL(/\/w\/open-room$/)
  await expect(page.getByText('Your email is not verified')).toBeVisible()
  await expect(page.getByRole('link', { name: 'Verify it at GitHub' })).toBeVisible()
  await expect(page.getByRole('button', { name: 'Claim my key' })).toHaveCount(0)
  await page.goto('/me')
  await expect(page.getByText('without a verified email')).toBeVisible()
})

test('whoever claims the address of the organiser without proof is nobody special', async ({
  page,
  signIn,
}) => {
  await signIn('impostor')
  expect((await page.goto('/admin/w/open-room'))?.status()).toBe(404)
})

for (const evil of [
  'https://evil.example/',
  '//evil.example',
  '/\\evil.example',
  '/%2f%2fevil.example',
  '/sign-out',
]) {
  test(`signing in with the way back ${evil} stays on this site`, async ({ page, stage }) => {
    await page.goto(`/sign-in?returnTo=${encodeURIComponent(evil)}`)
    await page.getByRole('button', { name: 'Continue with GitHub' }).click()
    await page
      .getByRole('button', { name: attendee(4).login })
      .first()
      .click()
    await expect(page).toHaveURL(`${stage.origin}/`)
  })
}

test('signing out ends the session itself: its cookie, sent again, is a stranger', async ({
  page,
  context,
  signIn,
  stage,
}) => {
  await signIn(attendee(5).login)
  const cookies = await context.cookies(stage.origin)
  await page.goto('/me')
  await page.getByRole('banner').getByRole('button', { name: 'Sign out' }).click()
  await expect(page.getByRole('banner').getByRole('link', { name: 'Sign in' })).toBeVisible()
  await context.addCookies(cookies)
  await page.goto('/me')
  await expect(page).toHaveURL(/\/sign-in\?returnTo=%2Fme$/)
})

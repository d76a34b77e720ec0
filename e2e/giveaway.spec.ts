/** The giveaway: live, paused, full, expired, and claimed again. */
import { githubIdOf } from '../simulators/identity/people'
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

test('anyone with a GitHub account gets one small key, and claims the next when it has ended', async ({
  page,
  context,
  stage,
  signIn,
}) => {
  await page.goto('/w/small-keys')
  await expect(heading(page, 'A small key for everyone')).toBeVisible()
  await expect(page.getByText('One key per GitHub account')).toBeVisible()
  await expect(page.getByRole('link', { name: 'star the repository' })).toBeVisible()
  await signIn('unverified')
  await page.goto('/w/small-keys')
  await page.getByRole('button', { name: 'Claim my key' }).click()
  await expect(heading(page, 'Your key is ready')).toBeVisible({ timeout: 20_000 })
  // Before the first reading, and after it.
  await expect(page.getByRole('region', { name: 'Key card' })).toContainText(
    /\$0\.02\s*(a day|left of \$0\.02 today)/,
  )
  await expect(page.getByText('The daily budget resets at midnight UTC')).toBeVisible()
  const first = await revealOverHttp(context, stage.origin, 'small-keys')

  await queryDatabase(
    stage,
    `update keymint.workshop_attendance set expires_at = now() - interval '1 second'
      where workshop_slug = 'small-keys'
        and user_id = (select user_id from keymint.identities where login = 'unverified')`,
  )
  await page.goto('/w/small-keys/claim')
  await expect(heading(page, 'Your key has expired')).toBeVisible()
  await expect(page.getByText(first.slice(0, 12))).toHaveCount(0)
  await page.getByRole('button', { name: 'Claim another key' }).click()
  await expect(heading(page, 'Your key is ready')).toBeVisible({ timeout: 20_000 })
  const second = await revealOverHttp(context, stage.origin, 'small-keys')
  expect(second).not.toBe(first)
})

test('the last key goes to one person; the next waits until it has ended and its cool-down is over', async ({
  page,
  browser,
  stage,
  signIn,
}) => {
  const faster = await browser.newContext()
  await signInTo(faster, stage.origin, attendee(80).login)
  await claimOverHttp(faster, stage.origin, 'last-keys')
  await revealOverHttp(faster, stage.origin, 'last-keys')
  await signIn(attendee(81).login)
  await page.goto('/w/last-keys')
  await expect(page.getByText('All keys are taken')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Claim my key' })).toHaveCount(0)

  await queryDatabase(
    stage,
    `update keymint.workshop_attendance set expires_at = now() - interval '1 second' where workshop_slug = 'last-keys'`,
  )
  const theirs = await faster.newPage()
  await theirs.goto(`${stage.origin}/w/last-keys/claim`)
  await expect(heading(theirs, 'Your key has expired')).toBeVisible()
  await expect(theirs.getByText('You can claim another key later')).toBeVisible()
  await faster.close()
  expect((await upstreamKeys(page, stage, 'last-keys')).length).toBe(1)
})

test('a paused giveaway says why and since when, and a key given out before is still shown', async ({
  page,
  context,
  browser,
  stage,
  signIn,
}) => {
  await signIn(attendee(82).login)
  await claimOverHttp(context, stage.origin, 'small-keys')
  const key = await revealOverHttp(context, stage.origin, 'small-keys')
  await queryDatabase(
    stage,
    `update keymint.minting set paused_at = now(), pause_reason = 'We are looking at the bill'`,
  )
  try {
    const stranger = await browser.newContext()
    const strangers = await stranger.newPage()
    await strangers.goto(`${stage.origin}/w/small-keys`)
    await expect(strangers.getByText(/We are looking at the bill\. Since/)).toBeVisible()
    await expect(strangers.getByText(/Since .* UTC/)).toBeVisible()
    await stranger.close()
    await page.goto('/w/small-keys/claim')
    await page.getByRole('button', { name: 'Show key' }).click()
    // Pressed before its script runs, the button opens the page of the key.
    await expect(page.getByRole('main')).toContainText(key)
  } finally {
    await queryDatabase(stage, 'update keymint.minting set paused_at = null, pause_reason = null')
  }
})

test('an account that is too new, and a site that has giveaways disabled, say so', async ({
  page,
  browser,
  stage,
  signIn,
}) => {
  await signIn('newcomer')
  await page.goto('/w/small-keys')
  await expect(page.getByText('Your account is too new')).toBeVisible()
  await expect(page.getByText(/It is old enough from/)).toBeVisible()
  await expect(page.getByRole('button', { name: 'Claim my key' })).toHaveCount(0)
  const elsewhere = await browser.newContext()
  const off = await elsewhere.newPage()
  await off.goto(`${stage.offOrigin}/w/small-keys`)
  await expect(off.getByText('The operator has disabled new keys.')).toBeVisible()
  await elsewhere.close()
})

test('the docs say how to use a key, what it costs, and what it is for', async ({ page }) => {
  await page.goto('/docs')
  await expect(heading(page, 'How to use a key')).toBeVisible()
  await expect(page.getByText('OpenRouter’s terms forbid reselling access')).toBeVisible()
  await expect(page.locator('summary', { hasText: 'curl' })).toBeVisible()
})

test('an admin makes a key for a numeric GitHub id, sees only its mask, bans the person and lifts the ban', async ({
  page,
  browser,
  stage,
  signIn,
}) => {
  const late = attendee(194)
  await signIn('admin')
  await page.goto('/admin/w/small-keys')
  await page.getByRole('link', { name: 'Create a key for a GitHub account' }).click()
  await page.getByLabel('Numeric GitHub id').fill(late.login)
  await page.getByRole('button', { name: 'Create a key' }).click()
  await expect(page.getByText('Enter the numeric GitHub id.')).toBeVisible()
  await page.getByLabel('Numeric GitHub id').fill(String(githubIdOf(late.login)))
  await page.getByRole('button', { name: 'Create a key' }).click()
  await expect(heading(page, `GitHub account ${githubIdOf(late.login)}`)).toBeVisible()

  const theirs = await browser.newContext()
  await signInTo(theirs, stage.origin, late.login)
  const key = await revealOverHttp(theirs, stage.origin, 'small-keys')
  await page.reload()
  await expect(heading(page, late.name)).toBeVisible()
  expect(await page.content()).not.toContain(key)

  await page.getByLabel('Reason', { exact: true }).fill('Several accounts.')
  await page.getByRole('button', { name: 'Ban this person' }).click()
  await expect(page.getByText('Banned; live keys are ending')).toBeVisible()
  expect(
    (await theirs.request.get(`${stage.origin}/me`, { maxRedirects: 0 })).status(),
    'signed out',
  ).toBe(303)
  await signInTo(theirs, stage.origin, late.login)
  const second = await theirs.request.post(`${stage.origin}/w/small-keys/claim`, {
    form: {},
    headers: { Origin: stage.origin },
    maxRedirects: 0,
  })
  expect(second.headers().location, 'a click makes no other key').toBe('/w/small-keys/claim')
  await page.reload()
  await page.getByLabel('Reason', { exact: true }).fill('A mistake of ours.')
  await page.getByRole('button', { name: 'Lift the ban' }).click()
  await expect(page.getByText('The ban is lifted')).toBeVisible()
  await theirs.close()
})

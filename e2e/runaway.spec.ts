/** A key that spends too fast is put on hold while its page is open, and goes on when its owner says so. */
import AxeBuilder from '@axe-core/playwright'
import {
  attendee,
  claimOverHttp,
  expect,
  heading,
  revealOverHttp,
  signInTo,
  test,
  upstreamKeys,
} from './fixtures'

const slug = 'runaway-room'

test('a key that spends too fast is put on hold, and its owner lets it go on without a script', async ({
  page,
  browser,
  stage,
  signIn,
}) => {
  test.setTimeout(240_000)
  const person = attendee(29)
  await signIn(person.login)
  await claimOverHttp(page.context(), stage.origin, slug)
  await page.goto(`/w/${slug}/claim`)
  await expect(heading(page, 'Your key is ready')).toBeVisible({ timeout: 20_000 })
  const secret = await revealOverHttp(page.context(), stage.origin, slug)
  const own = async () =>
    (await upstreamKeys({ request: page.request }, stage, slug)).find(({ key }) => key === secret)
  const hash = (await own())?.hash
  const held = heading(page, 'Your key is on hold')
  const look = () => page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
  for (let burst = 0; burst < 4 && !(await held.isVisible()); burst++) {
    await page.request.post(`${stage.openrouter.root}/__sim/spend`, { data: { hash, usd: 0.01 } })
    await expect(async () => {
      await look()
      await expect(held).toBeVisible({ timeout: 1_000 })
    })
      .toPass({ timeout: 30_000 })
      .catch(() => undefined)
  }
  await expect(held).toBeVisible({ timeout: 30_000 })
  await expect(page.getByText(/ is left, and nobody else gets it\./)).toBeVisible()
  await expect(page.getByRole('button', { name: 'Copy key' })).toBeHidden()
  await page.setViewportSize({ width: 320, height: 640 })
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([])
  const width = await page.evaluate(() => document.documentElement.scrollWidth)
  expect(width).toBeLessThanOrEqual(320)
  const works = async () =>
    (
      await page.request.get(`${stage.openrouter.baseUrl}/key`, {
        headers: { authorization: `Bearer ${secret}` },
      })
    ).status()
  await expect.poll(works).toBe(401)

  // Staff see it among the claims.
  const staff = await browser.newContext()
  await signInTo(staff, stage.origin, 'admin')
  const admin = await staff.newPage()
  await admin.goto(`${stage.origin}/admin/w/${slug}?fact=disabled`)
  await expect(admin.getByText('ready, on hold: spending too fast')).toBeVisible()
  await admin.getByRole('link', { name: person.name }).click()
  await expect(admin.getByText(/on hold since .* Enabling it lifts the hold\./)).toBeVisible()
  await expect(
    admin.getByText('put the key on hold because it was spending too fast'),
  ).toBeVisible()

  const bare = await browser.newContext({ javaScriptEnabled: false })
  await signInTo(bare, stage.origin, person.login)
  const plain = await bare.newPage()
  await plain.goto(`${stage.origin}/w/${slug}/claim`)
  await plain.getByRole('button', { name: 'Go on' }).click()
  await expect(plain).toHaveURL(new RegExp(`/w/${slug}/claim$`))
  // The page with a script, which was open all the time, follows by itself.
  await expect(heading(page, 'Your key is ready')).toBeVisible({ timeout: 45_000 })
  await expect.poll(works).toBe(200)
  await plain.reload()
  await expect(heading(plain, 'Your key is ready')).toBeVisible()
  await Promise.all([staff, bare].map((context) => context.close()))
})

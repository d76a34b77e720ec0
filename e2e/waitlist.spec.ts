/** A full workshop: a place in line, seen to move, and the seat that arrives by itself. */
import AxeBuilder from '@axe-core/playwright'
import { attendee, claimOverHttp, expect, heading, queryDatabase, signInTo, test } from './fixtures'

test('a seat that is given back goes to the first in line, whose page shows the key by itself', async ({
  page,
  browser,
  signIn,
  stage,
}) => {
  test.setTimeout(120_000)
  // A key that is not made yet frees its seat at once.
  await queryDatabase(
    stage,
    'insert into keymint.paused_queues (name, paused_by, reason) values ($1, $2, $3)',
    ['mint-key', 'github:staff', 'A journey.'],
  )
  await signIn(attendee(180).login)
  await page.goto('/w/line-room')
  await page.getByRole('button', { name: 'Claim my key' }).click()
  await expect(page).toHaveURL(/claim$/)

  // The first joins with a script, the second without one.
  const first = await browser.newContext({ viewport: { width: 320, height: 640 } })
  await signInTo(first, stage.origin, attendee(181).login)
  const mine = await first.newPage()
  await mine.goto(`${stage.origin}/w/line-room`)
  await expect(mine.getByText('Nobody waits yet.')).toBeVisible()
  await mine.getByRole('button', { name: 'Join the waitlist' }).click()
  await expect(mine.getByText('You are 1st in line')).toBeVisible()
  expect((await new AxeBuilder({ page: mine }).analyze()).violations).toEqual([])
  const width = await mine.evaluate(() => document.documentElement.scrollWidth)
  expect(width).toBeLessThanOrEqual(320)

  const second = await browser.newContext({ javaScriptEnabled: false })
  const third = await browser.newContext()
  const theirs = await second.newPage()
  const last = await third.newPage()
  await signInTo(second, stage.origin, attendee(182).login)
  await signInTo(third, stage.origin, attendee(183).login)
  await theirs.goto(`${stage.origin}/w/line-room`)
  await expect(theirs.getByText('One person waits.')).toBeVisible()
  await theirs.getByRole('button', { name: 'Join the waitlist' }).click()
  await expect(theirs.getByText('You are 2nd in line')).toBeVisible()
  await last.goto(`${stage.origin}/w/line-room`)
  await last.getByRole('button', { name: 'Join the waitlist' }).click()
  await expect(last.getByText('You are 3rd in line')).toBeVisible()

  // Leaving moves who stands behind, without a reload.
  await theirs.getByRole('button', { name: 'Leave the line' }).click()
  await expect(theirs.getByRole('button', { name: 'Join the waitlist' })).toBeVisible()
  await expect(last.getByText('You are 2nd in line', { exact: true }).first()).toBeVisible({
    timeout: 20_000,
  })

  // Staff see the line.
  const staff = await browser.newContext()
  await signInTo(staff, stage.origin, 'admin')
  const admin = await staff.newPage()
  await admin.goto(`${stage.origin}/admin/w/line-room/access`)
  await expect(admin.getByText('1st in line')).toBeVisible()
  await admin.getByRole('button', { name: `Let in ${attendee(181).name} now` }).click()
  await expect(admin.getByText('No seat is free.')).toBeVisible()
  expect((await new AxeBuilder({ page: admin }).analyze()).violations).toEqual([])
  await admin.getByRole('button', { name: `Remove ${attendee(183).name} from the line` }).click()
  await expect(last.getByText('You are no longer in line')).toBeVisible({ timeout: 20_000 })

  await page.goto('/me')
  await page.getByText('Give this claim back').click()
  await page.getByRole('button', { name: 'Give it back' }).click()
  await queryDatabase(stage, 'delete from keymint.paused_queues where name = $1', ['mint-key'])
  await expect(heading(mine, 'Your key is ready')).toBeVisible({ timeout: 90_000 })
  await Promise.all([first, second, third, staff].map((context) => context.close()))
})

test('the seat of a key that nobody has used goes to the line after a notice, unless it is kept', async ({
  page,
  browser,
  signIn,
  stage,
}) => {
  test.setTimeout(180_000)
  const slug = 'unused-room'
  await signIn(attendee(17).login)
  await claimOverHttp(page.context(), stage.origin, slug)
  await page.goto(`/w/${slug}/claim`)
  await expect(heading(page, 'Your key is ready')).toBeVisible({ timeout: 20_000 })
  const other = await browser.newContext({ javaScriptEnabled: false })
  await signInTo(other, stage.origin, attendee(18).login)
  await claimOverHttp(other, stage.origin, slug)
  const plain = await other.newPage()
  await expect(async () => {
    await plain.goto(`${stage.origin}/w/${slug}/claim`)
    await expect(heading(plain, 'Your key is ready')).toBeVisible({ timeout: 1_000 })
  }).toPass({ timeout: 20_000 })

  // Twenty-five minutes that a journey cannot wait for: the notice comes by itself.
  await queryDatabase(
    stage,
    `update keymint.keys set saved_at = saved_at - interval '25 min' where scope = $1`,
    [slug],
  )
  const notice = 'Do you still need this key?'
  const follow = async (text: string) =>
    expect(async () => {
      await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
      await expect(page.getByText(text).first()).toBeVisible({ timeout: 1_000 })
    }).toPass({ timeout: 60_000 })
  await follow(notice)
  await page.setViewportSize({ width: 320, height: 640 })
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([])
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320)

  // One keeps it without a script; the other does nothing, and the page says what came of it.
  await plain.reload()
  await plain.getByRole('button', { name: 'Keep it' }).click()
  await expect(heading(plain, 'Your key is ready')).toBeVisible()
  await expect(plain.getByText(notice)).toBeHidden()
  await queryDatabase(
    stage,
    `update keymint.release_notices n set release_at = now() from keymint.keys k
      where k.holder_id = n.claim_id and k.scope = $1 and n.kept_at is null`,
    [slug],
  )
  await follow('Your seat went to the waitlist')
  await plain.reload()
  await expect(heading(plain, 'Your key is ready')).toBeVisible()
  await other.close()
})

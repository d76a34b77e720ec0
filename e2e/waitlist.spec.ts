/** A full workshop: a place in line, seen to move, and the seat that arrives by itself. */
import AxeBuilder from '@axe-core/playwright'
import { attendee, expect, heading, queryDatabase, signInTo, test } from './fixtures'

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

/**
 * Every page that updates itself says when it cannot, keeps what it shows, and comes back without
 * its reader: 30 s offline, a restart of web, a restart of the database. All pages stand open at
 * once, so that the outages are waited for once.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, BrowserContext, Page } from '@playwright/test'
import { attendee, claimOverHttp, expect, queryDatabase, signInTo, test } from './fixtures'
import type { Stage } from './stage'

const slug = 'open-room'

async function openFor(browser: Browser, stage: Stage, login: string): Promise<BrowserContext> {
  const context = await browser.newContext({ baseURL: stage.origin })
  await signInTo(context, stage.origin, login)
  return context
}

async function openPages(context: BrowserContext, paths: string[]): Promise<Page[]> {
  const pages: Page[] = []
  for (const path of paths) {
    const page = await context.newPage()
    await page.goto(path)
    await expect(page.getByText(/^Live, every \d+ s\.$/), path).toBeVisible()
    pages.push(page)
  }
  return pages
}

test('30 s offline, a web restart, a database restart: each live page says so and comes back by itself', async ({
  browser,
  faults,
  stage,
}) => {
  test.setTimeout(240_000)
  // A claim that waits: its page polls, and it has a job that is unfinished.
  await faults({ rules: [{ match: 'POST /keys', fault: 'reset-before' }] })
  const person = await openFor(browser, stage, attendee(190).login)
  await claimOverHttp(person, stage.origin, slug)
  const [claim] = await queryDatabase<{ id: string; jobId: string }>(
    stage,
    `select c.claim_id as id, j.id as "jobId"
    from keymint.workshop_attendance c
    join keymint.mints m on m.holder_kind = 'claim' and m.holder_id = c.claim_id and m.state = 'pending'
    join pgboss.job j on j.name = 'mint-key' and j.data->>'mintId' = m.id::text
    where c.workshop_slug = $1 order by c.attended_at desc limit 1`,
    [slug],
  )
  const staff = await openFor(browser, stage, 'admin')
  const paths = [
    '/admin',
    `/admin/w/${slug}`,
    `/admin/w/${slug}/c/${claim!.id}`,
    `/admin/w/${slug}/access`,
    `/admin/w/${slug}/requests`,
    '/admin/alerts',
    '/admin/queue',
    '/admin/queue/schedules',
    `/admin/queue/${claim!.jobId}`,
    '/admin/reconcile',
    '/admin/doctor',
    '/admin/audit',
  ]
  const pages = await openPages(staff, paths)
  const headings = await Promise.all(
    pages.map((page) => page.getByRole('heading', { level: 1 }).count()),
  )
  const claimPage = await person.newPage()
  // A page whose scripts have not arrived cannot say anything: its first poll shows that they have.
  const firstPoll = claimPage.waitForResponse((response) => response.url().includes('/status'))
  await claimPage.goto(`/w/${slug}/claim`)
  await firstPoll
  await expect(claimPage.getByText('You keep your place.')).toBeVisible({ timeout: 20_000 })

  const wall = await person.newPage()
  const firstLook = wall.waitForResponse((response) => response.url().includes('/live/status'))
  await wall.goto(`/w/${slug}/live`)
  await firstLook

  const saysSo = async (attendeeReads: RegExp) => {
    await Promise.all([
      expect(wall.getByText(/^Not live: this was true/)).toBeVisible({ timeout: 35_000 }),
      ...pages.map((page, at) =>
        expect(page.getByText(/^No answer for \d+ s\. Retrying/), paths[at]).toBeVisible({
          timeout: 35_000,
        }),
      ),
      expect(claimPage.getByText(attendeeReads)).toBeVisible({ timeout: 35_000 }),
    ])
    // Nothing that was on the page is gone.
    expect(
      await Promise.all(pages.map((page) => page.getByRole('heading', { level: 1 }).count())),
    ).toEqual(headings)
  }
  const comesBack = () =>
    Promise.all([
      ...pages.map((page, at) =>
        expect(page.getByText(/^Live, every \d+ s\.$/), paths[at]).toBeVisible({ timeout: 35_000 }),
      ),
      expect(wall.getByText(/^Not live: this was true/)).toBeHidden({ timeout: 35_000 }),
      expect(claimPage.getByText('Reconnecting…')).toBeHidden({ timeout: 35_000 }),
      expect(claimPage.getByText('You are offline.')).toBeHidden({ timeout: 35_000 }),
    ])

  const offlineAt = Date.now()
  await Promise.all([staff.setOffline(true), person.setOffline(true)])
  await saysSo(/You are offline\./)
  await sleep(Math.max(0, 30_000 - (Date.now() - offlineAt)))
  await Promise.all([staff.setOffline(false), person.setOffline(false)])
  await comesBack()

  await stage.web.stop()
  await saysSo(/Reconnecting…/)
  await stage.web.start()
  await comesBack()

  await stage.database.stop()
  await saysSo(/Reconnecting…/)
  await stage.database.start()
  await comesBack()
  await Promise.all([staff.close(), person.close()])
})

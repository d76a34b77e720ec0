/** What an admin sees and repairs on the queue's page while a workshop waits. */
import {
  request as requests,
  type APIRequestContext,
  type Browser,
  type Page,
} from '@playwright/test'
import {
  attendee,
  claimOverHttp,
  expect,
  heading,
  revealOverHttp,
  sidewaysTables,
  signInTo,
  test,
  upstreamKeys,
} from './fixtures'
import type { Stage } from './stage'

type Person = { request: APIRequestContext }

/**
 * People who are signed in, without a browser each; a few at a time, as the stand-in for GitHub is
 * one small server.
 */
async function signInMany(stage: Stage, first: number, count: number): Promise<Person[]> {
  const people: Person[] = []
  for (let from = 0; from < count; from += 10) {
    people.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(10, count - from) }, async (_, index) => {
          const person = { request: await requests.newContext() }
          await signInTo(person, stage.origin, attendee(first + from + index).login)
          return person
        }),
      )),
    )
  }
  return people
}

async function openAs(
  browser: Browser,
  stage: Stage,
  login: string,
  path: string,
  options: { javaScriptEnabled?: boolean } = {},
): Promise<Page> {
  const context = await browser.newContext({ baseURL: stage.origin, ...options })
  await signInTo(context, stage.origin, login)
  const page = await context.newPage()
  await page.goto(path)
  return page
}

const keysIn = async (page: Page, stage: Stage, slug: string) =>
  (await upstreamKeys(page, stage, slug)).filter((key) => key.guardrail_id !== undefined)
const errorsOf = (page: Page) =>
  page.getByRole('region', { name: 'Errors of the last day' }).getByRole('listitem')
const jobs = (page: Page) =>
  page
    .getByRole('table')
    .filter({ has: page.getByRole('columnheader', { name: 'State' }) })
    .getByRole('row')
    .filter({ has: page.getByRole('rowheader') })

test('no guardrail can be assigned: all get their keys, and one action of the admin assigns all', async ({
  browser,
  faults,
  request,
  stage,
}) => {
  test.setTimeout(120_000)
  await faults({ bindFails: true })
  const people = await signInMany(stage, 50, 30)
  await Promise.all(people.map((person) => claimOverHttp(person, stage.origin, 'bind-room')))
  const keys = await Promise.all(
    people.map((person) => revealOverHttp(person, stage.origin, 'bind-room')),
  )
  expect(new Set(keys).size).toBe(30)

  const admin = await openAs(browser, stage, 'admin', '/admin/queue')
  const group = errorsOf(admin).filter({ hasText: 'The provider had an internal error (500).' })
  await expect(group).toHaveCount(1)
  await expect(group).toContainText('30 jobs now', { timeout: 20_000 })
  await expect(group).toContainText('Assign a guardrail to a key')
  await group.getByRole('link', { name: 'The provider had an internal error (500).' }).click()
  await expect(admin).toHaveURL(/error=/)
  await expect(jobs(admin)).toHaveCount(30)
  await expect(jobs(admin).first()).toContainText('in bind-room')
  await expect(jobs(admin).first()).toContainText('The provider had an internal error (500)')
  expect(
    (await keysIn(admin, stage, 'bind-room')).filter((key) => key.guardrail_id !== null),
  ).toEqual([])

  await request.delete(stage.openrouter.faultsUrl)
  await admin.getByRole('button', { name: /^Retry all \d+ that match$/ }).click()
  await expect(admin.getByRole('region', { name: 'Bulk action' })).toContainText(
    /Retry \d+ jobs?: All \d+ finished\./,
    { timeout: 20_000 },
  )
  await expect
    .poll(
      async () =>
        (await keysIn(admin, stage, 'bind-room')).filter((key) => key.guardrail_id !== null).length,
      { timeout: 20_000 },
    )
    .toBe(30)
  await expect(admin.getByText('No job matches')).toBeVisible({ timeout: 15_000 })
  await admin.context().close()
})

// A real outage lasts a minute; a fifth of it keeps the journeys short. The gate waits 15 s at most
// in both.
const outageMs = 12_000

test('the provider is down during 100 claims: attendees read why they wait, and the queue drains after it', async ({
  browser,
  faults,
  request,
  stage,
}) => {
  test.setTimeout(180_000)
  const people = await signInMany(stage, 80, 99)
  const page = await openAs(browser, stage, attendee(179).login, '/w/outage-room')
  await faults({ rules: [{ match: '*', fault: 'reset-before' }] })
  const downSince = Date.now()
  await page.getByRole('button', { name: 'Claim my key' }).click()
  await Promise.all(people.map((person) => claimOverHttp(person, stage.origin, 'outage-room')))

  await expect(
    heading(page, /^(This takes a little longer|Waiting for the provider)$/),
  ).toBeVisible({ timeout: 20_000 })
  await expect(
    page
      .getByRole('main')
      .getByText(/^(The provider failed to answer|We cannot reach the provider)$/),
  ).toBeVisible()
  await expect(page.getByText('You keep your place.')).toBeVisible()

  const admin = await openAs(browser, stage, 'admin', '/admin/queue?job=mint-key')
  const group = errorsOf(admin).filter({ hasText: 'Create a key' })
  await expect(group).toContainText(/10\d jobs now/, { timeout: 20_000 })
  await expect(group).toHaveCount(1)
  await expect(group).toContainText('The provider could not be reached.')
  await expect(
    admin.getByText(
      /^The (provider|connection).*(is cooling down for another|One key is being tried now)/,
    ),
  ).toBeVisible({ timeout: 20_000 })

  await expect
    .poll(() => Date.now() - downSince, { timeout: outageMs * 2 })
    .toBeGreaterThan(outageMs)
  await request.delete(stage.openrouter.faultsUrl)
  await expect(heading(page, 'Your key is ready')).toBeVisible({ timeout: 60_000 })
  await Promise.all(
    people.map(async (person) => {
      await expect
        .poll(
          async () =>
            (
              await person.request.post(`${stage.origin}/w/outage-room/claim/reveal`, {
                headers: { Origin: stage.origin, Accept: 'application/json' },
              })
            ).status(),
          { timeout: 60_000, intervals: [1_000] },
        )
        .toBe(200)
    }),
  )
  await expect(admin.getByText('The queue is empty.')).toBeVisible({ timeout: 30_000 })
  await page.context().close()
  await admin.context().close()
})

test('a pause from the page holds a workshop with its reason, and resuming gives everybody a key', async ({
  browser,
  faults,
  request,
  stage,
}) => {
  test.setTimeout(90_000)
  await faults({ rules: [{ match: 'POST /keys', fault: '429', retryAfterSeconds: 2 }] })
  const people = await signInMany(stage, 180, 8)
  const page = await openAs(browser, stage, attendee(188).login, '/w/pause-room')
  await page.getByRole('button', { name: 'Claim my key' }).click()
  await Promise.all(people.map((person) => claimOverHttp(person, stage.origin, 'pause-room')))

  const admin = await openAs(browser, stage, 'admin', '/admin/queue')
  await admin.getByText('Pause key creation…').click()
  await admin
    .getByRole('textbox', { name: 'Reason, for those who wait' })
    .fill('We go on after lunch, at 13:30.')
  await admin.getByRole('button', { name: 'Pause key creation' }).click()
  await expect(
    admin.getByText('Key creation is paused. Everybody who waits sees your reason.'),
  ).toBeVisible()
  await request.delete(stage.openrouter.faultsUrl)
  await expect(heading(page, 'Paused by the organiser')).toBeVisible({ timeout: 20_000 })
  await expect(page.getByText('“We go on after lunch, at 13:30.”')).toBeVisible()
  await expect(page.getByText(/Paused since .*\d\d:\d\d/)).toBeVisible()
  const late = await openAs(browser, stage, attendee(189).login, '/w/pause-room')
  await expect(late.getByText('We go on after lunch, at 13:30.')).toBeVisible()
  expect(await keysIn(admin, stage, 'pause-room')).toEqual([])

  await admin.getByRole('button', { name: 'Resume key creation' }).click()
  await expect(admin.getByText(/^Key creation is resumed\./)).toBeVisible()
  await expect(heading(page, 'Your key is ready')).toBeVisible({ timeout: 12_000 })
  await expect
    .poll(async () => (await keysIn(admin, stage, 'pause-room')).length, { timeout: 20_000 })
    .toBe(9)
  for (const one of [page, late, admin]) await one.context().close()
})

test('the list works by keyboard, holds updates while jobs are selected, and says when no answer comes', async ({
  browser,
  faults,
  stage,
}) => {
  await faults({ rules: [{ match: 'POST /keys', fault: '429', retryAfterSeconds: 1 }] })
  const people = await signInMany(stage, 40, 4)
  await Promise.all(people.map((person) => claimOverHttp(person, stage.origin, 'second-room')))
  const admin = await openAs(
    browser,
    stage,
    'admin',
    '/admin/queue?job=mint-key&tab=retrying&workshop=second-room',
  )
  await expect(jobs(admin)).toHaveCount(4, { timeout: 20_000 })
  await expect(admin.getByText(/^Live, every 5 s\./)).toBeVisible()

  await admin.keyboard.press('j')
  await admin.keyboard.press('j')
  await expect(jobs(admin).nth(1).getByRole('link').first()).toBeFocused()
  await admin.keyboard.press('x')
  await expect(jobs(admin).nth(1).getByRole('checkbox')).toBeChecked()
  await expect(admin.getByText('1 selected')).toBeVisible()
  await expect(admin.getByText(/^Updates pause while you select or type\./)).toBeVisible()
  await admin.keyboard.press('x')
  await expect(admin.getByText('0 selected')).toBeVisible()
  await admin.keyboard.press('k')
  await expect(jobs(admin).first().getByRole('link').first()).toBeFocused()
  await admin.keyboard.press('?')
  await expect(admin.getByRole('dialog', { name: 'Keys' })).toBeVisible()
  await admin.keyboard.press('Escape')
  await admin.keyboard.press('/')
  await expect(admin.getByRole('searchbox', { name: 'Person or id' })).toBeFocused()
  await admin.keyboard.type(attendee(41).name)
  await admin.keyboard.press('Enter')
  await expect(jobs(admin)).toHaveCount(1)
  await expect(jobs(admin)).toContainText(attendee(41).name)

  // Refreshing by itself, the page leaves the focus where it is.
  await admin.keyboard.press('Tab')
  await jobs(admin).getByRole('link').first().focus()
  const updated = admin.getByText(/Last update/)
  const before = await updated.innerText()
  await expect(updated).not.toHaveText(before, { timeout: 15_000 })
  await expect(jobs(admin).getByRole('link').first()).toBeFocused()

  await admin.route(/\/admin\/queue\.data|_routes=/, (route) =>
    route.fulfill({ status: 503, body: 'down' }),
  )
  await expect(admin.getByText(/^No answer for \d+ s\. Retrying automatically\./)).toBeVisible({
    timeout: 20_000,
  })
  await expect(jobs(admin)).toHaveCount(1)
  await admin.unroute(/\/admin\/queue\.data|_routes=/)
  await expect(admin.getByText(/^Live, every 5 s\./)).toBeVisible({ timeout: 20_000 })
  await admin.context().close()
})

test('without a script an admin opens a job and cancels it with a reason that the person then reads', async ({
  browser,
  faults,
  stage,
}) => {
  await faults({ rules: [{ match: 'POST /keys', fault: '429', retryAfterSeconds: 1 }] })
  const [person] = await signInMany(stage, 45, 1)
  await claimOverHttp(person!, stage.origin, 'second-room')
  const admin = await openAs(
    browser,
    stage,
    'admin',
    `/admin/queue?text=${encodeURIComponent(attendee(45).name)}`,
    { javaScriptEnabled: false },
  )
  await expect(async () => {
    await admin.reload()
    await expect(jobs(admin)).toContainText('The provider asked us to slow down (429)', {
      timeout: 500,
    })
  }).toPass({ timeout: 20_000 })
  await jobs(admin)
    .getByRole('link', { name: /^Create a key/ })
    .click()
  await expect(heading(admin, 'Create a key')).toBeVisible()
  await expect(
    admin.getByRole('region', { name: 'Table of runs' }).getByRole('row').nth(1),
  ).toContainText('snoozed')
  await admin.getByRole('button', { name: 'Run now' }).click()
  await expect(admin.getByText('The job runs now.')).toBeVisible()
  await admin.getByRole('button', { name: 'Cancel…' }).click()
  await expect(admin.getByText('Cancel this job?')).toBeVisible()
  await expect(admin.getByText(/The claim is refused with your reason/)).toBeVisible()
  await admin.getByRole('textbox', { name: 'Reason' }).fill('You asked for it.')
  await admin.getByRole('button', { name: 'Cancel this job' }).click()
  await expect(admin.getByText(/^The job is cancelled\. The claim is refused/)).toBeVisible()
  const page = await openAs(browser, stage, attendee(45).login, '/w/second-room/claim')
  await expect(heading(page, 'Cancelled by the organiser')).toBeVisible()
  await expect(page.getByText('“You asked for it.”')).toBeVisible()
  for (const one of [admin, page]) await one.context().close()
})

test('a viewer sees all of it and can change nothing; to others the pages do not exist', async ({
  browser,
  stage,
}) => {
  const viewer = await openAs(browser, stage, 'viewer', '/admin/queue?tab=done&job=mint-key')
  await expect(heading(viewer, 'Queue')).toBeVisible()
  await expect(jobs(viewer).first()).toBeVisible()
  await expect(viewer.getByRole('checkbox')).toHaveCount(0)
  await expect(viewer.getByText('Pause key creation…')).toHaveCount(0)
  const posted = await viewer.request.post(`${stage.origin}/admin/queue`, {
    form: { do: 'pause', reason: 'I may not' },
    headers: { Origin: stage.origin },
  })
  expect(posted.status()).toBe(404)
  const csv = await viewer.request.get(`${stage.origin}/admin/queue/export?tab=done&format=csv`)
  expect(csv.headers()['content-disposition']).toContain('.csv')
  expect((await csv.text()).split('\r\n').length).toBeGreaterThan(2)
  await jobs(viewer).first().getByRole('link').first().click()
  await expect(viewer.getByRole('region', { name: 'Table of runs' })).toContainText('done')
  await expect(viewer.getByRole('region', { name: 'Table of calls' })).toContainText('key saved')
  await viewer.setViewportSize({ width: 375, height: 800 })
  expect(await sidewaysTables(viewer)).toEqual([])
  await viewer.context().close()

  const stranger = await openAs(browser, stage, attendee(46).login, '/')
  for (const path of [
    '/admin/queue',
    '/admin/queue/00000000-0000-4000-8000-000000000000',
    '/admin/queue/export',
  ])
    expect((await stranger.request.get(`${stage.origin}${path}`)).status(), path).toBe(404)
  await stranger.context().close()
})

/**
 * Attendee pages at every width with the longest text that a file may hold: nothing is wider than
 * the screen, nothing moves while a page loads, and times are those of the event's clock.
 */
import type { Page } from '@playwright/test'
import { claimOverHttp, attendee, expect, revealOverHttp, signInTo, test } from './fixtures'

// Far from the server's zone and the event's: times are written anew once the script runs.
test.use({ timezoneId: 'Asia/Kolkata' })

const longest = ['long-room', 'long-gift']
/** 640 is a desk of 1280 px at 200 %. */
const widths = [375, 320, 640, 768, 1280]
/** The page is loaded anew at these, to see what moves meanwhile. */
const loadedAt = [375, 640, 1280]
const maxShift = 0.02

/** What sticks out of the page, by its own text; empty where the page is no wider than the screen. */
const wider = (page: Page) =>
  page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement
    if (scrollWidth <= clientWidth) return []
    const out = [...document.querySelectorAll('body *')].filter(
      (element) => element.getBoundingClientRect().right > clientWidth + 1,
    )
    const texts = out.slice(-3).map((element) => (element.textContent ?? '').slice(0, 60))
    return [`${scrollWidth} of ${clientWidth} px`, ...texts]
  })

type Shift = PerformanceEntry & {
  value: number
  hadRecentInput: boolean
  sources: { node: Node | null }[]
}

/** What moved since the page began, and by how much; not what follows a press. */
const shiftsOf = (page: Page) =>
  page.evaluate(
    () =>
      new Promise<{ sum: number; moved: string[] }>((resolve) => {
        const shifts: Shift[] = []
        new PerformanceObserver((list) =>
          shifts.push(...(list.getEntries() as Shift[]).filter((one) => !one.hadRecentInput)),
        ).observe({ type: 'layout-shift', buffered: true })
        setTimeout(
          () =>
            resolve({
              sum: shifts.reduce((sum, { value }) => sum + value, 0),
              moved: shifts.flatMap(({ sources }) =>
                sources.map(({ node }) => (node?.textContent ?? '').slice(0, 40)),
              ),
            }),
          400,
        )
      }),
  )

async function check(page: Page, addresses: string[]): Promise<string[]> {
  const problems: string[] = []
  for (const address of addresses)
    for (const width of widths) {
      await page.setViewportSize({ width, height: 900 })
      if (loadedAt.includes(width)) {
        await page.goto(address, { waitUntil: 'networkidle' })
        const { sum, moved } = await shiftsOf(page)
        if (sum > maxShift)
          problems.push(`${address} at ${width} moves by ${sum.toFixed(3)}: ${moved.join(' | ')}`)
      }
      const out = await wider(page)
      if (out.length > 0) problems.push(`${address} at ${width}: ${out.join(' | ')}`)
    }
  return problems
}

test('the longest words and addresses stay inside every page of a stranger, and nothing moves', async ({
  page,
}) => {
  test.setTimeout(180_000)
  const addresses = [
    '/',
    '/docs',
    '/sign-in',
    '/nothing-here',
    ...longest.flatMap((slug) => [`/w/${slug}`, `/sign-in?returnTo=/w/${slug}`]),
  ]
  expect(await check(page, addresses)).toEqual([])
})

test('the longest words and addresses stay inside every page of an attendee, and nothing moves', async ({
  page,
  context,
  stage,
}) => {
  test.setTimeout(180_000)
  await signInTo(context, stage.origin, attendee(21).login)
  await claimOverHttp(context, stage.origin, 'long-room')
  await revealOverHttp(context, stage.origin, 'long-room')
  const addresses = [
    '/w/long-room',
    '/w/long-room/claim',
    '/w/long-gift',
    '/w/long-gift/claim?refused=full',
    '/me',
  ]
  expect(await check(page, addresses)).toEqual([])
})

test('a part whose script comes late stays as it was sent, whatever one presses meanwhile', async ({
  page,
  context,
  stage,
}) => {
  await signInTo(context, stage.origin, attendee(22).login)
  await claimOverHttp(context, stage.origin, 'live-room')
  await revealOverHttp(context, stage.origin, 'live-room')
  const late: (() => void)[] = []
  await page.route(/\/assets\/(tool-steps|ask-for-more)-/, (route) => {
    late.push(() => void route.continue())
  })
  await page.goto('/w/live-room/claim')
  const steps = page.getByRole('region', { name: 'Use it' })
  await expect.poll(() => late.length).toBe(2)
  await expect(page.getByRole('button', { name: 'Show key' })).toBeEnabled()
  await steps.evaluate((element) => element.querySelector('details')?.setAttribute('data-sent', ''))
  await page.getByRole('button', { name: 'Show key' }).click()
  await page.getByRole('button', { name: 'Test my key' }).click()
  await expect(page.getByText('Your key works', { exact: true })).toBeVisible()
  await expect(steps).not.toContainText('Loading the steps')
  await expect(steps.locator('.needs-script')).not.toHaveCount(0)
  for (const go of late) go()
  // Its buttons are alive.
  await expect(steps.locator('.needs-script')).toHaveCount(0)
  // The very element that the server has sent. A complaint of React would end this test, too.
  await expect(steps.locator('details[data-sent]')).toHaveCount(1)
})

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
    test.use({ javaScriptEnabled })

    // The reader's own zone is another one.
    test('the page of a workshop shows its times by the clock of the event', async ({ page }) => {
      await page.goto('/w/open-room')
      const facts = page.getByRole('main')
      await expect(facts).toContainText(/31 Dec 2099, 19:00 (CET|GMT\+1)/)
      if (javaScriptEnabled)
        await expect(facts).toContainText(/31 Dec 2099, 19:00 (CET|GMT\+1) \(23:30 .* for you\)/)
      await expect(facts).not.toContainText('UTC')
    })

    test('the overview of staff shows when a workshop closes by the clock of the event', async ({
      page,
      signIn,
    }) => {
      await signIn('admin')
      await page.goto('/admin')
      const link = page.locator('a[href="/admin/w/open-room"]')
      const line = page.getByRole('listitem').filter({ has: link })
      await expect(line).toContainText(/Open until .*31 Dec 2099, 19:00 (CET|GMT\+1)/)
      if (javaScriptEnabled) await expect(line).toContainText(/ \(23:30 .* for you\)/)
    })
  })
}

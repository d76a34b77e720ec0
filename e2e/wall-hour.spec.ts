/**
 * The wall stands on a screen for a whole day: an hour of it, by a clock that runs fast, while people
 * claim and a line of staff comes and goes. What the page holds then is printed.
 */
import { attendee, claimOverHttp, expect, queryDatabase, signInTo, test } from './fixtures'

const slug = 'wall-room'

test('an hour on the wall leaves as many nodes, listeners and timers as its first minute', async ({
  page,
  browser,
  stage,
}) => {
  test.setTimeout(300_000)
  let answers = 0
  page.on(
    'response',
    (response) => void (answers += Number(response.url().endsWith('/live/status'))),
  )
  await page.clock.install()
  await page.addInitScript(() => {
    const live = new Set<unknown>()
    const [set, clear] = [window.setInterval.bind(window), window.clearInterval.bind(window)]
    window.setInterval = ((...args: Parameters<typeof set>) => {
      const timer = set(...args)
      live.add(timer)
      return timer
    }) as typeof window.setInterval
    window.clearInterval = (timer) => {
      live.delete(timer)
      clear(timer)
    }
    Object.assign(window, { liveIntervals: live })
  })
  await page.goto(`/w/${slug}/live`)
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Performance.enable')
  const counts = async () => {
    await devtools.send('HeapProfiler.collectGarbage')
    const { metrics } = await devtools.send('Performance.getMetrics')
    const of = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? -1
    return {
      nodes: await page.evaluate(() => document.querySelectorAll('*').length),
      listeners: of('JSEventListeners'),
      intervals: await page.evaluate(
        () => (window as unknown as { liveIntervals: Set<unknown> }).liveIntervals.size,
      ),
      heap: of('JSHeapUsedSize'),
      allNodes: of('Nodes'),
    }
  }
  // Without locators: what they leave in the page would be counted with it.
  const isShown = () => page.evaluate(() => document.body.innerText.includes('Lunch is at noon'))
  const post = () =>
    queryDatabase(
      stage,
      `insert into keymint.announcements (workshop_slug, line, ends_at)
        values ($1, 'Lunch is at noon', now() + interval '1 hour')`,
      [slug],
    )
  const takeDown = () =>
    queryDatabase(
      stage,
      `update keymint.announcements set taken_down_at = now()
        where workshop_slug = $1 and cause is null and taken_down_at is null`,
      [slug],
    )
  const claim = async (number: number) => {
    const context = await browser.newContext()
    await signInTo(context, stage.origin, attendee(number).login)
    await claimOverHttp(context, stage.origin, slug)
    await context.close()
  }
  const play = async (tenSeconds: number) => {
    for (let step = 0; step < tenSeconds; step++) {
      const before = answers
      await page.clock.runFor(10_000)
      await expect.poll(() => answers).toBeGreaterThan(before)
    }
  }
  // A process may be a second late with a line, and this clock runs faster than that.
  const playUntil = async (shown: boolean, tenSeconds: number) => {
    await play(tenSeconds)
    await expect(async () => {
      await play(1)
      expect(await isShown()).toBe(shown)
    }).toPass({ timeout: 20_000, intervals: [500] })
  }
  const lineComesAndGoes = async (tenSeconds: number) => {
    await post()
    await playUntil(true, tenSeconds)
    await takeDown()
    await playUntil(false, tenSeconds)
  }
  // Once before it counts: what the first line of all leaves is there once.
  await lineComesAndGoes(6)
  const first = await counts()
  // Six times ten minutes, each with a line that comes and goes; in three of them somebody claims.
  for (const number of [26, null, 27, null, 28, null]) {
    if (number !== null) await claim(number)
    await lineComesAndGoes(30)
  }
  const last = await counts()
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)
  process.stdout.write(
    `The wall after two minutes and an hour later: ${first.nodes} and ${last.nodes} elements, ` +
      `${first.allNodes} and ${last.allNodes} nodes, ${first.listeners} and ${last.listeners} listeners, ` +
      `${megabytes(first.heap)} and ${megabytes(last.heap)} MB of memory; ${answers} answers.\n`,
  )
  expect({ ...last, heap: 0, allNodes: 0 }).toEqual({ ...first, heap: 0, allNodes: 0 })
  expect(last.allNodes).toBeLessThanOrEqual(first.allNodes + 50)
  expect(last.heap).toBeLessThan(first.heap + 2_000_000)
  expect(answers).toBeGreaterThan(360)
})

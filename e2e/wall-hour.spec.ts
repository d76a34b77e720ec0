/** The wall stands on a screen for a whole day: an hour of it, by a clock that runs fast. */
import { expect, test } from './fixtures'

const slug = 'live-room'

test('an hour on the wall leaves as many nodes, listeners and timers as its first minute', async ({
  page,
}) => {
  test.setTimeout(180_000)
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
  const play = async (tenSeconds: number) => {
    for (let step = 0; step < tenSeconds; step++) {
      const before = answers
      await page.clock.runFor(10_000)
      await expect.poll(() => answers).toBeGreaterThan(before)
    }
  }
  await play(6)
  const first = await counts()
  await play(360)
  const last = await counts()
  expect({ ...last, heap: 0, allNodes: 0 }).toEqual({ ...first, heap: 0, allNodes: 0 })
  expect(last.allNodes).toBeLessThanOrEqual(first.allNodes + 50)
  expect(last.heap).toBeLessThan(first.heap + 2_000_000)
  expect(answers).toBeGreaterThan(360)
})

import { afterEach, expect, test, vi } from 'vitest'
import type { ClaimPulse } from '~/domain/claim/view-types'
import {
  delayAfterFailure,
  jittered,
  nextDelay,
  isClaimPulse,
  readPolled,
  watch,
  type PollAnswer,
  type Watch,
} from './poll'

const pulse = (change: Partial<ClaimPulse> = {}): ClaimPulse => ({
  v: 'a',
  step: 0,
  ahead: 3,
  eta: null,
  delay: null,
  next: 1000,
  ...change,
})
const json = (body: unknown, status = 200) =>
  new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': 'application/json; charset=utf-8' },
  })

const readClaim = (response: Response) => readPolled(response, isClaimPulse)

afterEach(() => vi.useRealTimers())

function startWatch(answers: (() => PollAnswer | Promise<PollAnswer>)[]) {
  vi.useFakeTimers()
  const page = { hidden: false, asked: 0, gone: 0, seen: [] as Watch[] }
  const watcher = watch({
    firstDelayMs: 1000,
    ask: async () => {
      const answer = answers[Math.min(page.asked, answers.length - 1)]
      page.asked++
      return answer ? answer() : { kind: 'failed' }
    },
    isHidden: () => page.hidden,
    random: () => 0.5,
    onWatch: (state) => page.seen.push(state),
    onGone: () => page.gone++,
  })
  return { page, watcher }
}

test('a delay is spread by a fifth either way', () => {
  expect([0, 0.5, 1].map((random) => jittered(1000, random))).toEqual([800, 1000, 1200])
})

test('failures are retried ever more slowly, at most every 15 s', () => {
  expect([1, 2, 3, 4, 9].map(delayAfterFailure)).toEqual([2000, 4000, 8000, 15_000, 15_000])
})

test('the server dictates the next poll, and null stops it', () => {
  expect(nextDelay({ kind: 'pulse', pulse: pulse({ next: 2000 }) }, 0, 0.5)).toBe(2000)
  expect(nextDelay({ kind: 'pulse', pulse: pulse({ next: null }) }, 0, 0.5)).toBeNull()
  expect(nextDelay({ kind: 'gone' }, 0, 0.5)).toBeNull()
})

test('a captive portal answering 200 with HTML is a failed poll', async () => {
  expect(
    await readClaim(
      new Response('<html>Welcome to HotelWifi', { headers: { 'Content-Type': 'text/html' } }),
    ),
  ).toEqual({ kind: 'failed' })
  expect(await readClaim(json({ hello: 'wifi' }))).toEqual({ kind: 'failed' })
  expect(await readClaim(json({}, 503))).toEqual({ kind: 'failed' })
  expect(await readClaim(json({}, 401))).toEqual({ kind: 'gone' })
  expect(await readClaim(json(pulse()))).toEqual({ kind: 'pulse', pulse: pulse() })
})

test('polls go on at the pace of the answers until one says stop', async () => {
  const { page } = startWatch([
    () => ({ kind: 'pulse', pulse: pulse({ next: 2000 }) }),
    () => ({ kind: 'pulse', pulse: pulse({ next: null }) }),
  ])
  await vi.advanceTimersByTimeAsync(1000)
  expect(page.asked).toBe(1)
  await vi.advanceTimersByTimeAsync(1999)
  expect(page.asked).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(page.asked).toBe(2)
  await vi.advanceTimersByTimeAsync(600_000)
  expect(page.asked).toBe(2)
})

test('a hidden page asks nothing, and asks at once when it is looked at again', async () => {
  const { page, watcher } = startWatch([() => ({ kind: 'pulse', pulse: pulse() })])
  page.hidden = true
  await vi.advanceTimersByTimeAsync(60_000)
  expect(page.asked).toBe(0)
  page.hidden = false
  watcher.wake()
  await vi.advanceTimersByTimeAsync(0)
  expect(page.asked).toBe(1)
  await vi.advanceTimersByTimeAsync(1000)
  expect(page.asked).toBe(2)
})

test('failures are counted until one answer is good again', async () => {
  const { page } = startWatch([
    () => ({ kind: 'failed' }),
    () => Promise.reject(new Error('offline')),
    () => ({ kind: 'pulse', pulse: pulse() }),
  ])
  await vi.advanceTimersByTimeAsync(1000 + 2000 + 4000)
  expect(page.seen.map((state) => state.failures)).toEqual([1, 2, 0])
})

test('waking while an answer is on its way does not ask twice', async () => {
  let answer: (value: PollAnswer) => void = () => undefined
  const { page, watcher } = startWatch([
    () => new Promise<PollAnswer>((resolve) => (answer = resolve)),
  ])
  await vi.advanceTimersByTimeAsync(1000)
  watcher.wake()
  watcher.wake()
  expect(page.asked).toBe(1)
  answer({ kind: 'pulse', pulse: pulse() })
  await vi.advanceTimersByTimeAsync(1000)
  expect(page.asked).toBe(2)
})

test('a claim that is gone, or a session that has ended, stops the polls and says so once', async () => {
  const { page } = startWatch([() => ({ kind: 'gone' })])
  await vi.advanceTimersByTimeAsync(60_000)
  expect([page.asked, page.gone]).toEqual([1, 1])
})

test('nothing is said after stop', async () => {
  const { page, watcher } = startWatch([() => ({ kind: 'pulse', pulse: pulse() })])
  await vi.advanceTimersByTimeAsync(1000)
  watcher.stop()
  watcher.wake()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(page.asked).toBe(1)
})

test('an answer without news is a good one: the page keeps what it shows and asks again as told', async () => {
  expect(await readClaim(json({ later: 4_000 }))).toEqual({ kind: 'later', ms: 4_000 })
  expect(await readClaim(json({ later: 'soon' }))).toEqual({ kind: 'failed' })
  const { page, watcher } = startWatch([
    () => ({ kind: 'pulse', pulse: pulse({ v: 'b' }) }),
    () => ({ kind: 'later', ms: 4_000 }),
    () => ({ kind: 'gone' }),
  ])
  await vi.advanceTimersByTimeAsync(2_100)
  expect(page.seen.at(-1)).toEqual({ failures: 0, pulse: pulse({ v: 'b' }) })
  await vi.advanceTimersByTimeAsync(3_800)
  expect(page.asked).toBe(2)
  await vi.advanceTimersByTimeAsync(300)
  expect(page.asked).toBe(3)
  watcher.stop()
})

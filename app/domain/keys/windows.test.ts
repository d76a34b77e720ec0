/** What a key's money holds, window by window, at the edges. */
import { expect, test } from 'vitest'
import { afterwards, keyMadeAt, keyRow, usd } from '../../../tests/key'
import { ahead, committedOf, dueWindows, lifetime, limitDue, moreFrom } from './windows'

const now = afterwards(600)
const present = (change: Parameters<typeof keyRow>[0], options = {}) =>
  dueWindows(keyRow(change), 'reset', now, undefined, options).find(
    ({ startsAt }) => startsAt.getTime() === lifetime.getTime(),
  )
const held = { startsAt: lifetime, reserved: usd(1), used: 0n }

test('a live key holds the most that the row, the provider, a call and a doubt may let it spend', () => {
  expect(present({})).toEqual(held)
  expect(present({ seen: { limit: usd(2) } })?.reserved).toBe(usd(2))
  const call = { sentAt: now, revision: 1, limit: usd(3), on: false }
  expect(present({ call })?.reserved).toBe(usd(3))
  expect(present({ doubt: { until: now, limit: usd(4), on: false } })?.reserved).toBe(usd(4))
})

test('a key on its way out holds what it held until it was read a minute after it was lowered', () => {
  const lowered = { limit: usd(0.2), withoutReset: true, windows: [held] }
  const read = (seconds: number) =>
    present({
      ...lowered,
      seen: { limit: usd(0.2), at: keyMadeAt },
      readAt: afterwards(seconds),
    })?.reserved
  expect(read(59)).toBe(usd(1))
  expect(read(60)).toBe(usd(0.2))
  const unread = { ...lowered, seen: { limit: usd(0.2), at: keyMadeAt } }
  expect(present({ ...unread, readAt: null })?.reserved).toBe(usd(1))
})

test('closed and read twice alike, what is left goes to the key that follows; settled, to the pool', () => {
  const closed = { closedAt: keyMadeAt, used: usd(0.3), windows: [held], off: { ended: keyMadeAt } }
  expect(present(closed)?.reserved).toBe(usd(1))
  expect(present({ ...closed, stableAt: now })).toMatchObject({
    reserved: usd(0.3),
    used: usd(0.3),
  })
  expect(present({ ...closed, settledAt: now })).toMatchObject({ reserved: usd(0.3) })
  expect(present({ ...closed, savedAt: null, used: 0n })?.reserved).toBe(0n)
})

test('a key that is closed as of last month keeps what is booked in this one', () => {
  const [last, begun] = [new Date('2026-01-01T00:00:00Z'), new Date('2026-02-01T00:00:00Z')]
  const key = keyRow({
    closedAt: new Date('2026-01-31T23:59:59Z'),
    off: { ended: new Date('2026-01-31T23:59:58Z') },
    expiresAt: new Date('2026-06-01T00:00:00Z'),
    used: usd(0.5),
    windows: [
      { startsAt: last, reserved: usd(1), used: usd(0.4) },
      { startsAt: begun, reserved: usd(0.6), used: usd(0.1) },
    ],
  })
  const rows = dueWindows(key, 'month', new Date('2026-02-01T00:05:00Z'))
  expect(rows.map(({ startsAt, used }) => [startsAt, used])).toEqual([
    [last, usd(0.4)],
    [begun, usd(0.1)],
  ])
})

test('windows ahead are held until the key is closed', () => {
  const daily = {
    limitReset: 'daily',
    seen: { reset: 'daily' },
    expiresAt: afterwards(2 * 86_400),
  } as const
  const rows = (change = {}) =>
    dueWindows(keyRow({ ...daily, ...change }), 'reset', now).map(({ startsAt, reserved }) => [
      startsAt.getTime() === ahead.getTime() ? 'ahead' : startsAt.toISOString(),
      reserved,
    ])
  expect(rows()).toEqual([
    ['2026-11-28T00:00:00.000Z', usd(1)],
    ['ahead', usd(2)],
  ])
  expect(rows({ closedAt: now })).toEqual([['2026-11-28T00:00:00.000Z', usd(1)]])
})

test('a successor gets what former keys of its grant leave, at least the least that is asked for', () => {
  const former = (used: number, change = {}) =>
    keyRow({ windows: [{ ...held, reserved: usd(used), used: usd(used) }], ...change })
  const next = keyRow({ generation: 2 })
  const due = (...keys: ReturnType<typeof keyRow>[]) => limitDue(usd(1), next, keys, 'reset', now)
  expect(due(former(0.4))).toEqual({ limit: usd(0.6), left: usd(0.6), changesAt: null })
  expect(due(former(1.2))).toMatchObject({ limit: 1_000n, left: 0n })
  expect(due(former(0.4, { grant: 2 }))).toMatchObject({ limit: usd(1) })
  expect(due(former(0.4, { generation: 2 }))).toMatchObject({ limit: usd(1) })
  expect(committedOf([{ ...held, used: usd(2) }, held])).toBe(usd(3))
})

test('more is there a minute after the window ends, and never where there is none', () => {
  expect(moreFrom('daily', now)).toEqual(new Date('2026-11-29T00:01:00Z'))
  expect(moreFrom(null, now)).toBeNull()
})

/** What a reading makes of the counters, for services that count for life and by window. */
import { expect, test } from 'vitest'
import type { ServiceKey } from '~/adapters/service-adapter'
import type { Key } from './key-row'
import { takeReading } from './reading'

const cent = 10_000_000n
const at = (time: string) => new Date(`2026-11-${time}Z`)
const today = at('28T00:00:00')
const noon = at('28T12:00:00')

type Kept = Pick<
  Key,
  | 'limit'
  | 'limitReset'
  | 'used'
  | 'usedBase'
  | 'windowUsed'
  | 'windowBase'
  | 'windowStartedAt'
  | 'windows'
>
const keyOf = (change: Partial<Kept>) =>
  ({
    limit: 100n * cent,
    limitReset: 'daily',
    used: 0n,
    usedBase: 0n,
    windowUsed: 0n,
    windowBase: 0n,
    windowStartedAt: today,
    windows: [],
    ...change,
  }) satisfies Kept as Key

const seenOf = (change: Partial<ServiceKey>): ServiceKey => ({
  id: 'a',
  name: 'a',
  label: 'a',
  cap: 100n * cent,
  reset: 'daily',
  createdAt: null,
  expiresAt: null,
  usage: 0n,
  usedInWindow: 0n,
  windowEndsAt: null,
  disabled: false,
  ...change,
})
const counters = (key: Partial<Kept>, seen: Partial<ServiceKey>, askedAt = noon) => {
  const taken = takeReading(keyOf(key), seenOf(seen), askedAt, 'reset')
  if (taken === 'absurd') throw new Error('kept back')
  return taken
}

test('where the total is forgotten at a reset, each reading adds what its window has more', () => {
  const kept = { used: 50n * cent, windowUsed: 20n * cent }
  const more = counters(kept, { usage: null, usedInWindow: 25n * cent })
  expect(more.counters).toMatchObject({ used: 55n * cent, windowUsed: 25n * cent })
  expect(more.grown).toBe(true)
  const less = counters(kept, { usage: null, usedInWindow: 5n * cent })
  expect(less.counters).toMatchObject({ used: 50n * cent, windowUsed: 20n * cent })
  expect(less.grown).toBe(false)
  const next = counters(kept, { usage: null, usedInWindow: 3n * cent }, at('29T01:00:00'))
  expect(next.counters).toMatchObject({ used: 53n * cent, windowUsed: 3n * cent })
  expect(next.counters.windowStartedAt).toEqual(at('29T00:00:00'))
})

test('a reading of a window that is over moves the total alone', () => {
  const seen = { usage: 60n * cent, usedInWindow: 30n * cent, windowEndsAt: today }
  const taken = counters({ used: 50n * cent, windowUsed: 20n * cent }, seen)
  expect(taken.counters).toEqual({
    used: 60n * cent,
    usedBase: 0n,
    windowUsed: 20n * cent,
    windowBase: 0n,
    windowStartedAt: today,
  })
})

test('a counter that falls far has begun anew where it may, a lag of a cent has not', () => {
  const kept = { used: 50n * cent, limitReset: null, windowStartedAt: null } as const
  const anew = counters(kept, { resets: true, reset: null, usage: 5n * cent })
  expect(anew.fell).toBe(true)
  expect(anew.counters).toMatchObject({ used: 55n * cent, usedBase: 50n * cent })
  const half = counters(kept, { resets: true, reset: null, usage: 25n * cent })
  expect(half.fell).toBe(false)
  expect(half.counters.used).toBe(50n * cent)
  const small = counters({ ...kept, used: cent }, { resets: true, reset: null, usage: 0n })
  expect(small.fell).toBe(false)
  const never = counters(kept, { usage: 5n * cent, reset: null })
  expect(never).toMatchObject({ fell: false, counters: { used: 50n * cent } })
})

test('a reading a hundred times beyond the cap is none, unless it was so before', () => {
  const beyond = 100n * 100n * cent
  const read = (used: bigint, usage: bigint) =>
    takeReading(keyOf({ used }), seenOf({ usage }), noon, 'reset')
  expect(read(0n, beyond + 1n)).toBe('absurd')
  expect(read(0n, beyond)).not.toBe('absurd')
  expect(read(beyond + 1n, beyond + 1n)).not.toBe('absurd')
})

test('what was used before the window and is read only now belongs to the window before', () => {
  const before = { startsAt: at('27T00:00:00'), reserved: 100n * cent, used: 40n * cent }
  const kept = { used: 40n * cent, windowStartedAt: at('27T00:00:00'), windowUsed: 40n * cent }
  const seen = {
    usage: 52n * cent,
    usedInWindow: 2n * cent,
    usageBy: { daily: 2n * cent, weekly: null, monthly: null },
  }
  const taken = counters({ ...kept, windows: [before] }, seen)
  expect(taken.late).toEqual({ ...before, used: 50n * cent })
  expect(taken.counters).toMatchObject({ used: 52n * cent, windowUsed: 2n * cent })
  expect(counters({ ...kept, windows: [before] }, { ...seen, usage: 42n * cent }).late).toBeNull()
})

test('what a change told of the window before, and is booked in the next one, is not booked twice', () => {
  const before = { startsAt: at('27T00:00:00'), reserved: 100n * cent, used: 40n * cent }
  const present = { startsAt: today, reserved: 100n * cent, used: 12n * cent }
  const kept = { used: 52n * cent, windowStartedAt: before.startsAt, windowUsed: 40n * cent }
  const read = (usage: bigint, inWindow: bigint) =>
    counters(
      { ...kept, windows: [before, present] },
      {
        usage,
        usedInWindow: inWindow,
        usageBy: { daily: inWindow, weekly: null, monthly: null },
      },
    ).late
  expect(read(52n * cent, 0n)).toBeNull()
  expect(read(55n * cent, 0n)).toEqual({ ...before, used: 43n * cent })
  expect(read(60n * cent, 20n * cent)).toBeNull()
})

test('a key that lost its reset goes on in the window where it was', () => {
  const kept = { used: 30n * cent, windowUsed: 10n * cent }
  const seen = { resets: true, reset: null, usage: null, usedInWindow: 14n * cent }
  const taken = counters(kept, seen, at('29T08:00:00'))
  expect(taken.counters).toMatchObject({ used: 34n * cent, windowUsed: 14n * cent })
  expect(taken.counters.windowStartedAt).toEqual(today)
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Workshop } from '../workshop-file'
import { committedFor, maxCommittedIn, maxWindowsPerMonth } from './committed'
import { makeWorkshop as anyWorkshop } from '../../../tests/make-workshop'
import { keysThatFit, worstCaseSpend } from '../workshop/worst-case'

const LIMIT = 2_000_000_000n
const DAY_MS = 86_400_000

function windows(
  reset: 'daily' | 'weekly' | 'monthly' | null,
  from: string,
  expiresAt: string,
): bigint {
  return (
    committedFor({ keyLimit: LIMIT, reset, from: new Date(from), expiresAt: new Date(expiresAt) }) /
    LIMIT
  )
}

/** Open at all times, with keys that end at one moment. */
const makeWorkshop = (over: Partial<Workshop> = {}): Workshop =>
  anyWorkshop({
    claimsOpenAt: null,
    claimsCloseAt: null,
    poolLimit: 300_000_000_000n,
    keyLimit: LIMIT,
    keyLimitReset: null,
    keyExpiresAt: new Date('2026-04-15T00:00:00Z'),
    keyExpiresInMs: null,
    maxKeys: null,
    ...over,
  })

test('without a reset one limit is committed, however long the key lives', () => {
  expect(windows(null, '2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z')).toBe(1n)
})

test('a daily reset commits every UTC day touched, and an expiry at midnight does not touch the day it begins', () => {
  expect(windows('daily', '2026-04-14T08:00:00Z', '2026-04-15T00:00:00Z')).toBe(1n)
  expect(windows('daily', '2026-04-14T08:00:00Z', '2026-04-15T00:00:00.001Z')).toBe(2n)
  expect(windows('daily', '2026-04-14T23:59:59.999Z', '2026-04-16T00:00:01Z')).toBe(3n)
})

test('a weekly reset commits weeks from Monday to Sunday', () => {
  expect(windows('weekly', '2026-04-13T00:00:00Z', '2026-04-20T00:00:00Z')).toBe(1n)
  expect(windows('weekly', '2026-04-19T23:59:59Z', '2026-04-20T00:00:01Z')).toBe(2n)
  expect(windows('weekly', '2026-04-12T23:59:59Z', '2026-04-13T00:00:00Z')).toBe(1n)
})

test('a monthly reset commits calendar months, over the end of a year too', () => {
  expect(windows('monthly', '2026-01-31T23:59:59Z', '2026-02-01T00:00:00Z')).toBe(1n)
  expect(windows('monthly', '2026-12-31T23:59:59Z', '2027-01-01T00:00:01Z')).toBe(2n)
  expect(windows('monthly', '2026-01-31T00:00:00Z', '2027-01-31T00:00:00Z')).toBe(13n)
})

test('a key that has already expired still commits one limit', () => {
  expect(windows('daily', '2026-04-14T08:00:00Z', '2026-04-01T00:00:00Z')).toBe(1n)
})

const instants = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2040, 0) })
const resets = fc.constantFrom('daily' as const, 'weekly' as const, 'monthly' as const)

test('the number of windows equals a count that walks day by day', () => {
  fc.assert(
    fc.property(instants, fc.integer({ min: 1, max: 70 * DAY_MS }), resets, (from, life, reset) => {
      const seen = new Set<string>()
      for (let day = from - (from % DAY_MS); day < from + life; day += DAY_MS) {
        const date = new Date(day)
        const monday = new Date(day - ((date.getUTCDay() + 6) % 7) * DAY_MS)
        seen.add(
          { daily: date, weekly: monday, monthly: date }[reset]
            .toISOString()
            .slice(0, reset === 'monthly' ? 7 : 10),
        )
      }
      const committed = committedFor({
        keyLimit: LIMIT,
        reset,
        from: new Date(from),
        expiresAt: new Date(from + life),
      })
      expect(committed).toBe(LIMIT * BigInt(seen.size))
    }),
  )
})

test('no moment of claiming commits more than the most for that lifetime', () => {
  fc.assert(
    fc.property(
      instants,
      fc.integer({ min: 1, max: 370 * DAY_MS }),
      resets,
      (from, lifetimeMs, reset) => {
        const committed = committedFor({
          keyLimit: LIMIT,
          reset,
          from: new Date(from),
          expiresAt: new Date(from + lifetimeMs),
        })
        expect(committed <= maxCommittedIn({ keyLimit: LIMIT, reset, lifetimeMs })).toBe(true)
      },
    ),
    { numRuns: 1000 },
  )
  expect(maxCommittedIn({ keyLimit: LIMIT, reset: 'daily', lifetimeMs: 7 * DAY_MS })).toBe(
    LIMIT * 8n,
  )
})

test('a later claim never commits more than an earlier one when the expiry is the same', () => {
  fc.assert(
    fc.property(
      instants,
      fc.nat(40 * DAY_MS),
      fc.nat(40 * DAY_MS),
      resets,
      (from, later, rest, reset) => {
        const expiresAt = new Date(from + later + rest)
        const early = committedFor({ keyLimit: LIMIT, reset, from: new Date(from), expiresAt })
        expect(
          committedFor({ keyLimit: LIMIT, reset, from: new Date(from + later), expiresAt }) <=
            early,
        ).toBe(true)
      },
    ),
  )
})

test('the keys that fit never commit more than the pool, and one more would', () => {
  const at = new Date('2026-04-14T08:00:00Z')
  expect(keysThatFit(makeWorkshop(), at)).toBe(150)
  expect(keysThatFit(makeWorkshop({ maxKeys: 3 }), at)).toBe(3)
  expect(keysThatFit(makeWorkshop({ poolLimit: 1n }), at)).toBe(0)
  expect(keysThatFit(makeWorkshop({ poolLimit: null, maxKeys: 40 }), at)).toBe(40)
  expect(
    keysThatFit(
      makeWorkshop({ keyLimitReset: 'daily', keyExpiresAt: new Date('2026-04-17T00:00:00Z') }),
      at,
    ),
  ).toBe(50)
  fc.assert(
    fc.property(
      fc.bigInt({ min: 1n, max: 10n ** 14n }),
      fc.bigInt({ min: 1n, max: 10n ** 12n }),
      (poolLimit, keyLimit) => {
        const fit = BigInt(keysThatFit(makeWorkshop({ poolLimit, keyLimit }), at))
        expect(fit * keyLimit <= poolLimit && (fit + 1n) * keyLimit > poolLimit).toBe(true)
      },
    ),
  )
})

test('the worst case is the pool or all the seats, whichever is less, and unknown where nothing bounds it', () => {
  const at = new Date('2026-04-14T08:00:00Z')
  expect(worstCaseSpend(makeWorkshop(), at)).toBe(300_000_000_000n)
  expect(worstCaseSpend(makeWorkshop({ maxKeys: 3 }), at)).toBe(6_000_000_000n)
  expect(
    worstCaseSpend(
      makeWorkshop({
        maxKeys: 3,
        poolLimit: null,
        keyLimitReset: 'daily',
        keyExpiresAt: null,
        keyExpiresInMs: DAY_MS,
      }),
      at,
    ),
  ).toBe(12_000_000_000n)
  expect(worstCaseSpend(makeWorkshop({ poolLimit: null }), at)).toBeNull()
})

test('no calendar month touches more windows than the most per month', () => {
  for (const reset of ['daily', 'weekly', 'monthly'] as const) {
    let most = 0
    for (let month = 0; month < 480; month += 1) {
      const committed = committedFor({
        keyLimit: 1n,
        reset,
        from: new Date(Date.UTC(2020, month)),
        expiresAt: new Date(Date.UTC(2020, month + 1)),
      })
      most = Math.max(most, Number(committed))
    }
    expect(maxWindowsPerMonth(reset), reset).toBe(most)
  }
  expect(maxWindowsPerMonth(null)).toBe(1)
})

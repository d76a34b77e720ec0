/**
 * What one claim may cost at worst, and so how many claims a pool can promise to. Guarantee: a key
 * cannot spend more than `committedFor` says between its claim and its expiry, because its cap
 * starts afresh only at UTC midnight, on Monday or on the 1st, and every such window is paid for in
 * advance. The pool's row holds the sum.
 */
import type { NanoUsd } from '~/money'
import type { KeyLimitReset } from '../workshop-file'

const DAY_MS = 86_400_000
const WEEK_MS = 7 * DAY_MS
// The epoch was a Thursday, so the first Monday is four days later.
const FIRST_MONDAY_MS = 4 * DAY_MS

/**
 * Limit times the number of UTC windows touched by [from, expiresAt), and never less than one
 * limit.
 */
export function committedFor(input: {
  keyLimit: NanoUsd
  reset: KeyLimitReset | null
  from: Date
  expiresAt: Date
}): NanoUsd {
  if (input.reset === null || input.expiresAt <= input.from) return input.keyLimit
  const lastInstant = input.expiresAt.getTime() - 1
  return (
    input.keyLimit *
    BigInt(
      windowNumber(input.reset, lastInstant) - windowNumber(input.reset, input.from.getTime()) + 1,
    )
  )
}

/** How many UTC windows [from, expiresAt) touches, at least one; without a reset there is one. */
export function windowsIn(input: {
  reset: KeyLimitReset | null
  from: Date
  expiresAt: Date
}): bigint {
  return committedFor({ keyLimit: 1n, ...input })
}

/** When the window that `at` lies in ends; null without a reset. */
export function windowEnd(reset: KeyLimitReset | null, at: Date): Date | null {
  switch (reset) {
    case null:
      return null
    case 'daily':
      return new Date((windowNumber(reset, at.getTime()) + 1) * DAY_MS)
    case 'weekly':
      return new Date((windowNumber(reset, at.getTime()) + 1) * WEEK_MS + FIRST_MONDAY_MS)
    case 'monthly':
      return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1))
  }
}

/** The most a key that lives `lifetimeMs` can commit, whatever the moment of its claim. */
export function maxCommittedIn(input: {
  keyLimit: NanoUsd
  reset: KeyLimitReset | null
  lifetimeMs: number
}): NanoUsd {
  // A claim in the last millisecond of a window touches the most windows; five years of months hold
  // every run of short ones.
  const starts =
    input.reset === 'monthly'
      ? Array.from({ length: 60 }, (_, month) => Date.UTC(2027, month))
      : [FIRST_MONDAY_MS]
  let most = input.keyLimit
  for (const start of starts) {
    const from = new Date(start - 1)
    const committed = committedFor({
      ...input,
      from,
      expiresAt: new Date(from.getTime() + input.lifetimeMs),
    })
    if (committed > most) most = committed
  }
  return most
}

/**
 * How many windows of a cap one calendar month can touch: what a monthly budget must leave room
 * for.
 */
export function maxWindowsPerMonth(reset: KeyLimitReset | null): number {
  switch (reset) {
    case 'daily':
      return 31
    case 'weekly':
      return 6
    case 'monthly':
    case null:
      return 1
  }
}

function windowNumber(reset: KeyLimitReset, instant: number): number {
  switch (reset) {
    case 'daily':
      return Math.floor(instant / DAY_MS)
    case 'weekly':
      return Math.floor((instant - FIRST_MONDAY_MS) / WEEK_MS)
    case 'monthly': {
      const date = new Date(instant)
      return date.getUTCFullYear() * 12 + date.getUTCMonth()
    }
  }
}

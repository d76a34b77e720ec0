/**
 * What one reading makes of a key's counters. Pure. The provider's counters may lag and disagree, so
 * the largest is kept; a counter that goes back has begun anew, and what it shows from then on is on
 * top of what was kept.
 */
import type { ServiceKey } from '~/adapters/service-adapter'
import type { NanoUsd } from '~/money'
import { larger, type Key, type KeyWindow } from './key-row'
import { windowStart, type Accounting } from './windows'

/** A reading that far beyond the cap is no reading: it is kept back and shown, and books nothing. */
const absurdFactor = 100n
const minAbsurd: NanoUsd = 1_000_000_000n

export type Counters = Pick<
  Key,
  'used' | 'usedBase' | 'windowUsed' | 'windowBase' | 'windowStartedAt'
>
export type TakenReading = {
  counters: Counters
  grown: boolean
  /** A counter went back. */
  fell: boolean
  /** The window before, with what was used in it and read only now. */
  late: KeyWindow | null
}

export function takeReading(
  key: Key,
  seen: ServiceKey,
  askedAt: Date,
  accounting: Accounting,
): TakenReading | 'absurd' {
  const onward = goesOn(key, seen)
  const shownStart = windowStart(accounting, key.limitReset, timeOf(key, seen, askedAt))
  const start = onward ? (key.windowStartedAt ?? shownStart) : shownStart
  const isOld = key.windowStartedAt !== null && start < key.windowStartedAt
  const isSame = key.windowStartedAt?.getTime() === start.getTime()
  const begins = seen.resets === true
  const shown = usedInWindow(key, seen, accounting, onward)
  const window =
    shown === null || isOld
      ? null
      : isSame
        ? counted({ used: key.windowUsed, base: key.windowBase }, shown, begins)
        : { used: shown, base: 0n, fell: false }
  const total = onward ? null : seen.usage
  // A service that forgets the total at each reset: what was kept, and what this window adds to it.
  const all =
    total === null
      ? {
          used: key.used + larger((window?.used ?? 0n) - (isSame ? key.windowUsed : 0n), 0n),
          base: key.usedBase,
          fell: false,
        }
      : counted({ used: key.used, base: key.usedBase }, total, begins)
  if (all.used > key.used && all.used > larger(key.limit, minAbsurd) * absurdFactor) return 'absurd'
  return {
    counters: {
      used: all.used,
      usedBase: all.base,
      windowUsed: window?.used ?? key.windowUsed,
      windowBase: window?.base ?? key.windowBase,
      windowStartedAt: window === null ? key.windowStartedAt : start,
    },
    grown: all.used > key.used,
    fell: all.fell || (window?.fell ?? false),
    late:
      total === null || window === null || all.fell
        ? null
        : late(key, start, all.used, window.used),
  }
}

type Counter = { used: NanoUsd; base: NanoUsd }

function counted(kept: Counter, shown: NanoUsd, begins: boolean): Counter & { fell: boolean } {
  const fell = begins && hasFallen(kept.used - kept.base, shown)
  const base = fell ? kept.used : kept.base
  return { used: larger(kept.used, base + shown), base, fell }
}

/** Further than a lag between two answers explains. */
const hasFallen = (kept: NanoUsd, shown: NanoUsd) => shown * 2n < kept && kept - shown > 10_000_000n

/**
 * What was used before this window began, and read only now, is of the window before. What the answer
 * to a change told before any reading of this window is booked in it already, and stays there.
 */
function late(key: Key, start: Date, all: NanoUsd, inWindow: NanoUsd): KeyWindow | null {
  const earlier = key.windows.filter(({ startsAt }) => startsAt < start)
  const last = earlier.at(-1)
  const kept = earlier.reduce((sum, { used }) => sum + used, 0n)
  const present = key.windows.find(({ startsAt }) => startsAt.getTime() === start.getTime())
  const booked = kept + larger(present?.used ?? 0n, inWindow)
  return last && all > booked ? { ...last, used: last.used + all - booked } : null
}

/** What a key has used of the window that the reading lies in, by the counters of that window. */
function usedInWindow(
  key: Pick<Key, 'limitReset'>,
  seen: ServiceKey,
  accounting: Accounting,
  onward: boolean,
): NanoUsd | null {
  const by = accounting === 'month' ? 'monthly' : key.limitReset
  if (by === null) return seen.usage
  return seen.usageBy?.[by] ?? (seen.reset === by || onward ? seen.usedInWindow : null)
}

/** A service that counts by window, and whose key has lost its reset: the counter goes on where it was. */
const goesOn = (key: Pick<Key, 'limitReset'>, seen: ServiceKey) =>
  seen.resets === true && key.limitReset !== null && seen.reset === null

const halfOf = { daily: 43_200_000, weekly: 302_400_000, monthly: 1_296_000_000 } as const

/**
 * The moment whose window a reading speaks of: a service that begins its windows at another hour, or
 * has not begun the new one yet, says when its own ends; the middle of that window tells which.
 */
function timeOf(key: Key, seen: ServiceKey, askedAt: Date): Date {
  if (seen.windowEndsAt === null || key.limitReset === null) return askedAt
  const middle = seen.windowEndsAt.getTime() - halfOf[key.limitReset]
  return middle < askedAt.getTime() ? new Date(middle) : askedAt
}

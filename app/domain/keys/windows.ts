/**
 * The money of a key, window by window. Guarantee: what is reserved is at least what the provider
 * may still let the key spend, by what it has confirmed, by the call that is out and by every call
 * in doubt. Pure: the row decides, the holder's port moves pool or ledger by the difference.
 */
import type { NanoUsd } from '~/money'
import { windowEnd, windowsIn } from '../money/committed'
import type { KeyLimitReset } from '../workshop-file'
import { isOver, larger, minLimit, smaller, type Key, type KeyWindow } from './key-row'

/** The one window of a key whose cap does not start afresh. */
export const lifetime = new Date(0)
/** All windows that have not begun, in one row. */
export const ahead = new Date('9999-01-01T00:00:00Z')

/** How a holder counts: by the windows of the key's cap, or by UTC months whatever its cap does. */
export type Accounting = 'reset' | 'month'

export function windowStart(accounting: Accounting, reset: KeyLimitReset | null, at: Date): Date {
  const by = accounting === 'month' ? 'monthly' : reset
  switch (by) {
    case null:
      return lifetime
    case 'daily':
      return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()))
    case 'weekly': {
      const day = (at.getUTCDay() + 6) % 7
      return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() - day))
    }
    case 'monthly':
      return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth()))
  }
}

/**
 * The moment that a transaction books at: its own, or where the books have come to since it began. One
 * that waited for a lock over midnight would otherwise take back the window that has begun meanwhile.
 */
export function bookedFrom(keys: readonly Pick<Key, 'windows'>[], now: Date, openedAt = now): Date {
  return keys
    .flatMap(({ windows }) => windows.map(({ startsAt }) => startsAt))
    .filter((startsAt) => startsAt.getTime() !== ahead.getTime())
    .reduce(
      (latest, startsAt) => (startsAt > latest ? startsAt : latest),
      openedAt > now ? openedAt : now,
    )
}

/** The most the provider may let the key spend in one window, by all that is known and in doubt. */
function worstLimit(key: Pick<Key, 'limit' | 'seen' | 'call' | 'doubt'>): NanoUsd {
  let worst = key.limit
  // A key without a cap upstream has none here either; it is corrected as drift, and what it uses is charged.
  if (key.seen.limit !== null) worst = larger(worst, key.seen.limit)
  if (key.call?.limit != null) worst = larger(worst, key.call.limit)
  if (key.doubt?.limit != null) worst = larger(worst, key.doubt.limit)
  return worst
}

/**
 * The rows that a key's money should have at `now`. Rows of windows that are over keep what they
 * have; the present one holds the worst case until the key is closed and stable; windows ahead hold
 * `nextLimit`, the cap when former keys no longer count, and are released when it is closed.
 */
export function dueWindows(
  key: Key,
  accounting: Accounting,
  now: Date,
  nextLimit: NanoUsd = worstLimit(key),
  { hasHeir = true } = {},
): KeyWindow[] {
  const start = presentStart(key, accounting, now)
  const kept = key.windows
    .filter(
      (window) =>
        window.startsAt.getTime() < start.getTime() &&
        window.startsAt.getTime() !== ahead.getTime(),
    )
    .map((window) => ({
      ...window,
      used:
        window.startsAt.getTime() === key.windowStartedAt?.getTime()
          ? larger(window.used, key.windowUsed)
          : window.used,
    }))
    .map((window) =>
      accounting === 'month' && isOverAndRead(key, window)
        ? { ...window, reserved: window.used }
        : window,
    )
  const present =
    key.windows.find((window) => window.startsAt.getTime() === start.getTime()) ??
    begun(key, start, accounting, now)
  const usedBefore = kept.reduce((sum, window) => sum + window.used, 0n)
  let used = presentUse(key, start, present?.used ?? 0n, usedBefore)
  // What was used before the window began and read after it, or written off: every dollar has a row.
  const missing = key.used - usedBefore - used
  const lastKept = accounting === 'month' ? undefined : kept.pop()
  if (lastKept) kept.push(missing > 0n ? { ...lastKept, used: lastKept.used + missing } : lastKept)
  else if (missing > 0n) used += missing
  // Settled, or over before it was ever made.
  if (key.settledAt !== null || (key.savedAt === null && isOver(key)))
    return [
      ...kept.map((window) => ({ ...window, reserved: window.used })),
      { startsAt: start, reserved: used, used },
    ]
  const closed = key.closedAt !== null
  const rows: KeyWindow[] = [
    ...kept,
    {
      startsAt: start,
      reserved: heldNow(key, accounting, present, used, usedBefore, hasHeir),
      used,
    },
  ]
  const future =
    closed || (key.withoutReset && confirmed(key))
      ? 0n
      : larger(nextLimit, worstLimit(key)) * BigInt(windowsAhead(key, accounting, now))
  if (future > 0n) rows.push({ startsAt: ahead, reserved: future, used: 0n })
  return rows
}

/**
 * Whether an old month holds no more than was spent: a key without windows of its own carries the
 * rest into the new month; one with them may have been used in the last minutes, until a reading of
 * the new month has told.
 */
const isOverAndRead = (key: Key, window: KeyWindow) =>
  key.limitReset === null ||
  key.withoutReset ||
  (key.windowStartedAt !== null && key.windowStartedAt > window.startsAt)

/** A window that has begun since, as it was held while it was ahead. */
function begun(key: Key, startsAt: Date, accounting: Accounting, now: Date): KeyWindow | undefined {
  const held = key.windows.find((window) => window.startsAt.getTime() === ahead.getTime())
  const windows = BigInt(windowsAhead(key, accounting, now) + 1)
  return held && { startsAt, reserved: held.reserved / windows, used: 0n }
}

/**
 * All keys of a holder, oldest first, with the limits and windows that follow from its cap: the
 * present one gets what former ones leave of it.
 */
export function dueKeys(
  keys: readonly Key[],
  terms: { cap: NanoUsd; accounting: Accounting },
  now: Date,
): Key[] {
  // A key that was refused leaves the one before it as the present one.
  const last = keys.findLast((key) => key.savedAt !== null || !isOver(key)) ?? keys.at(-1)
  // A key that is not made yet waits until the former ones are closed: they never spend side by side
  // in a window that has not begun, so that window is held once, by the one that may be spent.
  const inTurn = last !== undefined && last.savedAt === null && !isOver(last)
  const due: Key[] = []
  for (const key of keys) {
    const present = key === last && !isOver(key) && !key.withoutReset
    const { limit, changesAt } = present
      ? limitDue(terms.cap, key, due, terms.accounting, now)
      : { limit: key.limit, changesAt: key.limitDueAt }
    const tuned = { ...key, limit, limitDueAt: changesAt }
    const windows = dueWindows(tuned, terms.accounting, now, present ? terms.cap : undefined, {
      hasHeir: key !== last,
    })
    due.push({ ...tuned, windows: inTurn && present ? lessAhead(windows, due) : windows })
  }
  return due
}

/** What former keys still hold ahead is not held twice. */
function lessAhead(windows: readonly KeyWindow[], former: readonly Key[]): KeyWindow[] {
  const isAhead = (window: KeyWindow) => window.startsAt.getTime() === ahead.getTime()
  const held = former
    .flatMap((key) => key.windows.filter(isAhead))
    .reduce((sum, window) => sum + window.reserved, 0n)
  return windows
    .map((window) =>
      isAhead(window) ? { ...window, reserved: larger(window.reserved - held, 0n) } : window,
    )
    .filter((window) => !isAhead(window) || window.reserved > 0n)
}

/** What is reserved in the present window: the worst case, less where it is certain to be less. */
function heldNow(
  key: Key,
  accounting: Accounting,
  present: KeyWindow | undefined,
  used: NanoUsd,
  usedBefore: NanoUsd,
  hasHeir: boolean,
): NanoUsd {
  // What two readings free goes to the key that follows; without one a budget waits until it is settled.
  if (key.closedAt !== null && key.stableAt !== null && (hasHeir || accounting === 'reset'))
    return used
  const worst = worstLimit(key)
  // A sum for life: what earlier windows took of it is gone.
  const forLife =
    key.limitReset === null
      ? accounting === 'month'
      : (key.withoutReset || isOver(key)) && confirmed(key)
  // The least that a key can be given is no money that anybody was promised.
  const held = worst <= minLimit ? used : forLife ? larger(worst - usedBefore, used) : worst
  const kept = present?.reserved ?? held
  // Nothing raises a key that is over, and the limit it is sent is what it has used in all its life.
  if (isOver(key)) return kept
  if (key.closedAt !== null) return smaller(kept, held)
  return isCounted(key) ? held : larger(kept, held)
}

/** The provider counts what was spent within a minute. */
const countSeconds = 60

/**
 * Whether all that was spent before a key on its way out was lowered has been read. Until then what
 * it held stays held: its successor would be given money that is spent already.
 */
const isCounted = (key: Key) =>
  !key.withoutReset ||
  (key.seen.at !== null &&
    key.readAt !== null &&
    key.readAt.getTime() >= key.seen.at.getTime() + countSeconds * 1000)

/** The provider has confirmed that the cap starts no new window, and no call may say otherwise. */
const confirmed = (key: Key) =>
  key.seen.reset === null &&
  key.seen.at !== null &&
  key.doubt === null &&
  (key.call === null || key.call.limit === null)

/** What is committed by these rows: reserved, or used where that is more. */
export const committedOf = (windows: readonly KeyWindow[]): NanoUsd =>
  windows.reduce((sum, window) => sum + larger(window.reserved, window.used), 0n)

function presentUse(key: Key, start: Date, before: NanoUsd, earlier: NanoUsd): NanoUsd {
  if (key.windowStartedAt !== null && key.windowStartedAt.getTime() === start.getTime())
    return larger(before, key.windowUsed)
  return larger(before, key.used - earlier > 0n ? larger(0n, key.used - earlier) : 0n)
}

/**
 * The window that a key's use belongs to. A key may be closed as of a moment before the window in which
 * its last use is booked: what is booked stays there.
 */
function presentStart(key: Key, accounting: Accounting, now: Date): Date {
  const start = windowStart(accounting, key.limitReset, windowTime(key, now))
  const booked = key.windows.findLast(
    ({ startsAt, used }) => used > 0n && startsAt.getTime() !== ahead.getTime(),
  )
  return booked && booked.startsAt > start ? booked.startsAt : start
}

/** The moment whose window a key's use belongs to: now, or when it could still be used. */
function windowTime(key: Key, now: Date): Date {
  const last = key.closedAt !== null && key.closedAt < now ? key.closedAt : now
  return last < key.expiresAt ? last : new Date(key.expiresAt.getTime() - 1)
}

function windowsAhead(key: Key, accounting: Accounting, now: Date): number {
  if (accounting === 'month' || key.limitReset === null) return 0
  return Number(windowsIn({ reset: key.limitReset, from: now, expiresAt: key.expiresAt })) - 1
}

/** When a cap of which nothing is left begins again; null for one that never does. */
export function moreFrom(reset: KeyLimitReset | null, at: Date): Date | null {
  const end = windowEnd(reset, at)
  return end && new Date(end.getTime() + 60_000)
}

/**
 * The limit that a key should have at `at`, so that all keys of one holder together stay within the
 * holder's cap: the cap less what former keys of the grant used or may still use in this window, and
 * when it changes by itself next. Never nothing: `minLimit`.
 */
export function limitDue(
  cap: NanoUsd,
  key: Pick<Key, 'generation' | 'grant' | 'limitReset'>,
  former: readonly Key[],
  accounting: Accounting,
  at: Date,
): { limit: NanoUsd; left: NanoUsd; changesAt: Date | null } {
  const before = former.filter((one) => one.grant === key.grant && one.generation < key.generation)
  const start = windowStart('reset', key.limitReset, at)
  let taken = 0n
  for (const one of before)
    taken +=
      key.limitReset === null
        ? committedOf(one.windows)
        : one.windows
            .filter((window) => overlaps(window, one, start, at))
            .reduce((sum, window) => sum + larger(window.reserved, window.used), 0n)
  const left = cap - taken
  return {
    limit: larger(left, minLimit),
    left: larger(left, 0n),
    changesAt: taken > 0n ? moreFrom(key.limitReset, at) : null,
  }

  /** A former key may have had other windows: what it holds in any that touches this one counts. */
  function overlaps(window: KeyWindow, one: Key, from: Date, now: Date): boolean {
    if (window.startsAt.getTime() === ahead.getTime()) return false
    if (window.startsAt.getTime() === lifetime.getTime()) return true
    if (accounting === 'month')
      return window.startsAt.getTime() === windowStart('month', null, now).getTime()
    const ends = windowEnd(one.limitReset, window.startsAt)
    return ends === null || ends.getTime() > from.getTime()
  }
}

/**
 * What to ask of the provider next for one key. Pure: one call at a time, in the order off, lower,
 * raise, on. What lowers or disables always goes; what raises or enables waits for an open gate and
 * for no pause. A key that is over is sent disabled, limit = used and no reset together, so that no
 * single late call revives anything worth having.
 */
import type { NanoUsd } from '~/money'
import { isOver, isWantedOff, larger, minLimit, smaller, wantedReset, type Key } from './key-row'

export type KeyChange = {
  disabled?: boolean
  limit?: NanoUsd
  reset?: 'daily' | 'weekly' | 'monthly' | null
}

export type ApplyDecision =
  | { kind: 'nothing' }
  /** `raises`: a certain refusal takes the wish back. */
  /** `partial`: more is wanted than this call carries. */
  | { kind: 'change'; change: KeyChange; raises: boolean; partial?: boolean }
  /** For good: it is settled and old, or it could not be disabled. */
  | { kind: 'delete' }
  /** Off is confirmed, and no call in doubt may undo it. */
  | { kind: 'close' }
  | { kind: 'wait'; seconds: number; reason: 'in-doubt' | 'called' | 'backing-off' | 'held' }

/** A call without an answer may still land for this long. */
export const doubtSeconds = 600
/** A call that is out longer than this has no answer: its process is gone or it timed out. */
const callLifeSeconds = 15
/** So many disables that failed within a minute, and the key is deleted instead. */
const failedDisables = 3

export function decideApply(
  key: Key,
  now: Date,
  held: boolean,
  options: { ignoreBackoff?: boolean } = {},
): ApplyDecision {
  if (key.savedAt === null || key.deletedAt !== null) return { kind: 'nothing' }
  if (key.call !== null) {
    const age = secondsBetween(key.call.sentAt, now)
    if (age < callLifeSeconds)
      return { kind: 'wait', seconds: callLifeSeconds - age, reason: 'called' }
  }
  const next = nextChange(key, now)
  if (next.kind === 'nothing' || next.kind === 'close') return next
  if (!options.ignoreBackoff && key.applyAt !== null && key.applyAt > now)
    return { kind: 'wait', seconds: secondsBetween(now, key.applyAt), reason: 'backing-off' }
  if (held && next.kind === 'change' && next.raises) return heldBack(next)
  return next
}

/** A pause or a closed gate stops what raises; a lower cap that stands beside it still goes. */
function heldBack(next: Extract<ApplyDecision, { kind: 'change' }>): ApplyDecision {
  const { disabled, ...rest } = next.change
  return disabled === false && rest.limit !== undefined
    ? { ...next, change: rest, raises: false, partial: true }
    : { kind: 'wait', seconds: 15, reason: 'held' }
}

function nextChange(key: Key, now: Date): ApplyDecision {
  if (key.deleteWanted) return { kind: 'delete' }
  const over = isOver(key)
  // The provider ends it by itself, as it said: no call is needed (closeExpired).
  if (
    over &&
    key.expiryEchoed &&
    key.off.replaced === null &&
    key.expiresAt <= now &&
    !key.seen.off &&
    key.closedAt === null
  )
    return { kind: 'nothing' }
  // Gone upstream: nobody can spend it, whatever is wanted of it. Seen again, it is asked anew.
  if (key.missingAt !== null) return key.closedAt === null ? { kind: 'close' } : { kind: 'nothing' }
  if (isWantedOff(key)) {
    const target = over ? larger(key.used, minLimit) : null
    const change: KeyChange = {}
    if (!key.seen.off) change.disabled = true
    if (target !== null && key.closedAt === null) {
      if (key.seen.reset !== null) change.reset = null
      // What it has used meanwhile is no reason to ask again: it is off.
      if (key.seen.limit === null || (key.seen.limit > target && !key.seen.off))
        change.limit = target
    } else if (target === null && key.seen.limit !== null && key.seen.limit > key.limit)
      change.limit = key.limit
    if (Object.keys(change).length > 0) {
      if (over && change.disabled && key.applyTries >= failedDisables) return { kind: 'delete' }
      if (over) Object.assign(change, { disabled: true, limit: target, reset: null })
      return { kind: 'change', change, raises: false }
    }
    if (key.closedAt !== null) return { kind: 'nothing' }
    return over ? undoable(key, now) : sentAgain(key, now)
  }
  const change = changeOfLive(key)
  return change.kind === 'nothing' ? sentAgain(key, now) : change
}

/** What is wanted is sent once more, and that answer ends the doubt. Nothing is raised by it. */
function sentAgain(key: Key, now: Date): ApplyDecision {
  if (!isUnsure(key, now)) return { kind: 'nothing' }
  const change: KeyChange = {
    limit: smaller(key.limit, key.seen.limit ?? key.limit),
    reset: wantedReset(key),
    ...(isWantedOff(key) ? { disabled: true } : {}),
  }
  return { kind: 'change', change, raises: false }
}

/**
 * A key that should work. What raises or enables is sent only where it was asked for since the last
 * confirmation: what somebody changed by hand at the provider is repaired downwards alone.
 */
function changeOfLive(key: Key): ApplyDecision {
  const asked = key.revision !== key.seen.revision
  const reset = wantedReset(key)
  const lowers =
    key.seen.limit === null ||
    key.seen.limit > key.limit ||
    // A change of the limit sets the flag with it.
    key.seen.byok === false ||
    (key.seen.reset !== reset && key.seen.reset !== null)
  const raises =
    !lowers && (key.seen.reset !== reset || (key.seen.limit !== null && key.seen.limit < key.limit))
  const enables = key.seen.off && asked
  if (lowers || (raises && asked))
    return {
      kind: 'change',
      change: { limit: key.limit, reset },
      raises,
      // The order is lower, raise, on, each for itself: one late call alone revives nothing.
      ...(enables ? { partial: true } : {}),
    }
  if (enables) return { kind: 'change', change: { disabled: false }, raises: true }
  return { kind: 'nothing' }
}

/**
 * A call that died without an answer, or one in doubt that may not land any more: what it could have
 * changed is asked for once more, downwards.
 */
const isUnsure = (key: Key, now: Date) =>
  key.call !== null || (key.doubt !== null && key.doubt.until <= now)

/** Confirmed off: closed, unless a call in doubt may still undo it; then it is sent once more after the doubt. */
function undoable(key: Key, now: Date): ApplyDecision {
  // What only sets a limit leaves it off.
  const enabledBy = [key.call, key.doubt].filter((one) => one?.on === true)
  if (enabledBy.length === 0) return { kind: 'close' }
  if (key.call?.on !== true && key.doubt !== null && key.doubt.until > now)
    return { kind: 'wait', seconds: secondsBetween(now, key.doubt.until), reason: 'in-doubt' }
  // A call that has no answer becomes a doubt by this one; after a doubt nothing may land any more.
  // It is asked for once more, and that answer closes it.
  return {
    kind: 'change',
    change: { disabled: true, limit: larger(key.used, minLimit), reset: null },
    raises: false,
  }
}

/** Seconds before the next try of a call that failed: quick at first for what disables, five minutes at most. */
export function applyBackoffSeconds(tries: number, urgent: boolean): number {
  const most = urgent ? 20 : 300
  return Math.min(most, (urgent ? 2 : 5) * 2 ** Math.min(tries, 8))
}

const secondsBetween = (from: Date, to: Date) =>
  Math.max(0, Math.ceil((to.getTime() - from.getTime()) / 1000))

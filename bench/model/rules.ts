/**
 * The rules that the protocol rests on, each with a way to break it. What the product decides by
 * pure functions is asked of them; what it decides in SQL has its twin here, and twins.test.ts holds
 * the two together. A rule that is broken must be found with a short trace.
 */
import type { ApplyDecision } from '~/domain/keys/decide-apply'
import { isOver, minLimit, type Key } from '~/domain/keys/key-row'
import type { dueKeys } from '~/domain/keys/windows'

export const breakable = {
  doubt: 'a call without an answer leaves a doubt, and nothing it could undo is released',
  'doubt-order': 'an answer ends a doubt that was over when its call was sent',
  'dead-call': 'a call that is taken over without an answer is a doubt too',
  'close-in-doubt': 'a key is not closed while a call in doubt may enable it',
  'limit-used': 'a key that ends is sent disabled, limit = used and no reset together',
  'raise-then-on': 'what raises and what enables are two calls',
  'closed-gates-mint': 'the next key is made when the former one is closed',
  'two-equal-readings': 'the rest is free to the same holder after two equal readings',
  'settled-late': 'money is settled when the readings are quiet, not when the key is closed',
  'reserve-first': 'what is new must fit into the pool',
  'confirm-lower': 'a lower limit frees money when it is confirmed',
  'former-keys-count': 'a successor gets what former keys leave of the cap',
  fence: 'an answer counts for the lease it was sent under',
  'save-once': 'a key is saved only while its holder waits for it',
  'spare-at-rest':
    'a spare that is being closed, or has a call out or in doubt, is not handed over',
  'spare-money': 'a claim takes the money of its spare with the key',
  'off-first': 'what should be off is asked for until it is confirmed',
} as const
export type Rule = keyof typeof breakable

type Decide = (key: Key, now: Date) => ApplyDecision
type Due = typeof dueKeys

export type Rules = {
  broken: Rule | null
  pool: number
  apply(key: Key, now: Date, decide: Decide): ApplyDecision
  due(keys: Key[], terms: Parameters<Due>[1], now: Date, decide: Due): Key[]
  formerOpen(former: readonly Key[], now: Date): boolean
  settles(key: Key, decided: boolean): boolean
}

export function rulesWith(broken: Rule | null, pool = 3): Rules {
  return {
    broken,
    pool,
    apply(key, now, decide) {
      const asked = seenAs(broken, key)
      const decision = decide(asked, now)
      if (decision.kind !== 'change') return decision
      if (broken === 'limit-used' && decision.change.disabled === true)
        return { ...decision, change: { disabled: true } }
      if (broken === 'raise-then-on' && decision.change.disabled === false)
        return { ...decision, change: { ...decision.change, limit: key.limit } }
      return decision
    },
    due(keys, terms, now, decide) {
      if (broken === 'confirm-lower')
        return decide(
          keys.map((key) => ({ ...key, seen: { ...key.seen, limit: minLimit } })),
          terms,
          now,
        )
      if (broken === 'former-keys-count')
        return decide(
          keys.map((key, index) => ({ ...key, grant: index })),
          terms,
          now,
        )
      return decide(keys, terms, now)
    },
    formerOpen: (former, now) =>
      broken !== 'closed-gates-mint' && former.some((key) => isFormerOpen(key, now)),
    settles: (key, decided) => decided || (broken === 'settled-late' && key.closedAt !== null),
  }
}

/** The row as a machinery without the rule would read it. */
function seenAs(broken: Rule | null, key: Key): Key {
  if (!isOver(key)) return key
  if (broken === 'close-in-doubt') return { ...key, doubt: null, call: null }
  const closed = { ...key, seen: { ...key.seen, off: true, reset: null, limit: minLimit } }
  const skips = broken === 'off-first' || (broken === 'limit-used' && key.seen.off)
  return skips ? closed : key
}

/** The twin of `formerOpen` in readWork: a former key that may be spent beside a new one. */
function isFormerOpen(key: Key, now: Date): boolean {
  if (key.savedAt === null || key.closedAt !== null || key.deletedAt !== null) return false
  const loweredForGood =
    key.withoutReset &&
    key.off.replaced === null &&
    key.off.ended === null &&
    key.seen.revision === key.revision &&
    key.seen.reset === null &&
    key.seen.limit !== null &&
    key.seen.limit <= key.limit &&
    (key.doubt === null || key.doubt.until <= now)
  return !loweredForGood
}

/** The twin of `stable_at` in recordReading; times in seconds after the key was closed. */
export const isStable = (reading: {
  grown: boolean
  own: boolean
  stable: boolean
  at: number
  ownReads: number
  lastOwnAt: number | null
}): boolean =>
  !reading.grown &&
  (reading.stable ||
    (reading.own &&
      reading.at >= 30 &&
      reading.ownReads >= 1 &&
      reading.lastOwnAt !== null &&
      reading.lastOwnAt <= reading.at - 30))

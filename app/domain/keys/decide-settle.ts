/**
 * When a key's money is settled. Pure. Closed gates the mint, settled gates the money: a key is
 * settled when our own reads, 30 s, 1, 2 and 7 minutes after it was closed, show nothing above the
 * highest for five minutes. Then it is read hourly for a day. What cannot be read for a day after
 * it was closed is settled at what is reserved, written off. `settleSeconds` is how much later than
 * others its service counts: the five minutes are longer by so much.
 */
import type { Key } from './key-row'

/** Seconds after closing at which the key itself is read. */
const readAfter = [30, 60, 120, 420] as const
const quietSeconds = 300
/** Two equal readings so far apart, the first so long after closing, free the rest to the same holder. */
export const stableSeconds = 30
const lateReadSeconds = 3_600
const lateHours = 24
const writeOffHours = 24

export type SettleDecision =
  { kind: 'nothing' } | { kind: 'read'; at: Date } | { kind: 'settle' } | { kind: 'write-off' }

export function decideSettle(key: Key, now: Date, settleSeconds = 0): SettleDecision {
  if (key.savedAt === null || key.closedAt === null) return { kind: 'nothing' }
  const after = (seconds: number, from: Date = key.closedAt ?? now) =>
    new Date(from.getTime() + seconds * 1000)
  if (key.settledAt === null) {
    // Gone upstream: nobody can read it again, and nobody can spend it.
    if (key.missingAt !== null)
      return now >= after(readAfter[3])
        ? { kind: 'settle' }
        : { kind: 'read', at: after(readAfter[3]) }
    const isUnread = key.ownReads === 0 && (key.readAt === null || key.readAt < key.closedAt)
    if (isUnread && now >= after(writeOffHours * 3_600)) return { kind: 'write-off' }
    const grown = key.grownAt !== null && key.grownAt > key.closedAt ? key.grownAt : key.closedAt
    if (
      key.ownReads >= readAfter.length &&
      key.readAt !== null &&
      key.readAt >= after(quietSeconds + settleSeconds, grown)
    )
      return { kind: 'settle' }
    const next = readAfter[key.ownReads]
    if (next === undefined) return { kind: 'read', at: after(60, now) }
    // A first read that came late must not make the second too early to count.
    const apart = key.ownReads > 0 && key.ownReadAt ? after(stableSeconds, key.ownReadAt) : null
    return { kind: 'read', at: apart !== null && apart > after(next) ? apart : after(next) }
  }
  if (key.deletedAt !== null || now >= after(lateHours * 3_600, key.settledAt))
    return { kind: 'nothing' }
  return { kind: 'read', at: after(lateReadSeconds, key.readAt ?? key.settledAt) }
}

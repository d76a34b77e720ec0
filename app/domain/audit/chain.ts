/**
 * How events are chained: each holds the hash of the one before it and a hash over that and all of
 * its own fields. Pure: what is hashed, and what makes a link a good one, is said here and nowhere
 * else.
 */
import { createHash } from 'node:crypto'

/**
 * An event as it is hashed: everything the row holds, as text that Postgres prints the same way
 * each time.
 */
export type ChainFields = {
  /** Place in the chain, from 1 without a gap. */
  seq: string
  id: string
  /** UTC with microseconds: 2026-04-14T08:30:00.123456Z */
  at: string
  actor: string
  action: string
  subject: string
  workshop: string | null
  /** The jsonb as Postgres prints it: its keys are in one order, its numbers are exact. */
  details: string
  xid: string
}

/** What stands before the first event. */
export const chainStart = '0'.repeat(64)

/** SHA-256 over the hash before and the event as JSON with its keys in alphabetical order. */
export function chainHash(prevHash: string, event: ChainFields): string {
  const { action, actor, at, details, id, seq, subject, workshop, xid } = event
  return createHash('sha256')
    .update(
      `${prevHash}\n${JSON.stringify({ action, actor, at, details, id, seq, subject, workshop, xid })}`,
    )
    .digest('hex')
}

export type ChainedRow = ChainFields & { prevHash: string; hash: string }

/** What is wrong at `seq`: events are missing before `next`, or this event is not what was written. */
export type BrokenLink =
  | {
      kind: 'removed'
      seq: string
      missing: number
      next: { seq: string; eventId: string }
    }
  | { kind: 'edited' | 'moved'; seq: string; eventId: string }

/** Checks one link after another. `expectedSeq` and `prevHash` are what the link before it says. */
export function checkLink(
  row: ChainedRow,
  expectedSeq: bigint,
  prevHash: string,
): BrokenLink | null {
  const seq = BigInt(row.seq)
  if (seq !== expectedSeq)
    return {
      kind: 'removed',
      seq: String(expectedSeq),
      missing: Number(seq - expectedSeq),
      next: { seq: row.seq, eventId: row.id },
    }
  if (row.prevHash !== prevHash) return { kind: 'moved', seq: row.seq, eventId: row.id }
  if (chainHash(prevHash, row) !== row.hash)
    return { kind: 'edited', seq: row.seq, eventId: row.id }
  return null
}

/**
 * Rows of `keys`, read and locked. Order of locks: the holder, then its keys by generation, then
 * mint, attempt, job, audit, and last pool or ledger.
 */
import type { HolderKind } from '../holder'
import { Prisma, type Tx } from '~/adapters/db.server'
import { nanoFromDecimalString } from '~/money'
import type { KeyLimitReset } from '../workshop-file'
import type { Key } from './key-row'

type Amount = 'limit' | 'used' | 'usedBase' | 'windowUsed' | 'windowBase'
type Grouped = 'off' | 'seen' | 'call' | 'doubt' | 'windows'

/** As the columns are read: amounts as text, and what a key groups side by side. */
type Row = Omit<Key, Amount | Grouped | 'perHour' | 'limitReset'> & { [Name in Amount]: string } & {
  perHour: string | null
  limitReset: string | null
  offStaffAt: Date | null
  offCapAt: Date | null
  offPersonAt: Date | null
  offRunawayAt: Date | null
  offEndedAt: Date | null
  offReplacedAt: Date | null
  seenLimit: string | null
  seenReset: string | null
  seenByok: boolean | null
  seenOff: boolean
  seenAt: Date | null
  seenRevision: number
  callSentAt: Date | null
  callRevision: number | null
  callLimit: string | null
  callOn: boolean | null
  doubtUntil: Date | null
  doubtLimit: string | null
  doubtOn: boolean
  windows: { startsAt: string; reserved: string; used: string }[] | null
}

const columns = Prisma.sql`
  k.id, k.installation, k.holder_kind as "holderKind", k.holder_id as "holderId", k.generation, k.grant_no as "grant",
  k.account, (select a.service from keymint.accounts a where a.id = k.account) as service, k.scope,
  k.mint_id as "mintId", k.hash, k.label, k.saved_at as "savedAt", k.expires_at as "expiresAt",
  k.expiry_echoed as "expiryEchoed", k.limit_usd::text as "limit", k.limit_reset as "limitReset",
  k.without_reset as "withoutReset", k.limit_due_at as "limitDueAt", k.wants_guardrail as "wantsGuardrail",
  k.delete_wanted as "deleteWanted", k.off_staff_at as "offStaffAt", k.off_cap_at as "offCapAt",
  k.off_person_at as "offPersonAt", k.off_runaway_at as "offRunawayAt",
  k.off_ended_at as "offEndedAt", k.off_replaced_at as "offReplacedAt",
  k.grace_until as "graceUntil", k.version, k.revision, k.seen_limit_usd::text as "seenLimit",
  k.seen_reset as "seenReset", k.seen_byok as "seenByok", k.seen_off as "seenOff", k.seen_at as "seenAt",
  k.seen_revision as "seenRevision",
  k.missing_at as "missingAt", k.guardrail_at as "guardrailAt", k.call_sent_at as "callSentAt",
  k.call_revision as "callRevision", k.call_limit_usd::text as "callLimit", k.call_on as "callOn",
  k.doubt_until as "doubtUntil", k.doubt_limit_usd::text as "doubtLimit", k.doubt_on as "doubtOn",
  k.apply_at as "applyAt", k.apply_tries as "applyTries", k.apply_error as "applyError",
  k.used_usd::text as "used", k.used_base_usd::text as "usedBase", k.window_used_usd::text as "windowUsed",
  k.window_base_usd::text as "windowBase", k.window_started_at as "windowStartedAt",
  k.read_at as "readAt", k.read_error as "readError",
  k.meter, k.per_hour_usd::text as "perHour", k.cap_due_at as "capDueAt",
  k.closed_at as "closedAt", k.own_read_at as "ownReadAt", k.own_reads as "ownReads",
  k.grown_at as "grownAt", k.stable_at as "stableAt", k.settled_at as "settledAt",
  k.written_off_at as "writtenOffAt", k.next_read_at as "nextReadAt", k.deleted_at as "deletedAt",
  (select json_agg(json_build_object('startsAt', w.starts_at, 'reserved', w.reserved_usd::text,
    'used', w.used_usd::text) order by w.starts_at)
    from keymint.key_windows w where w.key_id = k.id) as windows`

/** Every key of a holder, oldest first, locked. The caller holds the holder's row. */
export async function lockKeysOf(
  tx: Tx,
  holder: { holderKind: HolderKind; holderId: string },
): Promise<Key[]> {
  const rows = await tx.$queryRaw<Row[]>`
    select ${columns} from keymint.keys k
    where k.holder_kind = ${holder.holderKind} and k.holder_id = ${holder.holderId}::uuid
    order by k.generation for update of k`
  return rows.map(fromRow)
}

/** The same of many holders of one kind, by holder. The caller holds their rows. */
export async function lockKeysOfMany(
  tx: Tx,
  holderKind: string,
  holderIds: readonly string[],
): Promise<Map<string, Key[]>> {
  const rows = await tx.$queryRaw<Row[]>`
    select ${columns} from keymint.keys k
    where k.holder_kind = ${holderKind} and k.holder_id = any(${[...holderIds]}::uuid[])
    order by k.holder_id, k.generation for update of k`
  const byHolder = new Map<string, Key[]>()
  for (const row of rows)
    byHolder.set(row.holderId, [...(byHolder.get(row.holderId) ?? []), fromRow(row)])
  return byHolder
}

/** One key as it is now, or null. Unlocked: what is decided by it is asked again under the lock. */
export async function readKey(db: Tx, keyId: string): Promise<Key | null> {
  const [row] = await db.$queryRaw<Row[]>`
    select ${columns} from keymint.keys k where k.id = ${keyId}::uuid`
  return row ? fromRow(row) : null
}

/** The time of the engine: Postgres's clock, which tests and the demo move in their own database. */
export async function engineNow(db: Tx): Promise<Date> {
  const [row] = await db.$queryRaw<{ now: Date }[]>`select keymint.now() as now`
  return row?.now ?? new Date(0)
}

function fromRow(row: Row): Key {
  const nano = nanoFromDecimalString
  const nanoOrNull = (text: string | null) => (text === null ? null : nano(text))
  return {
    ...row,
    limit: nano(row.limit),
    limitReset: row.limitReset as KeyLimitReset | null,
    off: {
      staff: row.offStaffAt,
      cap: row.offCapAt,
      person: row.offPersonAt,
      runaway: row.offRunawayAt,
      ended: row.offEndedAt,
      replaced: row.offReplacedAt,
    },
    seen: {
      limit: nanoOrNull(row.seenLimit),
      reset: row.seenReset,
      byok: row.seenByok,
      off: row.seenOff,
      at: row.seenAt,
      revision: row.seenRevision,
    },
    call:
      row.callSentAt === null
        ? null
        : {
            sentAt: row.callSentAt,
            revision: row.callRevision ?? 0,
            limit: nanoOrNull(row.callLimit),
            on: row.callOn ?? false,
          },
    doubt:
      row.doubtUntil === null
        ? null
        : { until: row.doubtUntil, limit: nanoOrNull(row.doubtLimit), on: row.doubtOn },
    used: nano(row.used),
    usedBase: nano(row.usedBase),
    windowUsed: nano(row.windowUsed),
    windowBase: nano(row.windowBase),
    perHour: nanoOrNull(row.perHour),
    windows: (row.windows ?? []).map((window) => ({
      startsAt: new Date(window.startsAt),
      reserved: nano(window.reserved),
      used: nano(window.used),
    })),
  }
}

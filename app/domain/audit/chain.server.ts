/**
 * The chain over the audit trail. Events are chained after the fact, so that actions never wait for
 * each other: only those of finished transactions, each once, in an order of the chain's own.
 * Guarantee: a chained event that is changed, removed, moved, or joined by another is found by
 * `verifyChain`; one that is cut off at the end, or a chain that was written anew, is found only
 * with a head that was noted elsewhere.
 */
import { Prisma, type Db, type Tx } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import {
  chainHash,
  chainStart,
  checkLink,
  type BrokenLink,
  type ChainedRow,
  type ChainFields,
} from './chain'

export const chainAuditSeconds = 15
const batchSize = 1_000
const maxBatches = 50
const verifyPage = 5_000

const fieldsButSeq = Prisma.sql`
  id::text as id, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, actor, action, subject,
  workshop_slug as workshop, details::text as details, xid::text as xid`

/**
 * Chains what waits, in batches of a transaction each: a process that is killed loses nothing, and
 * two at once take turns. Says how many.
 */
export async function chainAudit(
  ctx: Pick<Ctx, 'db' | 'log'>,
  options: { batchSize?: number } = {},
): Promise<number> {
  const size = options.batchSize ?? batchSize
  let chained = 0
  for (let batch = 0; batch < maxBatches; batch++) {
    const { count, head } = await ctx.db.$transaction((tx) => chainBatch(tx, size))
    chained += count
    // The log leaves the machine: a head in it is one that was noted elsewhere.
    if (head)
      ctx.log.info({ chainHead: head.hash, chainSeq: head.seq, count }, 'chained audit events')
    if (count < size) break
  }
  return chained
}

async function chainBatch(
  tx: Tx,
  size: number,
): Promise<{ count: number; head: ChainHead | null }> {
  const [lock] = await tx.$queryRaw<
    { mine: boolean }[]
  >`select pg_try_advisory_xact_lock(hashtextextended('keymint.audit-chain', 0)) as mine`
  if (!lock?.mine) return { count: 0, head: null }
  const head = await readHead(tx)
  // Below xmin every transaction is finished. A restored database counts its transactions anew;
  // none of ours lasts an hour.
  const rows = await tx.$queryRaw<Omit<ChainFields, 'seq'>[]>`
    select ${fieldsButSeq} from keymint.audit_events
    where chain_seq is null
      and (xid < pg_snapshot_xmin(pg_current_snapshot()) or at < clock_timestamp() - interval '1 hour')
    order by audit_events.id limit ${size}::int`
  let seq = BigInt(head?.seq ?? 0)
  let hash = head?.hash ?? chainStart
  const links = rows.map((row) => {
    const prevHash = hash
    seq += 1n
    hash = chainHash(prevHash, { ...row, seq: String(seq) })
    return { id: row.id, seq: String(seq), prevHash, hash }
  })
  if (links.length === 0) return { count: 0, head: null }
  const changed = await tx.$executeRaw`
    update keymint.audit_events e set chain_seq = link.seq, prev_hash = link.prev_hash, hash = link.hash
    from unnest(${links.map((link) => link.id)}::text[]::bigint[],
      ${links.map((link) => link.seq)}::text[]::bigint[], ${links.map((link) => link.prevHash)}::text[],
      ${links.map((link) => link.hash)}::text[])
      as link(id, seq, prev_hash, hash)
    where e.id = link.id`
  if (changed !== links.length)
    throw new Error('an audit event disappeared while it was being chained')
  return { count: links.length, head: { seq: String(seq), hash } }
}

type ChainHead = { seq: string; hash: string }

async function readHead(tx: Tx): Promise<ChainHead | null> {
  const [head] = await tx.$queryRaw<ChainHead[]>`
    select chain_seq::text as seq, hash from keymint.audit_events where chain_seq is not null
      order by chain_seq desc limit 1`
  return head ?? null
}

export type ChainState = {
  /** The newest link, and when its event happened; null before the first. */
  head: { seq: string; eventId: string; hash: string; at: string } | null
  /** Events that are not chained yet, counted up to 1,000. */
  waiting: number
  /** When the oldest of them happened. */
  waitingSince: string | null
}

const maxCounted = 1_000

/** Head and backlog of the chain. Costs the same however long the trail is. */
export async function readChainState(db: Db): Promise<ChainState> {
  const [row] = await db.$queryRaw<
    {
      seq: string | null
      eventId: string | null
      hash: string | null
      at: Date | null
      waiting: number
      waitingSince: Date | null
    }[]
  >`
    select head.seq, head."eventId", head.hash, head.at, waiting.n as waiting, waiting.since as "waitingSince"
    from (select count(*)::int as n, min(at) as since
      from (select at from keymint.audit_events where chain_seq is null order by id
      limit ${maxCounted}::int) w) waiting
    left join (select chain_seq::text as seq, id::text as "eventId", hash, at from keymint.audit_events
      where chain_seq is not null order by chain_seq desc limit 1) head on true`
  const head =
    row?.seq && row.eventId && row.hash && row.at
      ? { seq: row.seq, eventId: row.eventId, hash: row.hash, at: row.at.toISOString() }
      : null
  return {
    head,
    waiting: row?.waiting ?? 0,
    waitingSince: row?.waitingSince?.toISOString() ?? null,
  }
}

export type ChainReport = {
  whole: boolean
  /** Links that were walked and found good. */
  events: number
  head: { seq: string; hash: string } | null
  waiting: number
  broken: BrokenLink | null
  /** Whether the head that was noted earlier is still in the chain; null when none was named. */
  expectedFound: boolean | null
}

/**
 * Walks the chain in pages and stops at the first broken link. `expect` is a head noted earlier: it
 * must be in the chain. `since` is one too, and the walk begins after it. Needs nothing but the
 * database.
 */
export async function verifyChain(
  db: Db,
  options: { expect?: string; since?: string } = {},
): Promise<ChainReport> {
  const waiting = Number(
    (
      await db.$queryRaw<
        { n: bigint }[]
      >`select count(*) as n from keymint.audit_events where chain_seq is null`
    )[0]?.n ?? 0,
  )
  const report: ChainReport = {
    whole: true,
    events: 0,
    head: null,
    waiting,
    broken: null,
    expectedFound: null,
  }
  let last: ChainHead = { seq: '0', hash: chainStart }
  if (options.since !== undefined) {
    const [noted] = await db.$queryRaw<
      ChainHead[]
    >`select chain_seq::text as seq, hash from keymint.audit_events where hash = ${options.since}`
    report.expectedFound = noted !== undefined
    if (!noted) return { ...report, whole: false }
    last = noted
    report.head = noted
  }
  let found = options.expect === undefined || options.expect === last.hash
  for (;;) {
    const rows = await db.$queryRaw<ChainedRow[]>`
      select chain_seq::text as seq, prev_hash as "prevHash", hash, ${fieldsButSeq} from keymint.audit_events
      where chain_seq > ${last.seq}::text::bigint order by chain_seq limit ${verifyPage}::int`
    for (const row of rows) {
      const broken = checkLink(row, BigInt(last.seq) + 1n, last.hash)
      if (broken) return { ...report, whole: false, broken }
      last = { seq: row.seq, hash: row.hash }
      if (row.hash === options.expect) found = true
      report.events++
      report.head = last
    }
    if (rows.length < verifyPage) break
  }
  if (options.expect !== undefined) report.expectedFound = found
  return { ...report, whole: found }
}

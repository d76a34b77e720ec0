/**
 * A workshop's claims for staff, a page at a time. Guarantee: a page costs the same at the front
 * and at the end of a million claims, because it is found by the last row of the page before it, in
 * the order of an index.
 */
import { Prisma } from '~/adapters/db.server'
import { type Counters, readCounters } from '../operations/counters.server'
import type { Ctx } from '../ctx'
import { moneyViewOfDecimal } from '../money-view'
import type { ClaimFilter } from '../claim/actions'
import { claimWhere, isDense, isSearchIndexed } from '../claim/claim-filter.server'
import type { ClaimListQuery, ClaimPageRow, ClaimSort } from './claim-list'
import { instantOf } from '~/instants'

export const pageSize = 50
/** Beyond this, "more than so many" is all that a filter by text is counted to. */
const countedUpTo = 10_000

export type ClaimListPage = {
  rows: ClaimPageRow[]
  /** How many match the filter; `atLeast` when there are more than that. */
  matching: { count: number; atLeast: boolean }
  /** Cursors of the neighbouring pages, null where there is none. */
  previous: string | null
  next: string | null
  searchIndexed: boolean
}

const byClaim = { id: Prisma.sql`c.claim_id`, idType: Prisma.sql`uuid` }
const byTime = { ...byClaim, key: Prisma.sql`c.attended_at`, type: Prisma.sql`timestamptz` }

const orders = {
  newest: { ...byTime, descending: true },
  oldest: { ...byTime, descending: false },
  used: {
    ...byClaim,
    key: Prisma.sql`c.usage_usd`,
    type: Prisma.sql`numeric`,
    descending: true,
  },
  name: {
    key: Prisma.sql`a.name_key`,
    type: Prisma.sql`text`,
    id: Prisma.sql`a.user_id`,
    idType: Prisma.sql`text`,
    descending: false,
  },
} as const satisfies Record<ClaimSort, object>

type Row = Omit<
  ClaimPageRow,
  | 'usage'
  | 'waitingSince'
  | 'windowUsed'
  | 'limit'
  | 'usageAsOf'
  | 'attendedAt'
  | 'expiresAt'
  | 'reference'
> & {
  usageUsd: string
  windowUsedUsd: string
  limitUsd: string
  usageSyncedAt: Date | null
  waitingSince: Date | null
  attendedAt: Date
  expiresAt: Date
  cursorKey: string
  cursorId: string
}

/**
 * One page. A cursor that makes no sense, or whose row is gone, is as good as any other place in
 * the order.
 */
export async function readClaimList(
  ctx: Pick<Ctx, 'db' | 'now'>,
  workshopSlug: string,
  query: ClaimListQuery,
): Promise<ClaimListPage> {
  const where = claimWhere(workshopSlug, query.filter, {
    dense: await isDense(ctx.db, query.filter),
  })
  const [{ rows, more }, matching, searchIndexed] = await Promise.all([
    readRows(ctx, where, query),
    countMatching(ctx, workshopSlug, query.filter, where),
    query.filter.text ? isSearchIndexed(ctx.db) : true,
  ])
  const backwards = query.cursor?.direction === 'before'
  const first = rows[0]
  const last = rows.at(-1)
  return {
    rows: rows.map((row) => viewOf(ctx, row)),
    matching,
    previous: first && (backwards ? more : query.cursor) ? writeCursor(first) : null,
    next: last && (backwards || more) ? writeCursor(last) : null,
    searchIndexed,
  }
}

async function readRows(
  ctx: Pick<Ctx, 'db'>,
  where: Prisma.Sql,
  { sort, cursor }: Omit<ClaimListQuery, 'filter'>,
): Promise<{ rows: Row[]; more: boolean }> {
  const order = orders[sort]
  const backwards = cursor?.direction === 'before'
  const downwards = order.descending !== backwards
  const from = cursor ? readCursor(cursor.at, sort) : null
  const place = from
    ? Prisma.sql`
      and (${order.key}, ${order.id}) ${downwards ? Prisma.sql`<` : Prisma.sql`>`} (${from.key}::${order.type},
        ${from.id}::${order.idType})`
    : Prisma.empty
  const way = downwards ? Prisma.sql`desc` : Prisma.sql`asc`
  const rows = await ctx.db.$queryRaw<Row[]>`
    select c.claim_id as "claimId", a.display_name as "displayName", a.email, c.provider, c.state, c.reason,
      c.reason_detail as "reasonDetail", c.generation, m.queued_at as "waitingSince",
      m.delay_reason as "delayReason",
      c.guardrail_attached_at is not null as bound, c.bind_error as "bindError", c.bind_set_aside as "setAside",
        c.disabled_at is not null or c.upstream_disabled as disabled,
      c.state = 'ready' and c.disabled_at is null and exists (select 1 from keymint.runaway_holds h
        where h.claim_id = c.claim_id and h.generation = c.generation and h.lifted_at is null) as "onHold",
      c.upstream_missing_at is not null as missing, c.key_label as "keyLabel", c.usage_usd::text as "usageUsd",
        c.window_used_usd::text as "windowUsedUsd",
      c.limit_reset as "limitReset", c.usage_synced_at as "usageSyncedAt", c.limit_usd::text as "limitUsd",
        c.expires_at as "expiresAt", c.attended_at as "attendedAt",
      (${order.key})::text as "cursorKey", (${order.id})::text as "cursorId"
    from keymint.workshop_attendance c join keymint.attendees a on a.user_id = c.user_id
    left join keymint.mints m on m.holder_kind = 'claim' and m.holder_id = c.claim_id
      and m.generation = c.generation and m.state = 'pending'
    where ${where} ${place}
    order by ${order.key} ${way}, ${order.id} ${way}
    limit ${pageSize + 1}::int`
  const page = rows.slice(0, pageSize)
  return { rows: backwards ? page.reverse() : page, more: rows.length > pageSize }
}

/**
 * Whole groups come from the kept counters; only what has no counter is counted, and only so far.
 */
export async function countMatching(
  ctx: Pick<Ctx, 'db'>,
  workshopSlug: string,
  filter: ClaimFilter,
  where = claimWhere(workshopSlug, filter),
): Promise<{ count: number; atLeast: boolean }> {
  const counter = counterOf(filter)
  if (counter) return { count: (await readCounters(ctx.db, workshopSlug))[counter], atLeast: false }
  const [row] = await ctx.db.$queryRaw<{ count: number }[]>`
    select count(*)::int as count from (
      select 1 from keymint.workshop_attendance c join keymint.attendees a on a.user_id = c.user_id
        where ${where} limit ${countedUpTo + 1}::int) matching`
  const count = row?.count ?? 0
  return { count: Math.min(count, countedUpTo), atLeast: count > countedUpTo }
}

const factCounters = {
  unbound: 'unbound',
  disabled: 'disabled',
  missing: 'missing',
  'over-limit': 'overLimit',
} as const satisfies Record<NonNullable<ClaimFilter['fact']>, keyof Counters>

/** Every fact is one of a ready key, so that "ready" beside it changes nothing. */
function counterOf({ state, fact, text }: ClaimFilter) {
  if (text?.trim()) return null
  if (fact) return state === undefined || state === 'ready' ? factCounters[fact] : null
  return state ?? 'total'
}

function viewOf(
  ctx: Pick<Ctx, 'now'>,
  {
    usageUsd,
    windowUsedUsd,
    limitUsd,
    usageSyncedAt,
    waitingSince,
    attendedAt,
    expiresAt,
    cursorKey: _key,
    cursorId: _id,
    ...row
  }: Row,
): ClaimPageRow {
  const over = row.state === 'ready' && expiresAt <= ctx.now()
  return {
    ...row,
    // A right has ended when its time has come, whether or not a sweep has run.
    ...(over ? { state: 'ended' as const, reason: 'expired' } : {}),
    reference: row.claimId.slice(0, 8).toUpperCase(),
    usage: usageSyncedAt ? moneyViewOfDecimal(usageUsd) : null,
    windowUsed: usageSyncedAt ? moneyViewOfDecimal(windowUsedUsd) : null,
    waitingSince: waitingSince?.toISOString() ?? null,
    usageAsOf: usageSyncedAt?.toISOString() ?? null,
    limit: moneyViewOfDecimal(limitUsd),
    attendedAt: attendedAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  }
}

function writeCursor(row: Row): string {
  return Buffer.from(JSON.stringify([row.cursorKey, row.cursorId])).toString('base64url')
}

/** Null for anything that Postgres could not read as a place in this order. */
function readCursor(text: string, sort: ClaimSort): { key: string; id: string } | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch {
    return null
  }
  if (
    !Array.isArray(parsed) ||
    parsed.length !== 2 ||
    parsed.some((part) => typeof part !== 'string' || part.includes('\0'))
  )
    return null
  const [key, id] = parsed as [string, string]
  if (sort !== 'name' && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return null
  if (sort === 'used' && !/^\d{1,11}(\.\d{1,9})?$/.test(key)) return null
  if (
    (sort === 'newest' || sort === 'oldest') &&
    !(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00$/.test(key) && instantOf(`${key}:00`))
  )
    return null
  return { key, id }
}

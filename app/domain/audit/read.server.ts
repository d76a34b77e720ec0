/**
 * Reading the trail: filtered and paged by keyset on the id, newest first, never counted. Each
 * filter has an index that ends in the id, so that a page of 200,000 events costs what a page of
 * 1,000 does.
 */
import { Prisma } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import { recordAudit, type AuditActor } from './audit.server'
import { readChainState, type ChainState } from './chain.server'

export type AuditFilter = {
  /** "worker", "operator" or a user id. */
  actor?: string
  action?: string
  /** "claim:<uuid>", "user:<id>". */
  subject?: string
  workshop?: string
  from?: Date
  to?: Date
  /** Any id there is: an event's number, a claim, a person, a job. */
  id?: string
}
export type AuditCursor = { before: string } | { after: string } | null

export type AuditEntry = {
  id: string
  at: string
  actor: string
  action: string
  subject: string
  workshopSlug: string | null
  details: Record<string, unknown>
  chainSeq: string | null
  /** Names as they are now; null for who has none, or was erased. */
  actorName: string | null
  subjectName: string | null
}
export type AuditPage = {
  entries: AuditEntry[]
  older: string | null
  newer: string | null
  chain: ChainState
}

const pageSize = 50
const exportPage = 1_000
const subjectKinds = [
  'claim',
  'user',
  'mint',
  'key',
  'job',
  'bulk',
  'team',
  'workshop',
  'queue',
  'schedule',
  'subkey',
  'invitation',
]

type Row = Omit<AuditEntry, 'at' | 'actorName' | 'subjectName'> & {
  at: Date
  prevHash: string | null
  hash: string | null
}

/** One page, with the names of who is in it and where the chain stands. */
export async function readAuditPage(
  ctx: Pick<Ctx, 'db'>,
  filter: AuditFilter,
  cursor: AuditCursor = null,
): Promise<AuditPage> {
  const [rows, chain] = await Promise.all([
    readRows(ctx, filter, cursor, pageSize + 1),
    readChainState(ctx.db),
  ])
  const more = rows.length > pageSize
  const shown = rows.slice(0, pageSize)
  const backwards = cursor !== null && 'after' in cursor
  if (backwards) shown.reverse()
  const names = await readNames(ctx, shown)
  const first = shown[0]?.id ?? null
  const last = shown.at(-1)?.id ?? null
  return {
    entries: shown.map(({ at, prevHash: _, hash: __, ...row }) => ({
      ...row,
      at: at.toISOString(),
      actorName: names.get(row.actor) ?? null,
      subjectName: names.get(row.subject) ?? null,
    })),
    older: backwards || more ? last : null,
    newer: (backwards ? more : cursor !== null) ? first : null,
    chain,
  }
}

export type AuditExportRow = {
  id: string
  at: string
  actor: string
  action: string
  subject: string
  workshop: string | null
  details: string
  chainSeq: string | null
  prevHash: string | null
  hash: string | null
}

/**
 * Everything that the filter finds, newest first, in pages. The export is an event of the trail
 * itself, written before the first row.
 */
export async function exportAudit(
  ctx: Pick<Ctx, 'db'>,
  filter: AuditFilter,
  by: { actor: AuditActor; format: 'csv' | 'jsonl' },
): Promise<AsyncGenerator<AuditExportRow>> {
  const recorded = Object.fromEntries(
    Object.entries(filter)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, value instanceof Date ? value.toISOString() : value]),
  )
  // Read before it is recorded: what cannot be read at all has not been exported.
  await readRows(ctx, filter, null, 1)
  await ctx.db.$transaction((tx) =>
    recordAudit(tx, {
      actor: by.actor,
      action: 'audit.exported',
      subject: 'audit:trail',
      details: { format: by.format, filter: recorded },
    }),
  )
  return exportRows(ctx, filter)
}

async function* exportRows(
  ctx: Pick<Ctx, 'db'>,
  filter: AuditFilter,
): AsyncGenerator<AuditExportRow> {
  for (let cursor: AuditCursor = null; ;) {
    const rows: Row[] = await readRows(ctx, filter, cursor, exportPage)
    for (const { workshopSlug, details, at, ...row } of rows)
      yield {
        ...row,
        at: at.toISOString(),
        workshop: workshopSlug,
        details: JSON.stringify(details),
      }
    const last = rows.at(-1)
    if (!last || rows.length < exportPage) return
    cursor = { before: last.id }
  }
}

async function readRows(
  { db }: Pick<Ctx, 'db'>,
  filter: AuditFilter,
  cursor: AuditCursor,
  limit: number,
): Promise<Row[]> {
  return db.$queryRaw<Row[]>(auditRowsQuery(filter, cursor, limit))
}

/** Rows in the direction of the cursor: newest first, or oldest first for what comes after one. */
export function auditRowsQuery(
  filter: AuditFilter,
  cursor: AuditCursor,
  limit: number,
): Prisma.Sql {
  const anchors = anchorsOf(filter.id)
  const order = cursor !== null && 'after' in cursor ? Prisma.sql`asc` : Prisma.sql`desc`
  const rest = [...conditionsOf(filter), ...cursorOf(cursor)]
  // An id may stand in several columns. Each is asked through its own index; an OR would read them
  // all.
  const parts = anchors.map((anchor) => {
    const conditions = [...anchor, ...rest]
    return Prisma.sql`
      (select id, at, actor, action, subject, workshop_slug, details, chain_seq, prev_hash, hash
        from keymint.audit_events
      ${conditions.length > 0 ? Prisma.sql`where ${Prisma.join(conditions, ' and ')}` : Prisma.empty}
        order by id ${order} limit ${limit}::int)`
  })
  return Prisma.sql`
    select id::text as id, at, actor, action, subject, workshop_slug as "workshopSlug", details,
      chain_seq::text as "chainSeq", prev_hash as "prevHash", hash
    from (${Prisma.join(parts, ' union ')}) found order by found.id ${order} limit ${limit}::int`
}

function conditionsOf({ actor, action, subject, workshop, from, to }: AuditFilter): Prisma.Sql[] {
  const conditions: Prisma.Sql[] = []
  if (actor) conditions.push(Prisma.sql`actor = ${actorText(actor)}`)
  if (action) conditions.push(Prisma.sql`action = ${action}`)
  if (subject) conditions.push(Prisma.sql`subject = ${subject}`)
  if (workshop) conditions.push(Prisma.sql`workshop_slug = ${workshop}`)
  // Ids rise with time, but two transactions may cross: a minute to either side bounds the ids, the
  // time itself decides.
  if (from)
    conditions.push(
      Prisma.sql`
        id >= coalesce((select id from keymint.audit_events
          where at >= ${from}::timestamptz - interval '1 minute' order by at limit 1), 9223372036854775807)`,
      Prisma.sql`at >= ${from}::timestamptz`,
    )
  if (to)
    conditions.push(
      Prisma.sql`
        id <= coalesce((select id from keymint.audit_events where at <= ${to}::timestamptz + interval '1 minute'
          order by at desc limit 1), 0)`,
      Prisma.sql`at <= ${to}::timestamptz`,
    )
  return conditions
}

function cursorOf(cursor: AuditCursor): Prisma.Sql[] {
  if (cursor === null) return []
  return 'before' in cursor
    ? [Prisma.sql`id < ${cursor.before}::text::bigint`]
    : [Prisma.sql`id > ${cursor.after}::text::bigint`]
}

/** What a free id may mean: one list of conditions for each place it may stand in. */
function anchorsOf(id: string | undefined): Prisma.Sql[][] {
  if (!id) return [[]]
  const subjectIs = (subject: string) => [Prisma.sql`subject = ${subject}`]
  if (/^\d{1,18}$/.test(id)) return [[Prisma.sql`id = ${id}::text::bigint`]]
  if (subjectKinds.some((kind) => id.startsWith(`${kind}:`)))
    return [subjectIs(id), [Prisma.sql`actor = ${id}`]]
  return [
    ...subjectKinds.map((kind) => subjectIs(`${kind}:${id}`)),
    [Prisma.sql`actor = ${actorText(id)}`],
  ]
}

const actorText = (actor: string) =>
  actor === 'worker' || actor === 'operator' || actor.startsWith('user:') ? actor : `user:${actor}`

/** The names behind "user:<id>" and "claim:<uuid>", for one page. */
async function readNames({ db }: Pick<Ctx, 'db'>, rows: Row[]): Promise<Map<string, string>> {
  const mentioned = [...new Set(rows.flatMap((row) => [row.actor, row.subject]))]
  const users = mentioned
    .filter((text) => text.startsWith('user:'))
    .map((text) => text.slice('user:'.length))
  const claims = mentioned
    .filter((text) => /^claim:[0-9a-f-]{36}$/.test(text))
    .map((text) => text.slice('claim:'.length))
  const found = await db.$queryRaw<{ mention: string; name: string }[]>`
    select 'user:' || user_id as mention, display_name as name from keymint.attendees
      where user_id = any(${users}) and erased_at is null
    union all
    select 'claim:' || c.claim_id, a.display_name from keymint.workshop_attendance c join keymint.attendees a
      using (user_id)
    where c.claim_id = any(${claims}::uuid[]) and a.erased_at is null`
  return new Map(found.map(({ mention, name }) => [mention, name]))
}

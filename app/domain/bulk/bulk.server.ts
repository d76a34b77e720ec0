/**
 * Bulk actions: what was requested, by whom and with which filter, and a list of subjects that is
 * frozen when the action is made. Guarantee: the row, its items, its audit event and its job are
 * written in one transaction; an item that was begun is always finished, also when the action is
 * aborted, so that nothing stays half done.
 */
import { randomUUID } from 'node:crypto'
import { Prisma, type Db, type Tx } from '~/adapters/db.server'
import { noLiveJob } from '~/adapters/live-job.server'
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'

/** The upper bounds of one action on jobs of the queue, and of one on claims. */
export const maxBulkJobs = 1_000
export const maxBulkClaims = 10_000

export type BulkInput = {
  /** The name of a BulkKind. */
  kind: string
  params: Prisma.InputJsonObject
  /** A workshop's slug, or null. */
  scope: string | null
  /**
   * What was selected, as the page said it: for the record and the audit trail, never read again.
   */
  selection: Prisma.InputJsonObject
  reason: string | null
  actor: AuditActor
  /**
   * Names of subjects ("claim:<uuid>"), or a SELECT with one text column named `subject`, in the
   * order of work.
   */
  subjects: readonly string[] | Prisma.Sql
  /** More subjects than this, and nothing is started. */
  max: number
  /** Milliseconds between two items; without it, a few are worked at once. */
  staggerMs?: number
}

export type StartedBulk =
  | { kind: 'started'; bulkId: string; count: number }
  | { kind: 'refused'; reason: BulkRefusal; count: number; max: number }

export type BulkRefusal = 'nothing-matches' | 'too-many'

/**
 * Writes the action and sends its job, in the caller's transaction. Refused means that nothing was
 * written.
 */
export async function startBulk(ctx: Ctx, tx: Tx, input: BulkInput): Promise<StartedBulk> {
  const bulkId = randomUUID()
  await tx.$executeRaw`
    insert into keymint.bulk_actions (id, kind, params, scope, selection, reason, actor, stagger_ms)
    values (${bulkId}::uuid, ${input.kind}, ${JSON.stringify(input.params)}::jsonb, ${input.scope},
      ${JSON.stringify(input.selection)}::jsonb, ${input.reason}, ${input.actor}, ${input.staggerMs ?? 0}::int)`
  const source = Array.isArray(input.subjects)
    ? Prisma.sql`
      select subject from unnest(${input.subjects as string[]}::text[]) with ordinality s(subject, n)
        order by n`
    : (input.subjects as Prisma.Sql)
  const count = await tx.$executeRaw`
    insert into keymint.bulk_action_items (bulk_id, subject, position)
    select ${bulkId}::uuid, s.subject, (row_number() over ())::int from (${source}) s
      limit ${input.max + 1}::int
    on conflict do nothing`
  if (count === 0 || count > input.max) {
    await tx.$executeRaw`delete from keymint.bulk_action_items where bulk_id = ${bulkId}::uuid`
    await tx.$executeRaw`delete from keymint.bulk_actions where id = ${bulkId}::uuid`
    const reason = count === 0 ? 'nothing-matches' : 'too-many'
    return { kind: 'refused', reason, count, max: input.max }
  }
  await tx.$executeRaw`update keymint.bulk_actions set total = ${count}::int where id = ${bulkId}::uuid`
  await ctx.queue.enqueue(tx, 'bulk-action', { bulkId }, { singletonKey: bulkId })
  await recordAudit(tx, {
    actor: input.actor,
    action: 'bulk.started',
    subject: `bulk:${bulkId}`,
    ...(input.scope ? { scope: input.scope } : {}),
    details: {
      kind: input.kind,
      params: input.params,
      selection: input.selection,
      count,
      reason: input.reason,
    },
  })
  return { kind: 'started', bulkId, count }
}

/**
 * Stops the action: items not begun are skipped, those begun are finished. False when it had ended
 * already or does not exist.
 */
export async function abortBulk(
  ctx: Ctx,
  input: { bulkId: string; actor: AuditActor },
): Promise<boolean> {
  const { bulkId, actor } = input
  return ctx.db.$transaction(async (tx) => {
    const [bulk] = await tx.$queryRaw<{ scope: string | null }[]>`
      update keymint.bulk_actions set state = 'aborted', aborted_by = ${actor} where id = ${bulkId}::uuid
        and state = 'running' returning scope`
    if (!bulk) return false
    const skipped = await tx.$executeRaw`
      update keymint.bulk_action_items
        set state = 'skipped', detail = 'aborted', finished_at = now()
      where bulk_id = ${bulkId}::uuid and state = 'pending' and started_at is null`
    // The job closes the row: it may have to finish what was begun.
    if (
      (await ctx.queue.enqueue(tx, 'bulk-action', { bulkId }, { singletonKey: bulkId })) ===
      'already-queued'
    )
      await ctx.queue.bringForward(tx, 'bulk-action', bulkId)
    await countItems(tx, bulkId)
    await recordAudit(tx, {
      actor,
      action: 'bulk.aborted',
      subject: `bulk:${bulkId}`,
      ...(bulk.scope ? { scope: bulk.scope } : {}),
      details: { skipped },
    })
    return true
  })
}

export type BulkView = {
  id: string
  kind: string
  params: unknown
  scope: string | null
  selection: unknown
  reason: string | null
  actor: string
  /** The name of the person behind the actor, where it is one. */
  actorName: string | null
  /** An aborted action may still be finishing what it had begun: see finishedAt. */
  state: 'running' | 'done' | 'aborted'
  total: number
  done: number
  failed: number
  skipped: number
  /** Set while something that passes keeps it from going on. */
  waiting: { reason: string; until: string | null } | null
  createdAt: string
  finishedAt: string | null
  abortedBy: string | null
}

/** Items that came out alike, most frequent first; `subjects` are the first few of them. */
export type BulkResult = {
  state: 'pending' | 'done' | 'failed' | 'skipped'
  detail: string | null
  count: number
  subjects: string[]
}

/**
 * An action with its progress and its results grouped by what became of the items, or null. Times
 * are ISO.
 */
export async function readBulk(
  ctx: Ctx,
  bulkId: string,
): Promise<(BulkView & { results: BulkResult[] }) | null> {
  const [bulk] = await readRows(ctx.db, Prisma.sql`where b.id = ${bulkId}::uuid`, 1)
  if (!bulk) return null
  const results = await ctx.db.$queryRaw<BulkResult[]>`
    select state, detail, count(*)::int as count, (array_agg(subject order by position))[1:20] as subjects
    from keymint.bulk_action_items where bulk_id = ${bulkId}::uuid group by state, detail
      order by count(*) desc, state, detail limit 50`
  return { ...bulk, results }
}

/** The newest actions, of one workshop where `scope` names it. */
export async function listBulk(
  ctx: Ctx,
  options: { scope?: string; kinds?: string[]; limit: number },
): Promise<BulkView[]> {
  const scope =
    options.scope === undefined ? Prisma.empty : Prisma.sql`and b.scope = ${options.scope}`
  const kinds =
    options.kinds === undefined ? Prisma.empty : Prisma.sql`and b.kind = any(${options.kinds})`
  return readRows(ctx.db, Prisma.sql`where true ${scope} ${kinds}`, options.limit)
}

/**
 * For a kind whose last step is a transaction of its own: whether the item is still to be done, and
 * marking it done in that same transaction. The caller holds a lock that every run of this subject
 * takes first.
 */
export async function isItemPending(tx: Tx, bulkId: string, subject: string): Promise<boolean> {
  const [row] = await tx.$queryRaw<
    { state: string }[]
  >`select state from keymint.bulk_action_items where bulk_id = ${bulkId}::uuid and subject = ${subject}`
  return row?.state === 'pending'
}

/** True the first time: what the item wants is written now, and waits for the provider from here on. */
export async function askItem(tx: Tx, bulkId: string, subject: string): Promise<boolean> {
  const changed = await tx.$executeRaw`
    update keymint.bulk_action_items set asked_at = now()
    where bulk_id = ${bulkId}::uuid and subject = ${subject} and asked_at is null`
  return changed === 1
}

export async function markItemDone(tx: Tx, bulkId: string, subject: string): Promise<void> {
  await tx.$executeRaw`
    update keymint.bulk_action_items set state = 'done', finished_at = now() where bulk_id = ${bulkId}::uuid
      and subject = ${subject} and state = 'pending'`
}

/** Unfinished actions that have no job. Returns how many were sent again. */
export async function sendBulksAgain(ctx: Ctx): Promise<number> {
  const lost = await ctx.db.$queryRaw<{ id: string }[]>`
    select b.id from keymint.bulk_actions b
    where b.finished_at is null and b.created_at < now() - interval '5 s'
      and ${noLiveJob(Prisma.sql`j.name = 'bulk-action' and j.singleton_key = b.id::text`)}
    order by b.created_at limit 100`
  let sent = 0
  for (const { id } of lost) {
    if (
      (await ctx.db.$transaction((tx) =>
        ctx.queue.enqueue(tx, 'bulk-action', { bulkId: id }, { singletonKey: id }),
      )) === 'queued'
    )
      sent++
  }
  return sent
}

/** The counters are what the items say: a crash can make them late, never wrong. */
export async function countItems(db: Db | Tx, bulkId: string): Promise<void> {
  await db.$executeRaw`
    update keymint.bulk_actions b set done = counted.done, failed = counted.failed, skipped = counted.skipped
    from (select count(*) filter (where state = 'done')::int as done, count(*)
      filter (where state = 'failed')::int as failed, count(*) filter (where state = 'skipped')::int as skipped
      from keymint.bulk_action_items where bulk_id = ${bulkId}::uuid) counted
    where b.id = ${bulkId}::uuid`
}

async function readRows(db: Db, where: Prisma.Sql, limit: number): Promise<BulkView[]> {
  type Row = Omit<BulkView, 'waiting' | 'createdAt' | 'finishedAt'> & {
    waitingReason: string | null
    waitingUntil: Date | null
    createdAt: Date
    finishedAt: Date | null
  }
  const rows = await db.$queryRaw<Row[]>`
    select b.id, b.kind, b.params, b.scope, b.selection, b.reason, b.actor, a.display_name as "actorName",
      b.state, b.total, b.done, b.failed, b.skipped,
      b.waiting_reason as "waitingReason", b.waiting_until as "waitingUntil", b.created_at as "createdAt",
        b.finished_at as "finishedAt", b.aborted_by as "abortedBy"
    from keymint.bulk_actions b left join keymint.attendees a on b.actor like 'user:%'
      and a.user_id = substr(b.actor, 6)
    ${where} order by b.created_at desc, b.id limit ${limit}::int`
  return rows.map(({ waitingReason, waitingUntil, createdAt, finishedAt, ...row }) => ({
    ...row,
    waiting:
      waitingReason === null || finishedAt !== null
        ? null
        : { reason: waitingReason, until: waitingUntil?.toISOString() ?? null },
    createdAt: createdAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
  }))
}

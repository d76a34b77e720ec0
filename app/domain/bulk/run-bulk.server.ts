/**
 * Carrying out a bulk action: its items in order, a few at once, in stretches that a slot of the
 * queue can spare. Safe to be killed anywhere and to run again: an item is pending until its result
 * is written.
 */
import pLimit from 'p-limit'
import { isDatabaseUnavailable } from '~/adapters/db.server'
import { isProviderError } from '~/adapters/provider-error'
import { providerErrorText } from '../keys/bind.server'
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { JobOutcome } from '../job-outcome'
import type { BulkItemResult, BulkKind, BulkRun } from './bulk-kind'
import { countItems } from './bulk.server'

/** Calls at once: few, because mints need the provider more. */
const atOnce = 4
const chunkSize = 20
/** A slot is given back after this long, so that another action gets its turn. */
const stretchMs = 20_000
/** An item that throws something unknown is a bug of ours: it fails after so many tries. */
const maxErrors = 5

type Bulk = BulkRun & { state: string; staggerMs: number; finished: boolean }
type ItemOutcome =
  'finished' | 'snoozed' | { failure: string; retryAfterSeconds: number | undefined }

/**
 * Works the action for a stretch. Snoozes when there is more to do, or something that passes is in
 * the way.
 */
export async function runBulk(
  ctx: Ctx,
  bulkId: string,
  kinds: ReadonlyMap<string, BulkKind>,
): Promise<JobOutcome> {
  const startedAt = performance.now()
  for (;;) {
    const bulk = await readBulkRow(ctx, bulkId)
    if (!bulk || bulk.finished) return { kind: 'done' }
    const kind = kinds.get(bulk.kind)
    if (!kind)
      return {
        kind: 'snooze',
        seconds: 15,
        reason: 'unknown-bulk-kind',
      }
    const subjects = await beginChunk(ctx, bulk)
    if (subjects.length === 0) {
      const seconds = await finishOrWait(ctx, bulk)
      return seconds === null
        ? { kind: 'done' }
        : { kind: 'snooze', seconds, reason: 'items-not-due' }
    }
    const outcomes = await workChunk(ctx, kind, bulk, subjects)
    await countItems(ctx.db, bulkId)
    const failure = outcomes.find((outcome) => typeof outcome === 'object')
    if (failure && !outcomes.includes('finished')) return waitFor(ctx, bulk, failure)
    if (outcomes.includes('finished'))
      await ctx.db.$executeRaw`
          update keymint.bulk_actions set troubles = 0, waiting_reason = null, waiting_until = null
            where id = ${bulkId}::uuid and waiting_reason is not null`
    if (performance.now() - startedAt > stretchMs)
      return { kind: 'snooze', seconds: 1, reason: 'more-to-do' }
    if (bulk.staggerMs > 0) await pause(bulk.staggerMs)
  }
}

async function readBulkRow(ctx: Ctx, bulkId: string): Promise<Bulk | null> {
  const [row] = await ctx.db.$queryRaw<(Omit<Bulk, 'actor'> & { actor: string })[]>`
    select id, kind, params, scope, reason, actor, state, stagger_ms as "staggerMs",
      finished_at is not null as finished from keymint.bulk_actions where id = ${bulkId}::uuid`
  return row ? { ...row, actor: row.actor as AuditActor } : null
}

/**
 * Marks the next items as begun, under the row's lock: an abort comes before or after, never
 * between. Begun ones come first.
 */
async function beginChunk(ctx: Ctx, bulk: Bulk): Promise<string[]> {
  return ctx.db.$transaction(async (tx) => {
    await tx.$executeRaw`select 1 from keymint.bulk_actions where id = ${bulk.id}::uuid for share`
    const rows = await tx.$queryRaw<{ subject: string }[]>`
      with next as (
        select i.bulk_id, i.subject, i.position from keymint.bulk_action_items i join keymint.bulk_actions b
          on b.id = i.bulk_id
        where i.bulk_id = ${bulk.id}::uuid and i.state = 'pending'
          and (i.not_before is null or i.not_before <= now())
          and (b.state = 'running' or i.started_at is not null)
        order by i.position limit ${bulk.staggerMs > 0 ? 1 : chunkSize}::int),
      begun as (
        update keymint.bulk_action_items i
          set started_at = coalesce(i.started_at, now()), attempts = i.attempts + 1
        from next where i.bulk_id = next.bulk_id and i.subject = next.subject returning i.subject, i.position)
      select subject from begun order by position`
    return rows.map((row) => row.subject)
  })
}

async function workChunk(
  ctx: Ctx,
  kind: BulkKind,
  bulk: Bulk,
  subjects: string[],
): Promise<ItemOutcome[]> {
  const limit = pLimit(atOnce)
  let stopped: ItemOutcome | null = null
  return Promise.all(
    subjects.map((subject) =>
      limit(async () => {
        // The provider is down for all of them alike: the rest of the chunk need not find out one
        // by one.
        if (stopped) return snooze(ctx, bulk, subject, 1)
        const outcome = await workItem(ctx, kind, bulk, subject)
        if (typeof outcome === 'object') stopped = outcome
        return outcome
      }),
    ),
  )
}

async function workItem(
  ctx: Ctx,
  kind: BulkKind,
  bulk: Bulk,
  subject: string,
): Promise<ItemOutcome> {
  try {
    const result = await kind.run(ctx, bulk, subject)
    if (typeof result === 'object' && 'later' in result)
      return await snooze(ctx, bulk, subject, result.later)
    await finishItem(ctx, bulk, subject, result)
    return 'finished'
  } catch (error) {
    if (isDatabaseUnavailable(error)) throw error
    if (isProviderError(error)) {
      ctx.log.warn(
        { bulkId: bulk.id, subject, failure: error.details },
        'the provider failed an item of a bulk action',
      )
      if (error.details.kind === 'rejected') {
        await finishItem(ctx, bulk, subject, { failed: providerErrorText(error) })
        return 'finished'
      }
      await snooze(ctx, bulk, subject, 1)
      return {
        failure: providerErrorText(error),
        retryAfterSeconds: error.details.retryAfterSeconds,
      }
    }
    ctx.log.error(
      { error, bulkId: bulk.id, kind: bulk.kind, subject },
      'an item of a bulk action failed unexpectedly',
    )
    const [item] = await ctx.db.$queryRaw<{ errors: number }[]>`
      update keymint.bulk_action_items set errors = errors + 1 where bulk_id = ${bulk.id}::uuid
        and subject = ${subject} returning errors`
    if ((item?.errors ?? 0) < maxErrors) return snooze(ctx, bulk, subject, 2)
    await finishItem(ctx, bulk, subject, {
      failed: 'unexpected-error',
    })
    return 'finished'
  }
}

async function finishItem(
  ctx: Ctx,
  bulk: Bulk,
  subject: string,
  result: Exclude<BulkItemResult, { later: number }>,
): Promise<void> {
  const [state, detail] =
    result === 'done'
      ? ['done', null]
      : 'done' in result
        ? ['done', result.done]
        : 'skipped' in result
          ? ['skipped', result.skipped]
          : ['failed', result.failed]
  await ctx.db.$executeRaw`
    update keymint.bulk_action_items set state = ${state}, detail = ${detail}, finished_at = now()
      where bulk_id = ${bulk.id}::uuid and subject = ${subject} and state = 'pending'`
}

async function snooze(ctx: Ctx, bulk: Bulk, subject: string, seconds: number): Promise<'snoozed'> {
  await ctx.db.$executeRaw`
    update keymint.bulk_action_items
      set not_before = now() + make_interval(secs => ${seconds}::double precision)
      where bulk_id = ${bulk.id}::uuid and subject = ${subject} and state = 'pending'`
  return 'snoozed'
}

/** Nothing of the chunk came through: the whole action waits, longer each time, and says why. */
async function waitFor(
  ctx: Ctx,
  bulk: Bulk,
  { failure, retryAfterSeconds }: Exclude<ItemOutcome, string>,
): Promise<JobOutcome> {
  const [row] = await ctx.db.$queryRaw<
    { troubles: number }[]
  >`update keymint.bulk_actions set troubles = troubles + 1 where id = ${bulk.id}::uuid returning troubles`
  const seconds = retryAfterSeconds ?? Math.min(15, 2 ** Math.min(4, (row?.troubles ?? 1) - 1))
  await ctx.db.$executeRaw`
    update keymint.bulk_actions
      set waiting_reason = ${failure}, waiting_until = now() + make_interval(secs => ${seconds}::int)
      where id = ${bulk.id}::uuid`
  return { kind: 'snooze', seconds, reason: failure }
}

/** Null when the action is over; else the seconds until its next item may be tried. */
async function finishOrWait(ctx: Ctx, bulk: Bulk): Promise<number | null> {
  return ctx.db.$transaction(async (tx) => {
    await tx.$executeRaw`select 1 from keymint.bulk_actions where id = ${bulk.id}::uuid for update`
    const [next] = await tx.$queryRaw<{ seconds: number | null }[]>`
      select ceil(extract(epoch from min(coalesce(not_before, now())) - now()))::int as seconds
        from keymint.bulk_action_items where bulk_id = ${bulk.id}::uuid and state = 'pending'`
    if (next && next.seconds !== null) return Math.max(1, next.seconds)
    await countItems(tx, bulk.id)
    const [over] = await tx.$queryRaw<{ done: number; failed: number; skipped: number }[]>`
      update keymint.bulk_actions set state = case when state = 'running' then 'done' else state
        end, finished_at = now(), waiting_reason = null, waiting_until = null
      where id = ${bulk.id}::uuid and finished_at is null returning done, failed, skipped`
    if (over)
      await recordAudit(tx, {
        actor: 'worker',
        action: 'bulk.finished',
        subject: `bulk:${bulk.id}`,
        ...(bulk.scope ? { scope: bulk.scope } : {}),
        details: over,
      })
    return null
  })
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

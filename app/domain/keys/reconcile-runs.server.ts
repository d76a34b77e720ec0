/**
 * Checks and fixes as rows: a person presses, a job does it, the page reads. Guarantee: one check
 * and one fix at a time (reconcile_run_active); a fix carries out what the check that was on the
 * page had said, or nothing.
 */
import { isUniqueViolation, Prisma, type Tx } from '~/adapters/db.server'
import { noLiveJob } from '~/adapters/live-job.server'
import { isProviderError } from '~/adapters/provider-error'
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { JobOutcome } from '../job-outcome'
import type { Drift, DriftKind } from './drift'
import { fixDrifts, type DriftRef, type FixOutcome } from './repair.server'
import { planReconcile } from './reconcile.server'

/** A fix of thousands gives its slot back in between. */
const driftsPerRun = 200
const failAfterMinutes = 15

/** Starts a look at everything, or joins the one under way. */
export async function askForCheck(
  ctx: Ctx,
  actor: AuditActor,
): Promise<{ kind: 'started' | 'already-running'; runId: string }> {
  try {
    return await ctx.db.$transaction(async (tx) => {
      const { id: runId } = await tx.reconcileRun.create({
        data: { kind: 'check', actor },
        select: { id: true },
      })
      await ctx.queue.enqueue(tx, 'reconcile-check', { runId }, { singletonKey: runId })
      return { kind: 'started', runId }
    })
  } catch (error) {
    const active = isUniqueViolation(error)
      ? await ctx.db.reconcileRun.findFirst({
          where: { kind: 'check', state: { in: ['waiting', 'running'] } },
          select: { id: true },
        })
      : null
    if (active) return { kind: 'already-running', runId: active.id }
    throw error
  }
}

export type CheckCounts = { keysCompared: number; differences: number } | { providerUnread: 1 }

/**
 * Looks at everything and keeps what it found. A provider that cannot be read ends the check with
 * the reason. Null where nothing was left to check.
 */
export async function runCheck(ctx: Ctx, runId: string): Promise<CheckCounts | null> {
  const started = await ctx.db.$executeRaw`
    update keymint.reconcile_runs set state = 'running', started_at = now() where id = ${runId}::uuid
      and kind = 'check' and state in ('waiting', 'running')`
  if (started !== 1) return null
  try {
    const plan = await planReconcile(ctx)
    await ctx.db.$transaction(
      async (tx) => {
        await tx.reconcileDrift.deleteMany({ where: { runId } })
        await keepDrifts(tx, runId, plan.drifts)
        await tx.$executeRaw`
        update keymint.reconcile_runs
          set state = 'done', finished_at = now(), as_of = ${plan.asOf}, upstream_keys = ${plan.upstream}::int,
          our_keys = ${plan.ours}::int,
          unverified = ${plan.unverified}::int, total = ${plan.drifts.length}::int, error = null
            where id = ${runId}::uuid and state = 'running'`
        // Only the newest check is ever shown; of the others only what somebody fixed is worth
        // keeping.
        await tx.$executeRaw`
        delete from keymint.reconcile_drifts d using keymint.reconcile_runs r
        where r.id = d.run_id and r.id <> ${runId}::uuid
          and not exists (select 1 from keymint.reconcile_runs f where f.check_id = r.id)`
      },
      { maxWait: 5_000, timeout: 60_000 },
    )
    return { keysCompared: plan.ours, differences: plan.drifts.length }
  } catch (error) {
    if (!isProviderError(error)) throw error
    ctx.log.warn(
      { runId, failure: error.details },
      'a check of all keys could not read the provider',
    )
    await ctx.db.$executeRaw`
      update keymint.reconcile_runs set state = 'failed', finished_at = now(), error = ${error.message}
        where id = ${runId}::uuid and state = 'running'`
    return { providerUnread: 1 }
  }
}

const driftsPerInsert = 1000

async function keepDrifts(tx: Tx, runId: string, drifts: Drift[]): Promise<void> {
  for (let start = 0; start < drifts.length; start += driftsPerInsert) {
    await tx.reconcileDrift.createMany({
      data: drifts
        .slice(start, start + driftsPerInsert)
        .map(({ act: _act, ...drift }, index) => ({ ...drift, runId, position: start + index })),
    })
  }
}

/** The scheduled look: the same, asked for by nobody. */
export async function runScheduledCheck(ctx: Ctx): Promise<CheckCounts | null> {
  const asked = await askForCheck(ctx, 'worker')
  return asked.kind === 'started' ? runCheck(ctx, asked.runId) : null
}

export type FixSelection = { ids: string[] } | { kind: DriftKind } | 'all'
export type FixAsked =
  | { kind: 'started'; runId: string; count: number }
  | { kind: 'superseded' | 'already-running' | 'nothing-to-do' }

/**
 * Starts the fix of what the named check found and a program can repair. A check that is no longer
 * the newest fixes nothing.
 */
export async function askForFix(
  ctx: Ctx,
  input: { actor: AuditActor; checkId: string; select: FixSelection },
): Promise<FixAsked> {
  const { actor, checkId, select } = input
  const newest = await newestCheckId(ctx)
  if (newest !== checkId) return { kind: 'superseded' }
  try {
    return await ctx.db.$transaction(async (tx): Promise<FixAsked> => {
      const { id: runId } = await tx.reconcileRun.create({
        data: { kind: 'fix', checkId, actor },
        select: { id: true },
      })
      const { count } = await tx.reconcileDrift.updateMany({
        where: {
          runId: checkId,
          state: { in: ['open', 'failed'] },
          repair: { not: null },
          ...(select === 'all'
            ? {}
            : 'kind' in select
              ? { kind: select.kind }
              : { id: { in: select.ids } }),
        },
        data: { state: 'asked', fixRunId: runId, detail: null, settledAt: null },
      })
      if (count === 0) throw new NothingToDo()
      await tx.reconcileRun.update({ where: { id: runId }, data: { total: count } })
      await ctx.queue.enqueue(tx, 'reconcile-fix', { runId }, { singletonKey: runId })
      await recordAudit(tx, {
        actor,
        action: 'reconcile.fix-asked',
        subject: `reconcile:${runId}`,
        details: {
          check: checkId,
          count,
          what:
            select === 'all'
              ? 'all'
              : 'kind' in select
                ? select.kind
                : select.ids.slice(0, 20).join(', '),
        },
      })
      return { kind: 'started', runId, count }
    })
  } catch (error) {
    if (error instanceof NothingToDo) return { kind: 'nothing-to-do' }
    if (isUniqueViolation(error)) return { kind: 'already-running' }
    throw error
  }
}

class NothingToDo extends Error {}

/**
 * Works on a fix; safe to run twice. Comes back later while the provider fails, and for what is
 * more than one slot's worth.
 */
export async function runFix(ctx: Ctx, runId: string): Promise<JobOutcome> {
  const [run] = await ctx.db.$queryRaw<{ actor: AuditActor }[]>`
    update keymint.reconcile_runs set state = 'running', started_at = coalesce(started_at, now())
      where id = ${runId}::uuid and kind = 'fix' and state in ('waiting', 'running') returning actor`
  if (!run) return { kind: 'done' }
  const drifts = await ctx.db.$queryRaw<DriftRef[]>`
    select id, kind, key_hash as "keyHash", workshop_slug as "workshopSlug" from keymint.reconcile_drifts
    where fix_run_id = ${runId}::uuid and state = 'asked' order by position limit ${driftsPerRun}::int`
  const { left, reason } = await fixDrifts(ctx, {
    actor: run.actor,
    drifts,
    settled: (outcome) => settle(ctx, runId, outcome),
  })
  const finished = await ctx.db.$executeRaw`
    update keymint.reconcile_runs r set state = case when rest.any then r.state else 'done'
      end, finished_at = case when rest.any then null else now() end, error = ${reason}
    from (select exists (select 1 from keymint.reconcile_drifts where fix_run_id = ${runId}::uuid
      and state = 'asked') as any) rest
    where r.id = ${runId}::uuid and r.state = 'running' and not rest.any`
  if (finished === 1) return { kind: 'done' }
  await ctx.db
    .$executeRaw`update keymint.reconcile_runs set error = ${reason} where id = ${runId}::uuid`
  return left > 0
    ? {
        kind: 'snooze',
        seconds: 15,
        reason: reason ?? 'the provider failed several times in a row',
      }
    : { kind: 'snooze', seconds: 1, reason: 'more to fix' }
}

async function settle(ctx: Ctx, runId: string, { id, outcome, detail }: FixOutcome): Promise<void> {
  await ctx.db.$executeRaw`
    with drift as (
      update keymint.reconcile_drifts set state = ${outcome}, detail = ${detail}, settled_at = now()
      where fix_run_id = ${runId}::uuid and id = ${id} and state = 'asked' returning 1)
    update keymint.reconcile_runs
      set fixed = fixed + ${outcome === 'fixed' ? 1 : 0}::int,
      failed = failed + ${outcome === 'failed' ? 1 : 0}::int, moot = moot + ${outcome === 'moot' ? 1 : 0}::int
    from drift where id = ${runId}::uuid`
}

/** Keeps what a fix from the command line did, where the page's history shows it. */
export async function recordFixRun(
  ctx: Ctx,
  input: { startedAt: Date; outcomes: FixOutcome[]; total: number; error: string | null },
): Promise<void> {
  const count = (outcome: FixOutcome['outcome']) =>
    input.outcomes.filter((one) => one.outcome === outcome).length
  await ctx.db.reconcileRun.create({
    data: {
      kind: 'fix',
      actor: 'operator',
      state: input.error === null ? 'done' : 'failed',
      askedAt: input.startedAt,
      startedAt: input.startedAt,
      finishedAt: ctx.now(),
      total: input.total,
      fixed: count('fixed'),
      failed: count('failed'),
      obsolete: count('moot'),
      error: input.error,
    },
  })
}

/**
 * Runs whose job was lost get another; a check that nobody could finish ends with a reason. For the
 * sweep.
 */
export async function sendRunsAgain(ctx: Ctx): Promise<number> {
  await ctx.db.$executeRaw`
    update keymint.reconcile_runs
      set state = 'failed', finished_at = now(),
      error = 'The check did not come to an end. Look at the worker’s log, then check again.'
    where kind = 'check' and state in ('waiting', 'running')
      and asked_at < now() - make_interval(mins => ${failAfterMinutes}::int)`
  const lost = await ctx.db.$queryRaw<{ id: string; kind: 'check' | 'fix' }[]>`
    select r.id, r.kind from keymint.reconcile_runs r
    where r.state in ('waiting', 'running') and r.asked_at < now() - interval '5 s'
      and ${noLiveJob(Prisma.sql`
        j.name = 'reconcile-' || r.kind and (j.singleton_key = r.id::text or j.singleton_key is null)`)}`
  for (const { id, kind } of lost)
    await ctx.db.$transaction((tx) =>
      ctx.queue.enqueue(tx, `reconcile-${kind}`, { runId: id }, { singletonKey: id }),
    )
  return lost.length
}

/** Runs that nobody looks for any more: checks of a month ago that led to no fix. */
export async function deleteOldRuns(ctx: Ctx): Promise<number> {
  return ctx.db.$executeRaw`
    delete from keymint.reconcile_runs r where r.kind = 'check'
      and r.finished_at < now() - (case when r.total = 0 then interval '2 days' else interval '30 days' end)
      and not exists (select 1 from keymint.reconcile_runs f where f.check_id = r.id)
      and r.id is distinct from (select id from keymint.reconcile_runs where kind = 'check' and state = 'done'
        order by asked_at desc limit 1)`
}

async function newestCheckId(ctx: Ctx): Promise<string | null> {
  const newest = await ctx.db.reconcileRun.findFirst({
    where: { kind: 'check', state: 'done' },
    orderBy: { askedAt: 'desc' },
    select: { id: true },
  })
  return newest?.id ?? null
}

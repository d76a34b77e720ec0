/**
 * The engine as it stands: gate, workers, the last minutes and the oldest job that may run. Read
 * once for every page that judges; judgement.ts says what it means.
 */
import { catalog, deadLetterNames } from '~/adapters/job-catalog'
import type { Ctx } from '../ctx'
import { errorSentence } from '../error-text'
import type { JobError } from '../job-outcome'
import { deploymentAccount, parkedFrom, type Parked } from '../keys/accounts.server'
import { isWorkerSeen } from '../worker-seen.server'
import { readLastBackups } from './backup.server'
import { rateMinutes, type EngineFacts } from './judgement'
import { readPausedQueues, stakesOf, type PausedQueue } from './paused-queues.server'

/** What judging needs: a deployment under test has it too. */
export type EngineCtx = Pick<Ctx, 'db' | 'now' | 'workshops'> & {
  settings: Pick<Ctx['settings'], 'provisioningEnabled'>
}

export type WorkerView = {
  id: string
  slots: number
  version: string | null
  region: string | null
  startedAt: string
  lastSeenAt: string
  seen: boolean
  /** Its process has ended without saying so, and another worker took its jobs over. */
  gone: { at: string; by: string; jobs: number } | null
  /** Whether others see at once that it is gone; else they wait for its heartbeat. */
  locked: boolean
  jobs: { id: string; name: string; since: string; stuck: boolean }[]
}

export type GateView =
  | { kind: 'open' }
  | { kind: 'paused'; since: string; by: string | null; reason: string | null }
  | { kind: 'switched-off' }
  | ({ kind: 'parked' } & Parked)
  /** `until` in the past means half open: one mint tries. */
  | { kind: 'cooling-down'; until: string; seconds: number; cause: JobError }

export type Engine = {
  gate: GateView
  workers: WorkerView[]
  workerSeenSecondsAgo: number | null
  /** Jobs of the last minutes, and how many of them failed in their newest run. */
  recent: { runs: number; errors: number }
  calls: { total: number; failed: number }
  /** Of those that may run now. */
  oldestWaiting: { id: string; name: string; since: string; seconds: number } | null
  /** People who wait for a key. */
  waiting: number
  facts: Omit<EngineFacts, 'openWorkshops' | 'brokenFiles' | 'unbounded'>
}

type GateRow = {
  pausedAt: Date | null
  pausedBy: string | null
  pauseReason: string | null
  cooldownUntil: Date | null
  coolsFor: number | null
  reason: string | null
  cause: JobError | null
  parkedAt: Date | null
  parkedReason: string | null
}
type OldestRow = { id: string; name: string; since: Date; seconds: number }

/** A receiver of alerts that does not answer stands in the way of no key. */
const liveNames = Object.keys(catalog).filter((name) => name !== 'deliver-alert')
/** Newer runs than this many are looked through, which costs the same at any length of history. */
const maxRuns = 5_000

export async function readEngine(ctx: EngineCtx): Promise<Engine> {
  const pausedQueues = await readPausedQueues(ctx)
  const [row, workerRows, recent, calls, oldestRow, waiting, backups] = await Promise.all([
    readGate(ctx),
    readWorkers(ctx),
    readRecent(ctx),
    readCalls(ctx),
    readOldest(ctx, pausedQueues),
    countWaiting(ctx),
    readLastBackups(ctx.db),
  ])
  const gate = gateOf(ctx, row)
  const quiet =
    workerRows.length === 0 ? null : Math.min(...workerRows.map((worker) => worker.quiet))
  const oldestWaiting = oldestRow && {
    id: oldestRow.id,
    name: oldestRow.name,
    since: oldestRow.since.toISOString(),
    seconds: Math.max(0, Math.floor(oldestRow.seconds)),
  }
  const parked = parkedFrom(row?.parkedAt ?? null, row?.parkedReason ?? null)
  const cause = row?.cause ?? { reason: row?.reason ?? 'upstream-trouble' }
  return {
    gate,
    workers: workerRows.map(({ quiet: _quiet, ...worker }) => worker),
    workerSeenSecondsAgo: quiet,
    recent,
    calls,
    oldestWaiting,
    waiting,
    facts: {
      workersSeen: workerRows.filter((worker) => worker.seen).length,
      quietSeconds: quiet,
      provisioningEnabled: ctx.settings.provisioningEnabled,
      parked,
      paused: row?.pausedAt
        ? { since: row.pausedAt.toISOString(), by: row.pausedBy, reason: row.pauseReason }
        : null,
      cooling:
        row?.cooldownUntil && !parked
          ? {
              reason: cause.reason,
              message: errorSentence(cause),
              seconds: row.coolsFor ?? 0,
            }
          : null,
      runs: { failed: recent.errors, total: recent.runs, minutes: rateMinutes },
      calls: { ...calls, minutes: rateMinutes },
      pausedQueues: pausedQueues.map((queue) => ({ ...queue, stakes: stakesOf(queue.name) })),
      oldestDueSeconds: oldestWaiting?.seconds ?? null,
      waiting,
      backups,
    },
  }
}

async function readGate(ctx: EngineCtx): Promise<GateRow | undefined> {
  const [row] = await ctx.db.$queryRaw<GateRow[]>`
    select g.paused_at as "pausedAt", coalesce(a.display_name, g.paused_by) as "pausedBy",
      g.pause_reason as "pauseReason", own.cooldown_until as "cooldownUntil",
      greatest(0, ceil(extract(epoch from own.cooldown_until - now())))::int as "coolsFor", own.reason, own.cause,
      own.parked_at as "parkedAt", own.parked_reason as "parkedReason"
    from keymint.minting g join keymint.accounts own on own.id = ${deploymentAccount}::uuid
    left join keymint.attendees a on a.user_id = g.paused_by`
  return row
}

function gateOf(ctx: EngineCtx, row: GateRow | undefined): GateView {
  if (!ctx.settings.provisioningEnabled) return { kind: 'switched-off' }
  const parked = parkedFrom(row?.parkedAt ?? null, row?.parkedReason ?? null)
  if (parked) return { kind: 'parked', ...parked }
  if (row?.pausedAt)
    return {
      kind: 'paused',
      since: row.pausedAt.toISOString(),
      by: row.pausedBy,
      reason: row.pauseReason,
    }
  if (row?.cooldownUntil)
    return {
      kind: 'cooling-down',
      until: row.cooldownUntil.toISOString(),
      seconds: row.coolsFor ?? 0,
      cause: row.cause ?? { reason: row.reason ?? 'upstream-trouble' },
    }
  return { kind: 'open' }
}

async function readWorkers(ctx: EngineCtx): Promise<(WorkerView & { quiet: number })[]> {
  type Row = {
    id: string
    slots: number
    version: string | null
    region: string | null
    startedAt: Date
    lastSeenAt: Date
    quiet: number
    locked: boolean
    goneAt: Date | null
    takenOverBy: string | null
    jobsTakenOver: number | null
    jobs: { id: string; name: string; since: string }[]
  }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select id, slots, version, region, started_at as "startedAt", last_seen_at as "lastSeenAt",
      greatest(0, extract(epoch from now() - last_seen_at))::int as quiet, current_jobs as jobs,
      locked, gone_at as "goneAt", taken_over_by as "takenOverBy", jobs_taken_over as "jobsTakenOver"
    from keymint.workers order by last_seen_at desc, id limit 50`
  const now = ctx.now().getTime()
  return rows.map(({ goneAt, takenOverBy, jobsTakenOver, ...row }) => ({
    ...row,
    gone: goneAt && {
      at: goneAt.toISOString(),
      by: takenOverBy ?? '',
      jobs: jobsTakenOver ?? 0,
    },
    startedAt: row.startedAt.toISOString(),
    lastSeenAt: row.lastSeenAt.toISOString(),
    seen: goneAt === null && isWorkerSeen(row.quiet),
    jobs: row.jobs.map((job) => ({ ...job, stuck: now - Date.parse(job.since) > 120_000 })),
  }))
}

/** A job that failed and was done since counts as done. */
async function readRecent(ctx: EngineCtx): Promise<Engine['recent']> {
  const [row] = await ctx.db.$queryRaw<{ runs: number; errors: number }[]>`
    select count(*)::int as runs, (count(*) filter (where latest.fingerprint is not null))::int as errors
    from (select distinct on (r.job_id) r.fingerprint from keymint.job_runs r
      where r.id > (select coalesce(max(id), 0) - ${maxRuns}::int from keymint.job_runs)
        and r.ended_at > now() - make_interval(mins => ${rateMinutes}::int) and r.job_name = any(${liveNames})
      order by r.job_id, r.id desc) latest`
  return row ?? { runs: 0, errors: 0 }
}

/** A call that failed does not count once its holder has a key. */
async function readCalls(ctx: EngineCtx): Promise<Engine['calls']> {
  const [row] = await ctx.db.$queryRaw<{ total: number; failed: number }[]>`
    select count(*)::int as total, (count(*) filter (where a.state in ('unknown', 'refused', 'condemned')
        and not exists (select 1 from keymint.mints d where d.holder_kind = m.holder_kind
          and d.holder_id = m.holder_id and d.generation >= m.generation and d.state = 'done')))::int as failed
    from keymint.mint_attempts a join keymint.mints m on m.id = a.mint_id
    where a.sent_at > now() - make_interval(mins => ${rateMinutes}::int)`
  return row ?? { total: 0, failed: 0 }
}

async function countWaiting(ctx: EngineCtx): Promise<number> {
  const [row] = await ctx.db.$queryRaw<{ waiting: number }[]>`
    select count(*)::int as waiting from keymint.mints where state = 'pending' and holder_kind = 'claim'`
  return row?.waiting ?? 0
}

/** One probe of an index for each name and state. What staff hold back is not late. */
async function readOldest(ctx: EngineCtx, paused: PausedQueue[]): Promise<OldestRow | null> {
  const held = paused.map(({ name }) => name)
  const names = liveNames.filter((name) => !deadLetterNames.includes(name) && !held.includes(name))
  const [row] = await ctx.db.$queryRaw<OldestRow[]>`
    select oldest.id, n.name, oldest.start_after as since,
      extract(epoch from now() - oldest.start_after)::float8 as seconds
    from unnest(${names}::text[]) as n(name)
    cross join lateral (
      (select id, start_after from pgboss.job j where j.name = n.name and j.state = 'created'
        and j.blocked = false and j.start_after <= now() order by j.start_after limit 1)
      union all
      (select id, start_after from pgboss.job j where j.name = n.name and j.state = 'retry'
        and j.blocked = false and j.start_after <= now() order by j.start_after limit 1)) oldest
    order by oldest.start_after limit 1`
  return row ?? null
}

/** How the queue is: the one finding that matters most, with the facts behind it. */
import { deadLetterNames } from '~/adapters/job-catalog'
import type { Ctx } from '../../ctx'
import { deploymentAccount, parkedFrom } from '../../keys/accounts.server'
import { paceFrom, paceView } from '../../keys/pace'
import type { JobError } from '../../job-outcome'
import { liveNames } from './list.server'
import type { GateView, Health, WorkerView } from './types'
import { isWorkerSeen } from '../../worker-seen.server'

/** A wait longer than this is a warning, and than that an error. */
const longWaitSeconds = 15
const veryLongWaitSeconds = 60
const worryingShare = 0.1
const badShare = 0.5

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
  pace: unknown
}
type OldestRow = { id: string; name: string; since: Date; seconds: number }

/** Reads gate, workers, the last five minutes and the oldest job that may run now. */
export async function readHealth(ctx: Ctx): Promise<Health> {
  const [gateRow, workerRows, recentRow, oldestRow] = await Promise.all([
    readGate(ctx),
    readWorkers(ctx),
    readRecent(ctx),
    readOldest(ctx),
  ])
  const gate = gateOf(ctx, gateRow)
  const seen = workerRows.filter((worker) => worker.seen)
  const quiet =
    workerRows.length === 0 ? null : Math.min(...workerRows.map((worker) => worker.quiet))
  const oldest = oldestRow && {
    id: oldestRow.id,
    name: oldestRow.name,
    since: oldestRow.since.toISOString(),
    seconds: Math.max(0, Math.floor(oldestRow.seconds)),
  }
  const workers = workerRows.map(({ quiet: _quiet, ...worker }) => worker)
  return {
    ...judge(gate, seen.length, quiet, recentRow, oldest),
    gate,
    calls: paceView(paceFrom(gateRow?.pace), ctx.mintConcurrency),
    recent: recentRow,
    oldestWaiting: oldest,
    workers,
    workerSeenSecondsAgo: quiet,
  }
}

/** The one thing that matters most, worst first. */
function judge(
  gate: GateView,
  workers: number,
  quietSeconds: number | null,
  recent: Health['recent'],
  oldest: Health['oldestWaiting'],
): Pick<Health, 'tone' | 'finding'> {
  if (workers === 0) return { tone: 'error', finding: { code: 'no-worker', quietSeconds } }
  if (gate.kind === 'switched-off') return { tone: 'warning', finding: { code: 'switched-off' } }
  if (gate.kind === 'parked') return { tone: 'error', finding: { code: 'parked' } }
  if (gate.kind === 'paused') return { tone: 'warning', finding: { code: 'paused' } }
  if (gate.kind === 'cooling-down') return { tone: 'error', finding: { code: 'cooling-down' } }
  const share = recent.runs === 0 ? 0 : recent.errors / recent.runs
  if (share >= badShare) return { tone: 'error', finding: { code: 'runs-fail' } }
  const seconds = oldest?.seconds ?? 0
  if (seconds >= veryLongWaitSeconds)
    return { tone: 'error', finding: { code: 'workers-behind', seconds } }
  if (share >= worryingShare) return { tone: 'warning', finding: { code: 'runs-fail' } }
  if (seconds >= longWaitSeconds)
    return { tone: 'warning', finding: { code: 'long-wait', seconds } }
  return { tone: 'ok', finding: { code: 'well' } }
}

async function readGate(ctx: Ctx): Promise<GateRow | undefined> {
  const [row] = await ctx.db.$queryRaw<GateRow[]>`
    select g.paused_at as "pausedAt", coalesce(a.display_name, g.paused_by) as "pausedBy",
      g.pause_reason as "pauseReason", own.cooldown_until as "cooldownUntil",
      greatest(0, ceil(extract(epoch from own.cooldown_until - now())))::int as "coolsFor", own.reason, own.cause,
      own.parked_at as "parkedAt", own.parked_reason as "parkedReason", own.pace
    from keymint.minting g join keymint.accounts own on own.id = ${deploymentAccount}::uuid
    left join keymint.attendees a on a.user_id = g.paused_by`
  return row
}

function gateOf(ctx: Ctx, row: GateRow | undefined): GateView {
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

async function readWorkers(ctx: Ctx): Promise<(WorkerView & { quiet: number })[]> {
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

async function readRecent(ctx: Ctx): Promise<Health['recent']> {
  const [row] = await ctx.db.$queryRaw<{ runs: number; errors: number }[]>`
    select coalesce(sum(done + failed + put_off), 0)::int as runs, coalesce(sum(errors), 0)::int as errors
    from keymint.job_minutes where name = any(${liveNames}) and minute > now() - interval '5 min'`
  return row ?? { runs: 0, errors: 0 }
}

/** One probe of an index for each name and state. */
async function readOldest(ctx: Ctx): Promise<OldestRow | null> {
  const names = liveNames.filter((name) => !deadLetterNames.includes(name))
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

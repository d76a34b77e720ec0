/** How the queue is, in one sentence, with what it rests on. */
import { deadLetterNames } from '~/adapters/job-catalog'
import type { Ctx } from '../../ctx'
import type { JobError } from '../../job-outcome'
import { errorSentence } from '../../operations/error-groups'
import { liveNames } from './list.server'
import type { GateView, Health, WorkerView } from './types'

/** A worker says so every 5 s. */
const workerQuietSeconds = 30
/** Waits longer than this are worth a word, and than that worth a worried one. */
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
    ...judge(gate, gateRow?.coolsFor ?? 0, seen.length, quiet, recentRow, oldest),
    gate,
    recent: recentRow,
    oldestWaiting: oldest,
    workers,
    workerSeenSecondsAgo: quiet,
  }
}

/** The one thing that matters most, worst first. */
function judge(
  gate: GateView,
  coolsFor: number,
  workers: number,
  quiet: number | null,
  recent: Health['recent'],
  oldest: Health['oldestWaiting'],
): Pick<Health, 'tone' | 'sentence'> {
  if (workers === 0) {
    const since =
      quiet === null
        ? 'No worker has ever reported.'
        : `No worker has reported for ${spanOf(quiet)}.`
    return { tone: 'brick', sentence: `${since} Nothing moves until one runs.` }
  }
  if (gate.kind === 'switched-off')
    return {
      tone: 'amber',
      sentence: 'The making of keys is switched off by PROVISIONING_ENABLED.',
    }
  if (gate.kind === 'paused')
    return {
      tone: 'amber',
      sentence: `Minting is paused${gate.by ? ` by ${gate.by}` : ''}: ${gate.reason}`,
    }
  if (gate.kind === 'cooling-down') {
    return {
      tone: 'brick',
      sentence: `${gate.words.replace(/[.\s]*$/, '.')} ${coolsFor > 0 ? `Minting cools down for another ${spanOf(coolsFor)}, then one key is tried.` : 'One key is being tried now.'}`,
    }
  }
  const share = recent.runs === 0 ? 0 : recent.errors / recent.runs
  const errors = `${recent.errors} of ${recent.runs} runs in the last five minutes did not succeed.`
  if (share >= badShare) return { tone: 'brick', sentence: errors }
  if (oldest && oldest.seconds >= veryLongWaitSeconds)
    return {
      tone: 'brick',
      sentence: `A job that may run has waited for ${spanOf(oldest.seconds)}: the workers do not keep up.`,
    }
  if (share >= worryingShare) return { tone: 'amber', sentence: errors }
  if (oldest && oldest.seconds >= longWaitSeconds)
    return {
      tone: 'amber',
      sentence: `The oldest job that may run has waited for ${spanOf(oldest.seconds)}.`,
    }
  return { tone: 'good', sentence: 'All is well: nothing waits for long, and what runs succeeds.' }
}

async function readGate(ctx: Ctx): Promise<GateRow | undefined> {
  const [row] = await ctx.db.$queryRaw<GateRow[]>`
    select g.paused_at as "pausedAt", coalesce(a.display_name, g.paused_by) as "pausedBy",
      g.pause_reason as "pauseReason", g.cooldown_until as "cooldownUntil",
      greatest(0, ceil(extract(epoch from g.cooldown_until - now())))::int as "coolsFor", g.reason, g.cause
    from keymint.minting g left join keymint.attendees a on a.user_id = g.paused_by`
  return row
}

function gateOf(ctx: Ctx, row: GateRow | undefined): GateView {
  if (!ctx.settings.provisioningEnabled) return { kind: 'switched-off' }
  if (row?.pausedAt)
    return {
      kind: 'paused',
      since: row.pausedAt.toISOString(),
      by: row.pausedBy,
      reason: row.pauseReason ?? 'No reason was given.',
    }
  if (row?.cooldownUntil)
    return {
      kind: 'cooling-down',
      until: row.cooldownUntil.toISOString(),
      words: errorSentence(row.cause ?? { reason: row.reason ?? 'upstream-trouble' }),
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
    jobs: { id: string; name: string; since: string }[]
  }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select id, slots, version, region, started_at as "startedAt", last_seen_at as "lastSeenAt",
      greatest(0, extract(epoch from now() - last_seen_at))::int as quiet, current_jobs as jobs
    from keymint.workers order by last_seen_at desc, id limit 50`
  const now = ctx.now().getTime()
  return rows.map((row) => ({
    ...row,
    startedAt: row.startedAt.toISOString(),
    lastSeenAt: row.lastSeenAt.toISOString(),
    seen: row.quiet <= workerQuietSeconds,
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

function spanOf(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`
}

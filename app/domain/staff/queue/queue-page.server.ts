/** The two pages of the queue, each as one call: plain JSON. */
import type { Ctx } from '../../ctx'
import { findErrorGroup, readErrorGroups } from './errors.server'
import { readHealth } from './health.server'
import { isMintJob, jobKindOf } from './job-kinds'
import { jobRow } from './job-row'
import { countTabs, jobsById, listJobs, liveNames } from './list.server'
import { readThroughput } from './throughput.server'
import type {
  JobPage,
  JobRunView,
  ProviderCallView,
  QueueFilter,
  QueuePage,
  Throughput,
  ThroughputSpan,
} from './types'

/** Everything that /admin/queue shows, but the charts. */
export async function readQueuePage(ctx: Ctx, filter: QueueFilter): Promise<QueuePage> {
  const [counts, list, errors, health] = await Promise.all([
    countTabs(ctx, filter),
    listJobs(ctx, filter),
    errorsFor(ctx, filter),
    readHealth(ctx),
  ])
  return {
    filter,
    counts,
    list,
    errors,
    health,
    jobNames: [...liveNames],
    workshops: [...ctx.workshops.workshops.values()]
      .map(({ slug, title }) => ({ slug, title }))
      .sort((a, b) => a.title.localeCompare(b.title)),
    asOf: ctx.now().toISOString(),
  }
}

/** The charts of the page: of one job, by default of making keys. */
export function readQueueThroughput(
  ctx: Ctx,
  options: { span: ThroughputSpan; job?: string },
): Promise<Throughput> {
  return readThroughput(ctx, { span: options.span, job: options.job ?? 'mint-key' })
}

/** The group of the filter is among them, however old it is. */
async function errorsFor(ctx: Ctx, { error }: QueueFilter) {
  const [groups, chosen] = await Promise.all([
    readErrorGroups(ctx),
    error === undefined ? null : findErrorGroup(ctx, error),
  ])
  return chosen && !groups.some((group) => group.fingerprint === chosen.fingerprint)
    ? [chosen, ...groups]
    : groups
}

/**
 * One job with every run that was recorded, or null when there is none: pg-boss forgets a finished
 * job after a week.
 */
export async function readJobPage(ctx: Ctx, jobId: string): Promise<JobPage | null> {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(jobId)) return null
  const [[raw], runs] = await Promise.all([jobsById(ctx, [jobId]), readRuns(ctx, jobId)])
  if (!raw) return null
  const row = jobRow(raw)
  const ended = runs.length > 0 ? Math.max(...runs.map((run) => run.run)) : 0
  return {
    job: {
      ...row,
      cancel: jobKindOf(raw.name).cancel,
      holderKind: raw.holderKind,
      payload:
        raw.data !== null && typeof raw.data === 'object'
          ? Object.entries(raw.data).map(([key, value]) => [
              key,
              typeof value === 'string' ? value : JSON.stringify(value),
            ])
          : [],
      source: raw.sourceName ? { name: raw.sourceName, id: raw.sourceId } : null,
      // The current run has no record yet; any other without one ended with its worker.
      priorRunsLost: Math.max(
        0,
        (row.state === 'running' ? row.runs - 1 : row.runs) - Math.max(ended, runs.length),
      ),
    },
    runs,
    calls: row.mintId && isMintJob(raw.name) ? await readCalls(ctx, row.mintId) : [],
    asOf: ctx.now().toISOString(),
  }
}

const maxRuns = 200

async function readRuns(ctx: Ctx, jobId: string): Promise<JobRunView[]> {
  type Row = Omit<JobRunView, 'startedAt' | 'endedAt' | 'nextRunAt'> & {
    startedAt: Date
    endedAt: Date
    nextRunAt: Date | null
  }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select run, worker_id as "workerId", started_at as "startedAt", ended_at as "endedAt",
      extract(epoch from ended_at - started_at)::float8 as seconds, outcome, reason,
      fingerprint as "errorGroup", http_status as "httpStatus", next_run_at as "nextRunAt"
    from keymint.job_runs where job_id = ${jobId}::uuid order by id desc limit ${maxRuns}::int`
  return rows.map((row) => ({
    ...row,
    startedAt: row.startedAt.toISOString(),
    endedAt: row.endedAt.toISOString(),
    nextRunAt: row.nextRunAt?.toISOString() ?? null,
  }))
}

/**
 * The calls to the provider behind a mint: their names upstream are what its support can search
 * for.
 */
async function readCalls(ctx: Ctx, mintId: string): Promise<ProviderCallView[]> {
  const rows = await ctx.db.mintAttempt.findMany({
    where: { mintId },
    orderBy: { sentAt: 'desc' },
    take: 100,
    select: {
      id: true,
      name: true,
      state: true,
      outcome: true,
      httpStatus: true,
      sentAt: true,
      settledAt: true,
      deletedAt: true,
    },
  })
  return rows.map((row) => ({
    ...row,
    sentAt: row.sentAt.toISOString(),
    settledAt: row.settledAt?.toISOString() ?? null,
    deletedAt: row.deletedAt?.toISOString() ?? null,
  }))
}

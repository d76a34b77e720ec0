/**
 * The history of jobs: pg-boss keeps a job's last output and nothing of its runs. Written beside
 * the work and never in its transactions: losing a row is acceptable, delaying work is not.
 */
import { catalog, schedules } from '~/adapters/job-catalog'
import type { Ctx } from '../ctx'
import type { JobCounts, JobError } from '../job-outcome'
import { errorSentence } from '../error-text'
import { errorGroupOf, type ErrorGroupKey } from './error-groups'
import { addBins, binOf, noBins } from './histogram'
import { cut } from '~/text'

export type JobRun = {
  jobId: string
  jobName: string
  /** What the job is about: "mint:<uuid>". */
  subject: string | null
  run: number
  workerId: string | null
  /** When the job was fetched, by Postgres's clock. */
  startedAt: Date
  ranMs: number
  /** From when it might have run until it did. */
  waitMs: number
  /** `failed` has ended without success; `retry` and `snooze` come again. */
  outcome: 'done' | 'retry' | 'snooze' | 'failed'
  reason: string | null
  error: JobError | null
  counts: JobCounts
  /** Known for a snooze; a retry's own backoff is the queue's. */
  nextRunAt: Date | null
}

type RunContext = Pick<Ctx, 'db'>
const endOf = (run: JobRun) => new Date(run.startedAt.getTime() + run.ranMs)

/**
 * Writes runs, error groups, the minute's counters and how schedules ended in one statement. Throws
 * when the database does not accept it.
 */
export async function recordRuns(ctx: RunContext, runs: JobRun[]): Promise<void> {
  if (runs.length === 0) return
  const known = runs.map((run) => ({
    run,
    group: run.error ? errorGroupOf(run.jobName, run.error) : null,
  }))
  const rows = known.map(({ run, group }) => ({
    job_id: run.jobId,
    job_name: run.jobName,
    subject: run.subject,
    run: run.run,
    worker_id: run.workerId,
    started_at: run.startedAt,
    ended_at: endOf(run),
    outcome: run.outcome,
    reason: run.error ? cut(errorSentence(run.error), 500) : run.reason,
    fingerprint: group?.fingerprint ?? null,
    http_status: run.error?.status ?? null,
    next_run_at: run.nextRunAt,
  }))
  // Losing the last moment of history in a crash of Postgres is fine, and the row of a minute is
  // then locked for an instant only.
  await ctx.db.$executeRaw`
    with lazily as (select set_config('synchronous_commit', 'off', true)),
    runs as (
      insert into keymint.job_runs (job_id, job_name, subject, run, worker_id, started_at, ended_at, outcome,
        reason, fingerprint, http_status, next_run_at)
      select r.* from lazily,
        jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r (job_id uuid, job_name text, subject text,
        run int, worker_id text,
        started_at timestamptz, ended_at timestamptz, outcome text, reason text, fingerprint text,
          http_status int, next_run_at timestamptz)
      returning 1),
    minutes as (
      insert into keymint.job_minutes as m (name, minute, done, failed, put_off, errors, wait_bins, run_bins)
      select r.* from jsonb_to_recordset(${JSON.stringify(minutesOf(known))}::jsonb) as r (name text,
        minute timestamptz, done int, failed int, put_off int, errors int, wait_bins int[], run_bins int[])
      on conflict (name, minute) do update
        set done = m.done + excluded.done, failed = m.failed + excluded.failed,
        put_off = m.put_off + excluded.put_off, errors = m.errors + excluded.errors,
        wait_bins = keymint.add_bins(m.wait_bins, excluded.wait_bins),
          run_bins = keymint.add_bins(m.run_bins, excluded.run_bins)
      returning 1),
    scheduled as (
      insert into keymint.schedule_results as s (name, job_id, started_at, ended_at, outcome, reason, counts)
      select r.* from jsonb_to_recordset(${JSON.stringify(resultsOf(known))}::jsonb) as r (name text,
        job_id uuid, started_at timestamptz, ended_at timestamptz, outcome text, reason text, counts jsonb)
      on conflict (name) do update
        set job_id = excluded.job_id, started_at = excluded.started_at, ended_at = excluded.ended_at,
        outcome = excluded.outcome, reason = excluded.reason, counts = excluded.counts
        where s.started_at <= excluded.started_at
      returning 1)
    insert into keymint.error_groups as g (fingerprint, class, message, http_status, job_names, count,
      first_seen, last_seen, sample_job_id, sample_words)
    select r.* from jsonb_to_recordset(${JSON.stringify(groupsOf(known))}::jsonb) as r (fingerprint text,
      class text, message text, http_status int, job_names text[], count bigint,
      first_seen timestamptz, last_seen timestamptz, sample_job_id uuid, sample_words text)
    on conflict (fingerprint) do update
      set count = g.count + excluded.count, last_seen = greatest(g.last_seen, excluded.last_seen),
      sample_job_id = excluded.sample_job_id,
      sample_words = excluded.sample_words,
        job_names = array(select distinct name from unnest(g.job_names || excluded.job_names) as name
        order by name)`
}

type Known = { run: JobRun; group: ErrorGroupKey | null }

/** Sorted, so that two workers lock the same rows in the same order. */
function minutesOf(known: Known[]) {
  const minutes = new Map<
    string,
    {
      name: string
      minute: string
      done: number
      failed: number
      put_off: number
      errors: number
      wait_bins: number[]
      run_bins: number[]
    }
  >()
  for (const { run, group } of known) {
    const minute = `${endOf(run).toISOString().slice(0, 16)}:00Z`
    const key = `${run.jobName} ${minute}`
    const counters = minutes.get(key) ?? {
      name: run.jobName,
      minute,
      done: 0,
      failed: 0,
      put_off: 0,
      errors: 0,
      wait_bins: noBins(),
      run_bins: noBins(),
    }
    if (run.outcome === 'done') counters.done++
    else if (run.outcome === 'snooze') counters.put_off++
    else counters.failed++
    if (group) counters.errors++
    counters.wait_bins = addBins(counters.wait_bins, single(run.waitMs))
    counters.run_bins = addBins(counters.run_bins, single(run.ranMs))
    minutes.set(key, counters)
  }
  return [...minutes.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, counters]) => counters)
}

const scheduledNames: ReadonlySet<string> = new Set(schedules.map(({ name }) => name))

/** The newest run of each schedule; sorted, as the minutes are. */
function resultsOf(known: Known[]) {
  const newest = new Map<string, JobRun>()
  for (const { run } of known) {
    const other = newest.get(run.jobName)
    if (scheduledNames.has(run.jobName) && !(other && other.startedAt > run.startedAt))
      newest.set(run.jobName, run)
  }
  return [...newest.values()]
    .sort((a, b) => (a.jobName < b.jobName ? -1 : 1))
    .map((run) => ({
      name: run.jobName,
      job_id: run.jobId,
      started_at: run.startedAt,
      ended_at: endOf(run),
      outcome: run.outcome,
      reason: run.error ? cut(errorSentence(run.error), 500) : run.reason,
      counts: run.counts,
    }))
}

function groupsOf(known: Known[]) {
  const groups = new Map<
    string,
    {
      fingerprint: string
      class: string
      message: string | null
      http_status: number | null
      job_names: string[]
      count: number
      first_seen: Date
      last_seen: Date
      sample_job_id: string
      sample_words: string
    }
  >()
  for (const { run, group } of known) {
    if (!group || !run.error) continue
    const at = endOf(run)
    const old = groups.get(group.fingerprint)
    groups.set(group.fingerprint, {
      fingerprint: group.fingerprint,
      class: group.class,
      message: group.message,
      http_status: group.status,
      job_names: [...new Set([...(old?.job_names ?? []), run.jobName])].sort(),
      count: (old?.count ?? 0) + 1,
      first_seen: old && old.first_seen < at ? old.first_seen : at,
      last_seen: old && old.last_seen > at ? old.last_seen : at,
      sample_job_id: run.jobId,
      sample_words: cut(errorSentence(run.error), 500),
    })
  }
  return [...groups.values()].sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1))
}

function single(ms: number): number[] {
  const bins = noBins()
  bins[binOf(ms)] = 1
  return bins
}

const maxPrunedAtOnce = 5_000

/**
 * Deletes runs after 7 days, errors not seen for 30 days, minutes after 30. A few thousand
 * rows at a time, the oldest first.
 */
export async function pruneHistory(ctx: RunContext): Promise<number> {
  const runs = await ctx.db.$executeRaw`
    delete from keymint.job_runs
      where id in (select id from keymint.job_runs order by id limit ${maxPrunedAtOnce}::int)
      and ended_at < now() - interval '7 days'`
  const groups = await ctx.db
    .$executeRaw`delete from keymint.error_groups where last_seen < now() - interval '30 days'`
  const minutes = await ctx.db.$executeRaw`
    delete from keymint.job_minutes where name = any(${Object.keys(catalog)})
      and minute < now() - interval '30 days'`
  // Of jobs that nobody runs any more. Worth no report.
  await ctx.db.$executeRaw`
    delete from keymint.job_holders h where h.fetched_at < now() - interval '1 min' and not exists (
      select 1 from pgboss.job j where j.name = h.job_name and j.id = h.job_id and j.state = 'active'
        and j.retry_count = h.retry_count)`
  return runs + groups + minutes
}

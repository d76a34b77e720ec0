/**
 * What runs by itself: every schedule with how its last run ended, and every queue with its last
 * hour. Counts stop at a thousand; the hour is read from counters.
 */
import { catalog, schedules, type JobName } from '~/adapters/job-catalog'
import { chainAuditSeconds } from '../../audit/chain.server'
import type { Ctx } from '../../ctx'
import type { JobCounts } from '../../job-outcome'
import {
  readPausedQueues,
  stakesOf,
  type PausedQueue,
  type QueueStakes,
} from '../../operations/paused-queues.server'
import { sweepSeconds } from '../../operations/sweep.server'
import { nextRun } from './next-run'
import type { ScheduledName } from './run-now.server'
import type { CappedCount } from './types'

export type ScheduleView = {
  name: ScheduledName
  /** How often it runs, by cron in UTC or in seconds. */
  every: { cron: string } | { seconds: number }
  last: {
    jobId: string
    startedAt: string
    ranMs: number
    outcome: 'done' | 'retry' | 'snooze' | 'failed'
    reason: string | null
    counts: JobCounts
  } | null
  /** Null while its queue is paused, or while it runs. */
  nextAt: string | null
  running: { since: string } | null
  paused: PausedQueue | null
}

export type QueueView = {
  name: JobName
  stakes: QueueStakes
  paused: PausedQueue | null
  waiting: CappedCount
  running: number
  /** The last hour by the minute, oldest first. */
  hour: { done: number; failed: number; waiting: number }[]
}

export type SchedulesPage = {
  schedules: ScheduleView[]
  queues: QueueView[]
  asOf: string
}

export async function readSchedulesPage(ctx: Ctx): Promise<SchedulesPage> {
  const paused = new Map((await readPausedQueues(ctx)).map((queue) => [queue.name, queue]))
  const [scheduleViews, queues] = await Promise.all([
    readSchedules(ctx, paused),
    readQueues(ctx, paused),
  ])
  return { schedules: scheduleViews, queues, asOf: ctx.now().toISOString() }
}

function everyOf(ctx: Ctx, name: JobName, cron: string): ScheduleView['every'] {
  if (name === 'sweep') return { seconds: sweepSeconds }
  if (name === 'chain-audit') return { seconds: chainAuditSeconds }
  const seconds = ctx.settings.readUsageSeconds
  return name === 'read-accounts' && seconds < 60 ? { seconds } : { cron }
}

async function readSchedules(ctx: Ctx, paused: Map<string, PausedQueue>): Promise<ScheduleView[]> {
  const names = schedules.map(({ name }) => name)
  type JobRow = { name: string; waitsUntil: Date | null; runsSince: Date | null }
  const [results, jobs] = await Promise.all([
    ctx.db.scheduleResult.findMany(),
    ctx.db.$queryRaw<JobRow[]>`
      select name, min(start_after) filter (where state <> 'active') as "waitsUntil",
        min(started_on) filter (where state = 'active') as "runsSince"
      from pgboss.job where name = any(${names}) and state in ('created', 'retry', 'active') group by name`,
  ])
  const resultOf = new Map(results.map((result) => [result.name, result]))
  const jobOf = new Map(jobs.map((job) => [job.name, job]))
  return schedules.map(({ name, cron }): ScheduleView => {
    const every = everyOf(ctx, name, cron)
    const result = resultOf.get(name)
    const runsSince = jobOf.get(name)?.runsSince ?? null
    const held = paused.get(name) ?? null
    return {
      name: name as ScheduledName,
      every,
      last: result
        ? {
            jobId: result.jobId,
            startedAt: result.startedAt.toISOString(),
            ranMs: result.endedAt.getTime() - result.startedAt.getTime(),
            outcome: result.outcome as NonNullable<ScheduleView['last']>['outcome'],
            reason: result.reason,
            counts: result.counts as JobCounts,
          }
        : null,
      nextAt:
        held || runsSince
          ? null
          : nextOf(ctx.now(), every, cron, jobOf.get(name)?.waitsUntil, result?.startedAt),
      running: runsSince && { since: runsSince.toISOString() },
      paused: held,
    }
  })
}

/** A job that waits, or the moment that sends one, whichever is sooner. */
function nextOf(
  now: Date,
  every: ScheduleView['every'],
  cron: string,
  waitsUntil: Date | null | undefined,
  lastAt: Date | undefined,
): string {
  const bySchedule =
    'seconds' in every && lastAt
      ? Math.min(lastAt.getTime() + every.seconds * 1_000, nextRun(cron, now).getTime())
      : nextRun(cron, now).getTime()
  const soonest = Math.min(bySchedule, waitsUntil?.getTime() ?? Number.POSITIVE_INFINITY)
  return new Date(Math.max(soonest, now.getTime())).toISOString()
}

const maxCounted = 1_000
const minutesShown = 60
const minuteMs = 60_000

async function readQueues(ctx: Ctx, paused: Map<string, PausedQueue>): Promise<QueueView[]> {
  const names = Object.keys(catalog) as JobName[]
  const to = Math.floor(ctx.now().getTime() / minuteMs) * minuteMs
  const from = new Date(to - (minutesShown - 1) * minuteMs)
  type Minute = { name: string; minute: Date; done: number; failed: number; waiting: number }
  const [counts, minutes] = await Promise.all([
    ctx.db.$queryRaw<{ name: string; waiting: number; running: number }[]>`
      select n.name, (select count(*)::int from (select 1 from pgboss.job j where j.name = n.name
          and j.state in ('created', 'retry') limit ${maxCounted + 1}::int) few) as waiting,
        (select count(*)::int from pgboss.job j where j.name = n.name and j.state = 'active') as running
      from unnest(${names}::text[]) n(name)`,
    ctx.db.$queryRaw<Minute[]>`
      select name, minute, sum(done)::int as done, sum(failed)::int as failed, max(waiting)::int as waiting from (
        select name, minute, done, failed, 0 as waiting from keymint.job_minutes
          where name = any(${names}) and minute >= ${from}
        union all
        select name, date_trunc('minute', captured_on), 0, 0, ready_count from pgboss.queue_stats
          where name = any(${names}) and captured_on >= ${from}) seen
      group by name, minute`,
  ])
  const countOf = new Map(counts.map((row) => [row.name, row]))
  const minutesOf = Map.groupBy(minutes, (row) => row.name)
  return names.map((name): QueueView => {
    const hour = Array.from({ length: minutesShown }, () => ({ done: 0, failed: 0, waiting: 0 }))
    for (const { minute, done, failed, waiting } of minutesOf.get(name) ?? []) {
      const place = Math.floor((minute.getTime() - from.getTime()) / minuteMs)
      if (hour[place]) hour[place] = { done, failed, waiting }
    }
    const { waiting = 0, running = 0 } = countOf.get(name) ?? {}
    return {
      name,
      stakes: stakesOf(name),
      paused: paused.get(name) ?? null,
      waiting: { count: Math.min(waiting, maxCounted), more: waiting > maxCounted },
      running,
      hour,
    }
  })
}

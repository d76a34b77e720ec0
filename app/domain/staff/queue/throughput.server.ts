/**
 * What the queue did per minute, and how long jobs waited and ran: read from counters, never from
 * jobs.
 */
import type { Ctx } from '../../ctx'
import { addBins, noBins, quantileMs } from '../../operations/histogram'
import type { Quantiles, Throughput, ThroughputSpan } from './types'

const spans: Record<ThroughputSpan, { hours: number; stepMinutes: number }> = {
  hour: { hours: 1, stepMinutes: 1 },
  day: { hours: 24, stepMinutes: 15 },
}

type Counters = {
  done: number
  failed: number
  snooze: number
  waitBins: number[]
  runBins: number[]
}
const nothing = (): Counters => ({
  done: 0,
  failed: 0,
  snooze: 0,
  waitBins: noBins(),
  runBins: noBins(),
})

/**
 * The last hour by the minute, or the last day by the quarter of an hour, of one job. The present
 * step is part of it, unfinished.
 */
export async function readThroughput(
  ctx: Pick<Ctx, 'db' | 'now'>,
  options: { span: ThroughputSpan; job: string },
): Promise<Throughput> {
  const { hours, stepMinutes } = spans[options.span]
  const stepMs = stepMinutes * 60_000
  const to = (Math.floor(ctx.now().getTime() / stepMs) + 1) * stepMs
  const from = to - hours * 3_600_000
  const rows = await ctx.db.$queryRaw<(Counters & { minute: Date })[]>`
    select minute, done, failed, put_off as "snooze", wait_bins as "waitBins", run_bins as "runBins"
      from keymint.job_minutes where name = ${options.job} and minute >= ${new Date(from)} order by minute`
  const steps = Array.from({ length: (to - from) / stepMs }, nothing)
  for (const row of rows) {
    const index = Math.floor((row.minute.getTime() - from) / stepMs)
    const step = steps[index]
    if (step) steps[index] = add(step, row)
  }
  const all = steps.reduce(add, nothing())
  return {
    span: options.span,
    job: options.job,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    stepSeconds: stepMinutes * 60,
    points: steps.map((step, index) => ({
      at: new Date(from + index * stepMs).toISOString(),
      done: step.done / stepMinutes,
      failed: step.failed / stepMinutes,
      snooze: step.snooze / stepMinutes,
      wait: quantiles(step.waitBins),
      run: quantiles(step.runBins),
    })),
    total: {
      done: all.done,
      failed: all.failed,
      snooze: all.snooze,
      wait: quantiles(all.waitBins),
      run: quantiles(all.runBins),
    },
  }
}

function add(one: Counters, other: Counters): Counters {
  return {
    done: one.done + other.done,
    failed: one.failed + other.failed,
    snooze: one.snooze + other.snooze,
    waitBins: addBins(one.waitBins, other.waitBins),
    runBins: addBins(one.runBins, other.runBins),
  }
}

function quantiles(bins: number[]): Quantiles {
  const seconds = (share: number) => {
    const ms = quantileMs(bins, share)
    return ms === null ? null : ms / 1000
  }
  return { p50: seconds(0.5), p95: seconds(0.95) }
}

/** What the queue did per minute, and how long jobs waited and ran: read from kept figures and drawn to paths here. */
import { scaleLinear, scaleTime } from 'd3-scale'
import { line } from 'd3-shape'
import type { Ctx } from '../ctx'
import { addBins, noBins, quantileMs } from './histogram'
import type { Chart, Throughput } from './types'

export const chartBox = { width: 560, height: 150, left: 44, right: 96, top: 10, bottom: 24 } as const
const stepMinutes = { 1: 1, 24: 15 } as const

type Bucket = { at: Date; done: number; failed: number; putOff: number; wait: number[]; run: number[] }
type Series = { label: string; dash: string | null; valueOf: (bucket: Bucket) => number | null }

/** The last hour by the minute, or the last day by the quarter of an hour; of one job, by default of making keys. */
export async function readThroughput(ctx: Ctx, options: { hours: 1 | 24; job: string }): Promise<Throughput> {
  const buckets = await readBuckets(ctx, options)
  const perMinute = stepMinutes[options.hours]
  const total = (valueOf: (bucket: Bucket) => number) => buckets.reduce((sum, bucket) => sum + valueOf(bucket), 0)
  const [done, failed, putOff] = [total((bucket) => bucket.done), total((bucket) => bucket.failed), total((bucket) => bucket.putOff)]
  const wait = buckets.reduce((sum, bucket) => addBins(sum, bucket.wait), noBins())
  const run = buckets.reduce((sum, bucket) => addBins(sum, bucket.run), noBins())
  const span = options.hours === 1 ? 'the last hour' : 'the last 24 hours'
  const seconds = (quantile: number, of: 'wait' | 'run') => (bucket: Bucket) => {
    const ms = quantileMs(bucket[of], quantile)
    return ms === null ? null : ms / 1000
  }
  const latency = (title: string, of: 'wait' | 'run', bins: number[], verb: string): Chart => draw(buckets, {
    title, unit: 's', sentence: bins.some((count) => count > 0) ? `Half of the runs of ${span} ${verb} less than about ${secondsWords(quantileMs(bins, 0.5))}, 95 of 100 less than about ${secondsWords(quantileMs(bins, 0.95))}.` : `Nothing ran in ${span}.`,
    series: [{ label: 'p50', dash: null, valueOf: seconds(0.5, of) }, { label: 'p95', dash: '6 3', valueOf: seconds(0.95, of) }],
  })
  return {
    hours: options.hours,
    empty: done + failed + putOff === 0,
    charts: [
      draw(buckets, {
        title: 'Runs per minute', unit: '', sentence: `In ${span}: ${done} done, ${failed} failed, ${putOff} put off.`,
        series: [
          { label: 'done', dash: null, valueOf: (bucket) => bucket.done / perMinute },
          { label: 'failed', dash: '6 3', valueOf: (bucket) => bucket.failed / perMinute },
          { label: 'put off', dash: '1.5 3', valueOf: (bucket) => bucket.putOff / perMinute },
        ],
      }),
      latency('Waited before a run', 'wait', wait, 'waited'),
      latency('Time of a run', 'run', run, 'took'),
    ],
  }
}

async function readBuckets(ctx: Ctx, { hours, job }: { hours: 1 | 24; job: string }): Promise<Bucket[]> {
  const stepMs = stepMinutes[hours] * 60_000
  const first = Math.floor(ctx.now().getTime() / stepMs) * stepMs - hours * 3_600_000 + stepMs
  const rows = await ctx.db.$queryRaw<{ minute: Date; done: number; failed: number; putOff: number; wait: number[]; run: number[] }[]>`
    select minute, done, failed, put_off as "putOff", wait_bins as wait, run_bins as run from keymint.job_minutes where name = ${job} and minute >= ${new Date(first)} order by minute`
  const buckets = Array.from({ length: (hours * 3_600_000) / stepMs }, (_, index): Bucket => ({ at: new Date(first + index * stepMs), done: 0, failed: 0, putOff: 0, wait: noBins(), run: noBins() }))
  for (const row of rows) {
    const bucket = buckets[Math.floor((row.minute.getTime() - first) / stepMs)]
    if (!bucket) continue
    bucket.done += row.done
    bucket.failed += row.failed
    bucket.putOff += row.putOff
    bucket.wait = addBins(bucket.wait, row.wait)
    bucket.run = addBins(bucket.run, row.run)
  }
  return buckets
}

function draw(buckets: Bucket[], input: { title: string; sentence: string; unit: string; series: Series[] }): Chart {
  const { width, height, left, right, top, bottom } = chartBox
  const most = Math.max(0, ...input.series.flatMap(({ valueOf }) => buckets.map((bucket) => valueOf(bucket) ?? 0)))
  const x = scaleTime().domain([buckets[0]?.at ?? new Date(0), buckets.at(-1)?.at ?? new Date(1)]).range([left, width - right])
  const y = scaleLinear().domain([0, most || 1]).nice(3).range([height - bottom, top])
  const label = (value: number) => `${Number(value.toPrecision(3))}${input.unit && ` ${input.unit}`}`
  return {
    title: input.title, sentence: input.sentence, unit: input.unit,
    lines: spreadLabels(input.series.map(({ label: name, dash, valueOf }) => {
      const path = line<Bucket>().defined((bucket) => valueOf(bucket) !== null).x((bucket) => x(bucket.at)).y((bucket) => y(valueOf(bucket) ?? 0))(buckets) ?? ''
      const last = buckets.map(valueOf).findLast((value) => value !== null) ?? null
      return { label: name, path: path.replace(/\d+\.\d+/g, (number) => Number(number).toFixed(1)), dash, last: last === null ? null : label(last), endY: last === null ? null : Math.round(y(last)) }
    })),
    yTicks: y.ticks(3).map((value) => ({ y: Math.round(y(value)), label: label(value) })),
    xTicks: x.ticks(4).map((at) => ({ x: Math.round(x(at)), label: at.toISOString().slice(11, 16), iso: at.toISOString() })),
    table: {
      head: ['Until (UTC)', ...input.series.map((one) => one.label)],
      rows: buckets.filter((bucket) => input.series.some(({ valueOf }) => (valueOf(bucket) ?? 0) > 0))
        .map((bucket) => [bucket.at.toISOString().slice(0, 16).replace('T', ' '), ...input.series.map(({ valueOf }) => { const value = valueOf(bucket); return value === null ? '' : label(value) })]),
    },
  }
}

/** Names stand at the end of their lines; those that would cover each other move apart. */
function spreadLabels(lines: Chart['lines']): Chart['lines'] {
  const shown = lines.filter((one) => one.endY !== null).sort((a, b) => (a.endY ?? 0) - (b.endY ?? 0))
  let lowest = chartBox.height - chartBox.bottom
  for (const one of [...shown].reverse()) {
    one.endY = Math.min(one.endY ?? 0, lowest)
    lowest = one.endY - 14
  }
  return lines
}

function secondsWords(ms: number | null): string {
  if (ms === null) return '0 s'
  return ms < 1_000 ? `${Math.max(1, Math.round(ms))} ms` : `${Number((ms / 1000).toPrecision(2))} s`
}

/** The three charts of the queue page: runs, waiting time, running time. */
import { numberText } from '~/messages/text'
import type { ChartView } from '~/components/base/chart-view'
import type { Quantiles, Throughput, ThroughputPoint } from '~/domain/staff/queue/types'
import { chartClock, drawChart } from './draw-chart.server'

export function queueCharts(throughput: Throughput): ChartView[] {
  const { points, total, stepSeconds, from, to } = throughput
  const frame = { from, to, stepSeconds }
  const span = throughput.span === 'hour' ? 'in the last hour' : 'in the last 24 hours'
  const busy = points.filter((point) => point.done + point.failed + point.snooze > 0)
  const at = (point: ThroughputPoint) => chartClock(point.at, stepSeconds)
  const series = (valueOf: (point: ThroughputPoint) => number | null) =>
    points.map((point) => ({ at: point.at, value: valueOf(point) }))
  const latency = (
    title: string,
    verb: string,
    of: (point: { wait: Quantiles; run: Quantiles }) => Quantiles,
  ) =>
    drawChart(
      {
        ...frame,
        title,
        whole: false,
        label: secondsLabel,
        head: ['From (UTC)', 'Half within', '95 of 100 within'],
        sentence:
          of(total).p50 === null
            ? `Nothing ran ${span}.`
            : `Half ${verb} less than ${secondsLabel(of(total).p50)}, 95 of 100 less than ` +
              `${secondsLabel(of(total).p95)} ${span} (about).`,
        rows: busy.map((point) => [
          at(point),
          secondsLabel(of(point).p50),
          secondsLabel(of(point).p95),
        ]),
      },
      [
        {
          name: '95 of 100 within (p95)',
          look: 'dashes',
          points: series((point) => of(point).p95),
        },
        { name: 'Half within (p50)', look: 'line', points: series((point) => of(point).p50) },
      ],
    )
  return [
    drawChart(
      {
        ...frame,
        title: 'Runs a minute',
        whole: false,
        label: numberText,
        head: ['From (UTC)', 'Done', 'Failed', 'Snoozed'],
        sentence:
          total.done + total.failed + total.snooze === 0
            ? `Nothing ran ${span}.`
            : `${count(total.done)} done, ${count(total.failed)} failed and ${count(total.snooze)} snoozed ${span}.`,
        rows: busy.map((point) => [
          at(point),
          count(point.done),
          count(point.failed),
          count(point.snooze),
        ]),
      },
      [
        { name: 'Done', look: 'bars', points: series((point) => point.done) },
        ...(total.snooze > 0
          ? [{ name: 'Snoozed', look: 'dashes' as const, points: series((point) => point.snooze) }]
          : []),
        ...(total.failed > 0
          ? [{ name: 'Failed', look: 'dots' as const, points: series((point) => point.failed) }]
          : []),
      ],
    ),
    latency('Wait before a run', 'waited', (point) => point.wait),
    latency('Duration of a run', 'took', (point) => point.run),
  ]
}

const count = (value: number) => value.toLocaleString('en-US', { maximumFractionDigits: 1 })

function secondsLabel(seconds: number | null): string {
  if (seconds === null) return ''
  if (seconds === 0) return '0 s'
  if (seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))} ms`
  return seconds < 120 ? `${Number(seconds.toPrecision(2))} s` : `${Math.round(seconds / 60)} min`
}

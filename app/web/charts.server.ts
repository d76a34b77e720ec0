/** The charts of activity: claims, time to a key, and spending. */
import { numberText } from '~/messages/text'
import type { ChartView } from '~/components/base/chart-view'
import type { Activity, SpendPoint } from '~/domain/staff/series.server'
import { formatUsd, nanoFromUsdNumber } from '~/money'
import { chartClock, drawChart } from './draw-chart.server'

/** Claims, waits and spend of one span of time, in this order. */
export function activityCharts(activity: Activity): ChartView[] {
  const { from, to, stepSeconds, points, spend } = activity
  const step = stepLabel(stepSeconds)
  const frame = { from, to, stepSeconds }
  const busiest = points.reduce(
    (max, point) => (point.claims > max.claims ? point : max),
    points[0] ?? { at: from, claims: 0 },
  )
  const span = `between ${chartClock(from, stepSeconds)} and ${chartClock(to, stepSeconds)} UTC`
  const first = spend[0]
  const last = spend.at(-1)
  const busy = points.filter((point) => point.claims + point.keys + point.refused > 0)
  const waited = points.filter((point) => point.p95 !== null)
  return [
    drawChart(
      {
        ...frame,
        whole: true,
        title: `Claims ${step}`,
        label: numberText,
        head: ['From (UTC)', 'Claims', 'Keys created', 'Refused'],
        sentence:
          activity.claims === 0
            ? `No claims ${span}.`
            : `${amount(activity.claims, 'claim')} and ${amount(activity.keys, 'key')} created ${span}; ` +
              `the peak was ${busiest.claims} ${step}, at ${chartClock(busiest.at, stepSeconds)}.`,
        rows: busy.map((point) => [
          chartClock(point.at, stepSeconds),
          String(point.claims),
          String(point.keys),
          String(point.refused),
        ]),
      },
      [
        {
          name: 'Claims',
          look: 'bars',
          points: points.map((point) => ({ at: point.at, value: point.claims })),
        },
      ],
    ),
    drawChart(
      {
        ...frame,
        whole: false,
        title: 'Time to a key',
        label: (value) => (value < 1 ? `${Number(value.toPrecision(3))} s` : secondsLabel(value)),
        head: ['From (UTC)', 'Half within', '95 of 100 within'],
        sentence:
          activity.p50 === null || activity.p95 === null
            ? `No first keys ${span}.`
            : `Half of all first keys took at most ${secondsLabel(activity.p50)}, 95 of 100 at most ` +
              `${secondsLabel(activity.p95)} (within an eighth).`,
        rows: waited.map((point) => [
          chartClock(point.at, stepSeconds),
          secondsLabel(point.p50 ?? 0),
          secondsLabel(point.p95 ?? 0),
        ]),
      },
      [
        {
          name: '95 of 100 within',
          look: 'dashes',
          points: points.map((point) => ({ at: point.at, value: point.p95 })),
        },
        {
          name: 'Half within',
          look: 'line',
          points: points.map((point) => ({ at: point.at, value: point.p50 })),
        },
      ],
    ),
    drawChart(
      {
        ...frame,
        whole: false,
        title: 'Spent',
        label: (value) => formatUsd(nanoFromUsdNumber(value), { exact: true }),
        head: ['At (UTC)', 'Total spent'],
        sentence:
          !first || !last
            ? `No usage was recorded ${span}.`
            : spentSentence(first, last, stepSeconds),
        rows: spend.map((point) => [chartClock(point.at, stepSeconds), dollars(point.usd)]),
      },
      [
        {
          name: 'Spent',
          look: 'area',
          points: spend.map((point) => ({ at: point.at, value: point.usd })),
        },
      ],
    ),
  ]
}

function spentSentence(first: SpendPoint, last: SpendPoint, stepSeconds: number): string {
  const since =
    last.usd > first.usd
      ? `, ${dollars(last.usd - first.usd)} of it since ${chartClock(first.at, stepSeconds)}`
      : ''
  return `${dollars(last.usd)} spent in total at ${chartClock(last.at, stepSeconds)} UTC${since}.`
}

const amount = (count: number, noun: string) =>
  `${numberText(count)} ${noun}${count === 1 ? '' : 's'}`
const dollars = (usd: number) => formatUsd(nanoFromUsdNumber(usd))

function secondsLabel(seconds: number): string {
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`
}

function stepLabel(stepSeconds: number): string {
  return stepSeconds === 60
    ? 'a minute'
    : stepSeconds < 3_600
      ? `every ${stepSeconds / 60} minutes`
      : `every ${stepSeconds / 3_600} hours`
}

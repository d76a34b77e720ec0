/** Draws the charts of the pages for staff, on the server: the browser gets paths, and the figures as a table. */
import { scaleLinear, scaleUtc } from 'd3-scale'
import { area, line } from 'd3-shape'
import type { ChartLine, ChartView } from '~/components/chart-view'
import type { Activity } from '~/domain/figures/series.server'
import { formatUsd, nanoFromUsdNumber } from '~/money'

const width = 360
const height = 168
const left = 52
const right = 10
const top = 12
const bottom = 24

type Point = { at: string; value: number | null }
type Series = { name: string; look: ChartLine['look']; points: Point[] }
type Frame = { title: string; sentence: string; from: string; to: string; head: string[]; rows: string[][]; words: (value: number) => string; stepSeconds: number; whole: boolean }

/** Claims, waits and spend of one span of time, in this order. */
export function activityCharts(activity: Activity): ChartView[] {
  const { from, to, stepSeconds, points, spend } = activity
  const step = stepWords(stepSeconds)
  const frame = { from, to, stepSeconds }
  const busiest = points.reduce((most, point) => (point.claims > most.claims ? point : most), points[0] ?? { at: from, claims: 0 })
  const span = `between ${clock(from, stepSeconds)} and ${clock(to, stepSeconds)} UTC`
  const first = spend[0]
  const last = spend.at(-1)
  const busy = points.filter((point) => point.claims + point.keys + point.refused > 0)
  const waited = points.filter((point) => point.p95 !== null)
  return [
    draw({
      ...frame, whole: true, title: `Claims ${step}`, words: (value) => value.toLocaleString('en-US'), head: ['From (UTC)', 'Claims', 'Keys made', 'Refused'],
      sentence: activity.claims === 0 ? `Nobody claimed ${span}.` : `${amount(activity.claims, 'claim')} and ${amount(activity.keys, 'key')} made ${span}; the most at once were ${busiest.claims} ${step}, at ${clock(busiest.at, stepSeconds)}.`,
      rows: busy.map((point) => [clock(point.at, stepSeconds), String(point.claims), String(point.keys), String(point.refused)]),
    }, [{ name: 'Claims', look: 'bars', points: points.map((point) => ({ at: point.at, value: point.claims })) }]),
    draw({
      ...frame, whole: false, title: 'Time to a key', words: secondsWords, head: ['From (UTC)', 'Half within', '95 of 100 within'],
      sentence: activity.p50 === null || activity.p95 === null ? `Nobody got a first key ${span}.` : `Half of all first keys were there within ${secondsWords(activity.p50)}, 95 of 100 within ${secondsWords(activity.p95)} (to within an eighth).`,
      rows: waited.map((point) => [clock(point.at, stepSeconds), secondsWords(point.p50 ?? 0), secondsWords(point.p95 ?? 0)]),
    }, [
      { name: '95 of 100 within', look: 'dashes', points: points.map((point) => ({ at: point.at, value: point.p95 })) },
      { name: 'Half within', look: 'line', points: points.map((point) => ({ at: point.at, value: point.p50 })) },
    ]),
    draw({
      ...frame, whole: false, title: 'Spent', words: (value) => formatUsd(nanoFromUsdNumber(value)), head: ['At (UTC)', 'Spent in all'],
      sentence: !first || !last ? `No reading of what was spent ${span}.` : `${dollars(last.usd)} spent in all at ${clock(last.at, stepSeconds)} UTC${last.usd > first.usd ? `, ${dollars(last.usd - first.usd)} of it since ${clock(first.at, stepSeconds)}` : ''}.`,
      rows: spend.map((point) => [clock(point.at, stepSeconds), dollars(point.usd)]),
    }, [{ name: 'Spent', look: 'area', points: spend.map((point) => ({ at: point.at, value: point.usd })) }]),
  ]
}

function draw(frame: Frame, series: Series[]): ChartView {
  const values = series.flatMap((one) => one.points.flatMap((point) => point.value ?? []))
  const most = Math.max(...values, 0)
  const x = scaleUtc([new Date(frame.from), new Date(frame.to)], [left, width - right])
  const y = scaleLinear([0, most === 0 ? 1 : most], [height - bottom, top]).nice(3)
  const xTicks = x.ticks(3)
  return {
    title: frame.title, sentence: frame.sentence, width, height, left, empty: most === 0 && frame.rows.length === 0,
    lines: series.map((one) => ({ name: one.name, look: one.look, path: pathOf(one, (at) => x(new Date(at)), y, frame.stepSeconds, (width - left - right) / ((Date.parse(frame.to) - Date.parse(frame.from)) / 1000 / frame.stepSeconds)) })),
    yTicks: y.ticks(3).filter((tick) => !frame.whole || Number.isInteger(tick)).map((tick) => ({ y: round(y(tick)), words: frame.words(tick) })),
    xTicks: xTicks.map((tick) => ({ x: round(x(tick)), words: clock(tick.toISOString(), frame.stepSeconds), anchor: x(tick) > width - 40 ? 'end' : x(tick) < left + 24 ? 'start' : 'middle' })),
    table: { head: frame.head, rows: frame.rows },
  }
}

/** Where there is no value a line breaks off; a value alone between two gaps is a dot. */
function pathOf(series: Series, x: (at: string) => number, y: (value: number) => number, stepSeconds: number, stepWidth: number): string {
  const base = y(0)
  if (series.look === 'bars') {
    const bar = Math.max(1, stepWidth - 1)
    return series.points.filter((point) => (point.value ?? 0) > 0).map((point) => `M${round(x(point.at))},${round(base)}h${round(bar)}V${round(y(point.value ?? 0))}h-${round(bar)}Z`).join('')
  }
  const middle = (at: string) => (series.look === 'area' ? x(at) : x(new Date(Date.parse(at) + stepSeconds * 500).toISOString()))
  const defined = (point: Point) => point.value !== null
  if (series.look === 'area') return area<Point>().defined(defined).x((point) => round(middle(point.at))).y0(round(base)).y1((point) => round(y(point.value ?? 0)))(series.points) ?? ''
  return line<Point>().defined(defined).x((point) => round(middle(point.at))).y((point) => round(y(point.value ?? 0)))(series.points) ?? ''
}

const round = (value: number) => Math.round(value * 10) / 10
const amount = (count: number, noun: string) => `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`
const dollars = (usd: number) => formatUsd(nanoFromUsdNumber(usd))

function secondsWords(seconds: number): string {
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`
}

function stepWords(stepSeconds: number): string {
  return stepSeconds === 60 ? 'a minute' : stepSeconds < 3_600 ? `every ${stepSeconds / 60} minutes` : `every ${stepSeconds / 3_600} hours`
}

/** The day as well, where steps are so long that a clock alone would leave it open. */
function clock(iso: string, stepSeconds: number): string {
  const time = iso.slice(11, 16)
  return stepSeconds > 3_600 ? `${new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'short' }).format(new Date(iso))} ${time}` : time
}

/** Draws a chart on the server: the browser gets paths, and the data as a table. */
import { scaleLinear, scaleUtc } from 'd3-scale'
import { area, line } from 'd3-shape'
import { isBars, type ChartLine, type ChartView } from '~/components/base/chart-view'

const width = 360
const height = 168
const left = 52
const right = 10
const top = 12
const bottom = 24

/** A bar may stand on others: it begins at `base` and ends at `value`. */
type Point = { at: string; value: number | null; base?: number }
export type ChartSeries = { name: string; look: ChartLine['look']; points: Point[] }
export type ChartFrame = {
  title: string
  sentence: string
  from: string
  to: string
  head: string[]
  rows: string[][]
  /** A value of the vertical axis as text. */
  label: (value: number) => string
  stepSeconds: number
  whole: boolean
}

export function drawChart(frame: ChartFrame, series: ChartSeries[]): ChartView {
  const values = series.flatMap((one) => one.points.flatMap((point) => point.value ?? []))
  const max = Math.max(...values, 0)
  const x = scaleUtc([new Date(frame.from), new Date(frame.to)], [left, width - right])
  const y = scaleLinear([0, max === 0 ? 1 : max], [height - bottom, top]).nice(3)
  const xTicks = x.ticks(3)
  return {
    title: frame.title,
    sentence: frame.sentence,
    width,
    height,
    left,
    empty: max === 0 && frame.rows.length === 0,
    lines: series.map((one) => ({
      name: one.name,
      look: one.look,
      path: pathOf(
        one,
        (at) => x(new Date(at)),
        y,
        frame.stepSeconds,
        (width - left - right) /
          ((Date.parse(frame.to) - Date.parse(frame.from)) / 1000 / frame.stepSeconds),
      ),
    })),
    yTicks: y
      .ticks(3)
      .filter((tick) => !frame.whole || Number.isInteger(tick))
      .map((tick) => ({ y: round(y(tick)), label: frame.label(tick) })),
    xTicks: xTicks.map((tick) => ({
      x: round(x(tick)),
      label: chartClock(tick.toISOString(), frame.stepSeconds),
      anchor: x(tick) > width - 40 ? 'end' : x(tick) < left + 24 ? 'start' : 'middle',
    })),
    table: { head: frame.head, rows: frame.rows },
  }
}

/** Where there is no value a line breaks off; a value alone between two gaps is a dot. */
function pathOf(
  series: ChartSeries,
  x: (at: string) => number,
  y: (value: number) => number,
  stepSeconds: number,
  stepWidth: number,
): string {
  const base = y(0)
  if (isBars(series.look)) {
    const bar = stepWidth > 3 ? stepWidth - 1 : Math.max(1, stepWidth)
    return series.points
      .filter((point) => (point.value ?? 0) > (point.base ?? 0))
      .map(
        (point) =>
          `M${round(x(point.at))},${round(y(point.base ?? 0))}h${round(bar)}` +
          `V${round(y(point.value ?? 0))}h-${round(bar)}Z`,
      )
      .join('')
  }
  const middle = (at: string) =>
    series.look === 'area' ? x(at) : x(new Date(Date.parse(at) + stepSeconds * 500).toISOString())
  const defined = (point: Point) => point.value !== null
  if (series.look === 'area')
    return (
      area<Point>()
        .defined(defined)
        .x((point) => round(middle(point.at)))
        .y0(round(base))
        .y1((point) => round(y(point.value ?? 0)))(series.points) ?? ''
    )
  return (
    line<Point>()
      .defined(defined)
      .x((point) => round(middle(point.at)))
      .y((point) => round(y(point.value ?? 0)))(series.points) ?? ''
  )
}

const dayFormat = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'UTC',
  day: 'numeric',
  month: 'short',
})

const round = (value: number) => Math.round(value * 10) / 10

/** The time of a step; with the day where steps are long, and the day alone where they are days. */
export function chartClock(iso: string, stepSeconds: number): string {
  const time = iso.slice(11, 16)
  if (stepSeconds <= 3_600) return time
  const day = dayFormat.format(new Date(iso))
  return stepSeconds >= 86_400 ? day : `${day} ${time}`
}

/** The chart of what was spent from one day to another, divided by service, member, project or key. */
import { serviceTitle } from '~/components/team/sub-key-messages'
import type { BarLook, ChartView } from '~/components/base/chart-view'
import type { RangePart, RangeView } from '~/domain/team/range.server'
import { formatUsd, nanoFromUsdNumber, usdNumberFromNano } from '~/money'
import { drawChart, type ChartSeries } from './draw-chart.server'

const daySeconds = 86_400
/** More days than these are added up by seven, so that a bar can be seen. */
const maxBars = 92
const looks: BarLook[] = ['bars', 'bars-2', 'bars-3', 'bars-4', 'bars-5', 'bars-6']
const rests: Record<RangePart, string> = {
  service: 'Other services',
  member: 'Other members',
  project: 'Other projects',
  key: 'Other keys',
}

export function rangeChart(
  view: Pick<RangeView, 'from' | 'to' | 'days' | 'series' | 'corrected' | 'total'>,
  part: RangePart,
  whose: string,
  span: string,
): ChartView {
  const { days, corrected, total } = view
  const step = days.length > maxBars ? 7 : 1
  const starts = days.filter((_, index) => index % step === 0)
  const series = view.series.map((one) => ({
    name: one.name === null ? rests[part] : nameOf(part, one.name),
    steps: starts.map((_, index) =>
      one.days.slice(index * step, index * step + step).reduce((sum, nano) => sum + nano, 0n),
    ),
  }))
  const names = unlike(series.map(({ name }) => name))
  const sums = starts.map((_, index) =>
    series.reduce((sum, one) => sum + (one.steps[index] ?? 0n), 0n),
  )
  const peak = sums.reduce((max, nano) => (nano > max ? nano : max), 0n)
  const peakStart = starts[sums.indexOf(peak)] ?? view.from
  const spent = peak > 0n
  const end = Date.parse(`${view.from}T00:00:00Z`) + starts.length * step * daySeconds * 1_000
  return drawChart(
    {
      from: `${view.from}T00:00:00.000Z`,
      to: new Date(end).toISOString(),
      stepSeconds: step * daySeconds,
      whole: false,
      title: step === 1 ? 'Spent by day' : 'Spent by week',
      label: (value) => formatUsd(nanoFromUsdNumber(value)),
      head: [
        step === 1 ? 'Day (UTC)' : 'Seven days from (UTC)',
        ...(names.length > 1 ? names : []),
        'Spent',
      ],
      sentence: spent
        ? `${total.text} spent by ${whose} ${span}; the peak was ${formatUsd(peak)} ` +
          `${step === 1 ? 'on' : 'in the seven days from'} ${dayLabel(peakStart)}. ` +
          'Days are UTC, by the time of the reading.' +
          (corrected ? ` Corrections of ${corrected.text} are in the sum and in no day.` : '')
        : `Nothing spent by ${whose} ${span}. Days are UTC.` +
          (corrected ? ` Corrections are ${corrected.text}.` : ''),
      rows: spent
        ? [
            ...starts.map((start, index) => [
              dayLabel(start),
              ...(names.length > 1 ? series.map((one) => formatUsd(one.steps[index] ?? 0n)) : []),
              formatUsd(sums[index] ?? 0n),
            ]),
            ...(corrected
              ? [['Corrections', ...(names.length > 1 ? names.map(() => '') : []), corrected.text]]
              : []),
          ]
        : [],
    },
    stacked(series, names, starts),
  )
}

/** Each part's bars stand on those of the part before. */
function stacked(series: { steps: bigint[] }[], names: string[], starts: string[]): ChartSeries[] {
  const reached = starts.map(() => 0n)
  return series.map((one, place) => ({
    name: names[place] ?? '',
    look: looks[place] ?? 'bars-6',
    points: starts.map((start, index) => {
      const base = reached[index] ?? 0n
      const top = base + (one.steps[index] ?? 0n)
      reached[index] = top
      return {
        at: `${start}T00:00:00.000Z`,
        base: usdNumberFromNano(base),
        value: usdNumberFromNano(top),
      }
    }),
  }))
}

const nameOf = (part: RangePart, name: string) =>
  part === 'service' ? serviceTitle(name) : part === 'project' && name === '' ? 'No project' : name

/** Two people or keys of one name are told apart by a number. */
function unlike(names: string[]): string[] {
  const times = new Map<string, number>()
  return names.map((name) => {
    const time = (times.get(name) ?? 0) + 1
    times.set(name, time)
    return time === 1 ? name : `${name} (${time})`
  })
}

const dayFormat = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'UTC',
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
})

const dayLabel = (day: string) => dayFormat.format(new Date(`${day}T00:00:00Z`))

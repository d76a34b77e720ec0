/** A workshop's report in amounts as text, with its charts drawn. */
import { scaleLinear } from 'd3-scale'
import type { ChartView } from '~/components/base/chart-view'
import type { ReportView } from '~/components/staff/report-messages'
import type { Report } from '~/domain/staff/receipt-view'
import { formatUsd, nanoFromDecimalString, nanoFromUsdNumber, usdNumberFromNano } from '~/money'
import { counted, numberText } from '~/messages/text'
import { chartClock, drawChart } from './draw-chart.server'

const text = (decimal: string) => formatUsd(nanoFromDecimalString(decimal))
const textOrNull = (decimal: string | null) => (decimal === null ? null : text(decimal))
const number = (decimal: string) => usdNumberFromNano(nanoFromDecimalString(decimal))

export function reportView(report: Report): ReportView {
  const { people, months } = report
  return {
    ...report,
    spent: text(report.spentUsd),
    maySpend: text(report.maySpendUsd),
    left: textOrNull(report.leftUsd),
    cameBack: text(report.cameBackUsd),
    spending: spendingChart(report.spending),
    people: {
      withKey: people.withKey,
      median: textOrNull(people.medianUsd),
      p90: textOrNull(people.p90Usd),
      most: textOrNull(people.maxUsd),
      amounts: people.amounts.map(text),
      chart: costChart(people),
    },
    months:
      months?.map(({ spentUsd, ...month }) => ({ ...month, spent: textOrNull(spentUsd) })) ?? null,
  }
}

/** A shorter axis would name the same minute twice. */
const shortestMs = 10 * 60_000

function spendingChart({ from, to: end, stepSeconds, points }: Report['spending']): ChartView {
  const last = points.at(-1)
  const to = new Date(Math.max(Date.parse(end), Date.parse(from) + shortestMs)).toISOString()
  const at = (iso: string) => chartClock(iso, Math.max(stepSeconds, spanStep(from, to)))
  return drawChart(
    {
      from,
      to,
      stepSeconds: Math.max(stepSeconds, spanStep(from, to)),
      whole: false,
      title: 'Spent over time',
      label: (value) => formatUsd(nanoFromUsdNumber(value)),
      head: ['Until (UTC)', 'Total spent'],
      sentence: last
        ? `${text(last.usd)} in all; the last of it was spent before ${at(last.at)} UTC.`
        : 'No usage was read.',
      rows: points.map((point) => [at(point.at), text(point.usd)]),
    },
    [
      {
        name: 'Spent',
        look: 'area',
        points: [
          { at: from, value: 0 },
          ...points.map((point) => ({ at: point.at, value: number(point.usd) })),
        ],
      },
    ],
  )
}

/** Beyond a day and a half a time needs its day. */
function spanStep(from: string, to: string): number {
  return Date.parse(to) - Date.parse(from) > 36 * 3_600_000 ? 10_800 : 60
}

const width = 360
const height = 168
const left = 52
const right = 10
const top = 12
const bottom = 24

/** A bar for each person, the most first: how unevenly the money was spent. The sentence is about all. */
function costChart({ amounts, withKey, all }: Report['people']): ChartView {
  const values = amounts.map(number)
  const most = values[0] ?? 0
  const y = scaleLinear([0, most === 0 ? 1 : most], [height - bottom, top]).nice(3)
  const step = (width - left - right) / Math.max(1, values.length)
  const bar = Math.max(0.6, Math.min(step - 1, 40))
  const isCut = values.length < withKey
  return {
    title: 'Cost of each person',
    sentence: costSentence(values, all, isCut ? withKey : null),
    width,
    height,
    left,
    lines: [
      {
        name: 'Cost',
        look: 'bars',
        path: values
          .map((value, place) =>
            value === 0
              ? ''
              : `M${round(left + place * step)},${height - bottom}h${round(bar)}` +
                `V${round(y(value))}h-${round(bar)}Z`,
          )
          .join(''),
      },
    ],
    yTicks: y.ticks(3).map((tick) => ({
      y: round(y(tick)),
      label: formatUsd(nanoFromUsdNumber(tick)),
    })),
    xTicks:
      values.length < 2
        ? []
        : [
            { x: left, label: 'most', anchor: 'start' as const },
            {
              x: width - right,
              label: isCut ? numberText(values.length) : 'least',
              anchor: 'end' as const,
            },
          ],
    table: {
      head: ['Person', 'Cost'],
      rows: amounts.map((amount, place) => [String(place + 1), text(amount)]),
    },
    empty: most === 0,
  }
}

/** `withKey` is how many there are, where the picture has not all of them. */
function costSentence(
  values: number[],
  all: Report['people']['all'],
  withKey: number | null,
): string {
  if ((values[0] ?? 0) === 0) return 'Nobody has spent anything.'
  const shown = numberText(values.length)
  const cut = withKey === null ? '' : ` The chart shows the ${shown} who cost most.`
  if (all) {
    const share = Math.round((number(all.topTenthUsd) / number(all.spentUsd)) * 100)
    return usersSentence(all.users, withKey ?? values.length, share) + cut
  }
  // A receipt from before: of the others nothing is kept.
  const users = values.filter((value) => value > 0).length
  const of = usersSentence(users, values.length, shareOfTop(values))
  return withKey === null ? of : `Of the ${shown} of ${numberText(withKey)} who cost most: ${of}`
}

const usersSentence = (users: number, people: number, share: number) =>
  `${counted(users, 'person', 'people')} of ${numberText(people)} spent something; ` +
  `the tenth that cost most used ${share} % of it.`

function shareOfTop(values: number[]): number {
  const sum = (of: number[]) => of.reduce((total, value) => total + value, 0)
  return Math.round((sum(values.slice(0, Math.ceil(values.length / 10))) / sum(values)) * 100)
}

const round = (value: number) => Math.round(value * 10) / 10

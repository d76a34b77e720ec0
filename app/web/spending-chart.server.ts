/** The chart of a month's spending by day, of a team or of a member. */
import type { ChartView } from '~/components/base/chart-view'
import type { SpendingView } from '~/domain/team/spending.server'
import { formatUsd, nanoFromUsdNumber } from '~/money'
import { drawChart } from './draw-chart.server'

const daySeconds = 86_400

export function spendingChart(
  {
    days,
    corrected,
    total,
    from,
    to,
  }: Pick<SpendingView, 'days' | 'corrected' | 'total' | 'from' | 'to'>,
  whose: string,
  monthLabel: string,
  isOver = false,
): ChartView {
  const peak = days.reduce<SpendingView['days'][number] | undefined>(
    (max, day) => (max === undefined || day.spent.usd > max.spent.usd ? day : max),
    undefined,
  )
  const spent = peak !== undefined && peak.spent.usd > 0
  return drawChart(
    {
      from,
      to,
      stepSeconds: daySeconds,
      whole: false,
      title: 'Spent by day',
      label: (value) => formatUsd(nanoFromUsdNumber(value)),
      head: ['Day (UTC)', 'Spent'],
      sentence: spent
        ? `${total.text} spent by ${whose} in ${monthLabel}${isOver ? '' : ' so far'}; ` +
          `the peak was ${peak.spent.text} on ${dayLabel(peak.day)}. Days are UTC, by the time of the reading.` +
          (corrected ? ` Corrections of ${corrected.text} are in the sum and in no day.` : '')
        : `Nothing spent by ${whose} in ${monthLabel}${isOver ? '' : ' yet'}. Days are UTC.`,
      rows: spent
        ? [
            ...days.map(({ day, spent: amount }) => [dayLabel(day), amount.text]),
            ...(corrected ? [['Corrections', corrected.text]] : []),
          ]
        : [],
    },
    [
      {
        name: 'Spent',
        look: 'bars',
        points: days.map(({ day, spent: amount }) => ({
          at: `${day}T00:00:00.000Z`,
          value: amount.usd,
        })),
      },
    ],
  )
}

const dayFormat = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'UTC',
  weekday: 'short',
  day: 'numeric',
  month: 'short',
})

const dayLabel = (day: string) => dayFormat.format(new Date(`${day}T00:00:00Z`))

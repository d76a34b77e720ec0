import type { Month } from '~/domain/money/month'
import type { SpendingView } from '~/domain/team/spending.server'
import { monthName } from './month-name'

/** What was spent on each day: one sentence, bars, and the same data as a table. */
export function SpendingChart({
  spending,
  whose,
  month,
}: {
  spending: SpendingView
  whose: string
  month: Month
}) {
  const { chart, days, total } = spending
  const most = days.reduce(
    (best, day) => (day.spent.usd > best.spent.usd ? day : best),
    days[0] ?? { day: '', spent: { text: '$0.00', usd: 0 } },
  )
  if (!chart)
    return (
      <p className="text-soft">
        Nothing has been spent by {whose} in {monthName(month)} yet. Days are counted in UTC.
      </p>
    )
  return (
    <div>
      <p className="max-w-read">
        {total.text} spent by {whose} in {monthName(month)} so far, most of it on{' '}
        {dayLabel(most.day)}: {most.spent.text}. Days are in UTC and count when usage was read.
      </p>
      <svg
        viewBox={`0 0 ${chart.width} ${chart.height + 20}`}
        role="img"
        aria-label={`Spent a day in ${monthName(month)}; the table below has the same data`}
        className="mt-4 w-full max-w-[44rem]"
      >
        {chart.bars.map((bar) => (
          <rect
            key={bar.day}
            x={bar.x}
            y={bar.y}
            width={bar.width}
            height={bar.height}
            className="fill-mint"
          />
        ))}
        <line
          x1={0}
          x2={chart.width}
          y1={chart.height}
          y2={chart.height}
          className="stroke-edge"
          strokeWidth={1}
        />
        {chart.bars
          .filter((_, index) => index % 7 === 0)
          .map((bar) => (
            <text key={bar.day} x={bar.x} y={chart.height + 16} className="fill-soft text-small">
              {Number(bar.day.slice(8))}
            </text>
          ))}
      </svg>
      <details className="mt-2">
        <summary className="inline-flex min-h-11 items-center prose-link">View data</summary>
        <table className="ledger max-w-[24rem]">
          <thead>
            <tr>
              <th scope="col">Day (UTC)</th>
              <th scope="col" className="!text-right">
                Spent
              </th>
            </tr>
          </thead>
          <tbody>
            {days.map(({ day, spent }) => (
              <tr key={day}>
                <th scope="row" className="!static !border-rule">
                  {dayLabel(day)}
                </th>
                <td className="text-right">{spent.text}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </div>
  )
}

function dayLabel(day: string): string {
  return day === ''
    ? ''
    : new Intl.DateTimeFormat('en-GB', {
        timeZone: 'UTC',
        weekday: 'short',
        day: 'numeric',
        month: 'short',
      }).format(new Date(`${day}T00:00:00Z`))
}

import type { BudgetView } from '~/domain/team/view-types'
import { Callout } from '../base/callout'
import { Time } from '../base/time'

type Figures = Pick<BudgetView, 'allocated' | 'committed' | 'spent' | 'free' | 'short'>

/**
 * The month's money as three meters of the same length, each said in words: what is spent, set
 * aside and free of what is allocated.
 */
export function BudgetFigures({ budget, whose }: { budget: Figures; whose: string }) {
  const most = Math.max(budget.allocated.usd, budget.committed.usd + budget.spent.usd, 0.01)
  return (
    <div>
      <p className="font-head text-head font-semibold">
        {budget.free.text} free of {budget.allocated.text}
      </p>
      <dl className="mt-4 grid gap-6 sm:grid-cols-3">
        <Figure
          name="Spent"
          words={`${budget.spent.text} is used up, as last read at the providers.`}
          value={budget.spent.usd}
          max={most}
          label={`Spent of ${whose}`}
          text={budget.spent.text}
        />
        <Figure
          name="Committed"
          words={`${budget.committed.text} is set aside for keys that can still spend it.`}
          value={budget.committed.usd}
          max={most}
          label={`Committed of ${whose}`}
          text={budget.committed.text}
        />
        <Figure
          name="Free"
          words={
            budget.short
              ? 'Nothing is free.'
              : `${budget.free.text} can go into new keys or higher caps.`
          }
          value={Math.max(0, budget.free.usd)}
          max={most}
          label={`Free of ${whose}`}
          text={budget.free.text}
        />
      </dl>
      {budget.short ? (
        <div className="mt-6 max-w-read">
          <Callout
            tone="error"
            title={`${whose[0]?.toUpperCase()}${whose.slice(1)} is short by ${budget.free.text.replace('-', '')}.`}
          >
            <p>
              More is spent and set aside than is allocated: the budget was lowered, or a provider
              counted more than a cap allows. Nothing new can be made until keys end, caps are
              lowered or the budget is raised.
            </p>
          </Callout>
        </div>
      ) : null}
    </div>
  )
}

function Figure({
  name,
  words,
  value,
  max,
  label,
  text,
}: {
  name: string
  words: string
  value: number
  max: number
  label: string
  text: string
}) {
  return (
    <div>
      <dt className="font-semibold">{name}</dt>
      <dd>
        <meter className="meter mt-2" min={0} max={max} value={value} aria-label={label}>
          {text}
        </meter>
        <p className="mt-1 text-small text-soft">{words}</p>
      </dd>
    </div>
  )
}

/** When the month ends, and what becomes of what is left. */
export function MonthEnd({ budget, asOf }: { budget: BudgetView; asOf: string }) {
  return (
    <p className="mt-4 max-w-read text-small text-soft">
      {budget.monthWords} ends at midnight UTC: <Time iso={budget.resetsAt} now={asOf} />. What is
      free then does not carry over; {budget.nextMonthWords} begins with {budget.next.text}, less
      what keys that live on can still spend.
    </p>
  )
}

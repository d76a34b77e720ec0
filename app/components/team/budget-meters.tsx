import type { BudgetView } from '~/domain/team/view-types'
import { Callout } from '../base/callout'
import { Time } from '../base/time'
import { monthName } from './month-name'

type Amounts = Pick<BudgetView, 'allocated' | 'committed' | 'spent' | 'free' | 'short'>

/** The month's money as three meters of the same scale, each with a sentence. */
export function BudgetMeters({ budget, whose }: { budget: Amounts; whose: string }) {
  const max = Math.max(budget.allocated.usd, budget.committed.usd + budget.spent.usd, 0.01)
  return (
    <div>
      <p className="font-head text-head font-semibold">
        {budget.free.text} free of {budget.allocated.text}
      </p>
      <dl className="mt-4 grid gap-6 sm:grid-cols-3">
        <Meter
          name="Spent"
          text={`${budget.spent.text} is spent, by the last readings at the providers.`}
          amount={budget.spent}
          max={max}
          label={`Spent of ${whose}`}
        />
        <Meter
          name="Committed"
          text={`${budget.committed.text} is set aside for keys that can still spend it.`}
          amount={budget.committed}
          max={max}
          label={`Committed of ${whose}`}
        />
        <Meter
          name="Free"
          text={
            budget.short
              ? 'Nothing is free.'
              : `${budget.free.text} is left for new keys and higher caps.`
          }
          amount={budget.free}
          max={max}
          label={`Free of ${whose}`}
        />
      </dl>
      {budget.short ? (
        <div className="mt-6 max-w-read">
          <Callout
            tone="error"
            title={`${whose[0]?.toUpperCase()}${whose.slice(1)} is short by ${budget.free.text.replace('-', '')}`}
          >
            <p>
              More is spent and set aside than the budget allows: it was lowered, or a provider
              counted more than a cap. No key can be made until keys end, caps are lowered or the
              budget is raised.
            </p>
          </Callout>
        </div>
      ) : null}
    </div>
  )
}

function Meter({
  name,
  text,
  amount,
  max,
  label,
}: {
  name: string
  text: string
  amount: BudgetView['spent']
  max: number
  label: string
}) {
  return (
    <div>
      <dt className="font-semibold">{name}</dt>
      <dd>
        <meter
          className="meter mt-2"
          min={0}
          max={max}
          value={Math.max(0, amount.usd)}
          aria-label={label}
        >
          {amount.text}
        </meter>
        <p className="mt-1 text-small text-soft">{text}</p>
      </dd>
    </div>
  )
}

/** When the month ends, and what happens to what is left. */
export function MonthEnd({ budget, asOf }: { budget: BudgetView; asOf: string }) {
  return (
    <p className="mt-4 max-w-read text-small text-soft">
      {monthName(budget.month)} ends at midnight UTC: <Time iso={budget.resetsAt} now={asOf} />.
      What is free then does not carry over. {monthName(budget.nextMonth)} begins with{' '}
      {budget.next.text}, less what live keys can still spend.
    </p>
  )
}

import { Form } from '@remix-run/react'
import type { BudgetView } from '~/domain/team/view-types'
import { Button } from '../base/button'
import { Field } from '../base/field'
import { monthName } from './month-name'

/** More for this month alone: the amount, which replaces the one before, and the reason. */
export function TopUpForm({
  budget,
  formId,
}: {
  budget: BudgetView
  /** Posted twice, it is set once. */
  formId: string
}) {
  const month = monthName(budget.month)
  return (
    <Form method="post" className="max-w-[34rem] space-y-4">
      <input type="hidden" name="formId" value={formId} />
      <input type="hidden" name="month" value={budget.month} />
      <input type="hidden" name="was" value={budget.topUp.usd.toFixed(2)} />
      <p className="text-soft">{explain(budget)}</p>
      <Field
        label={`More in ${month}, in USD`}
        name="amount"
        required
        defaultValue={budget.topUp.usd > 0 ? budget.topUp.usd.toFixed(2) : ''}
      />
      <Field label="Reason" name="reason" required hint="Recorded in the audit trail." />
      <Button type="submit" name="intent" value="top-up">
        Set the amount
      </Button>
    </Form>
  )
}

function explain({ month, monthly, topUp }: BudgetView): string {
  const name = monthName(month)
  return topUp.usd > 0
    ? `${name} has ${topUp.text} beside the budget of ${monthly.text}. ` +
        'Another amount replaces it; 0 takes it back.'
    : `This counts in ${name} alone, beside the budget of ${monthly.text}. ` +
        'It is gone when the month ends.'
}

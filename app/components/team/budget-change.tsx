import { Form } from '@remix-run/react'
import type { BudgetPreviewView } from '~/domain/money/budgets.server'
import type { BudgetView } from '~/domain/team/view-types'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Field, Select } from '../base/field'
import { anyAmount } from './amount-messages'
import { monthName } from './month-name'

/** A change of a member's budget: first its preview, then the change itself, with a reason. */
export function BudgetChange({
  url,
  budget,
  input,
  preview,
  version,
  formId,
}: {
  url: string
  budget: BudgetView
  input: { budget: string; effective: 'now' | 'next-month'; valid: boolean }
  preview: BudgetPreviewView | null
  /** The budgets as this page shows them: others by then refuse the change. */
  version: string
  /** Posted twice, it sets the budget once. */
  formId: string
}) {
  const hasPlan = budget.next.usd !== budget.monthly.usd
  return (
    <div className="max-w-[34rem] space-y-6">
      <Form method="get" action={`${url}#change`} preventScrollReset className="space-y-4">
        <Field
          label="Budget a month, in USD"
          name="budget"
          required
          defaultValue={input.budget}
          {...(input.valid ? {} : { error: anyAmount })}
        />
        <Select
          label="From"
          name="effective"
          defaultValue={input.effective}
          options={[
            { value: 'now', label: `now: ${monthName(budget.month)} and later` },
            { value: 'next-month', label: `next month: ${monthName(budget.nextMonth)} and later` },
          ]}
        />
        <Button type="submit">Preview</Button>
      </Form>
      {preview && preview.from.usd === preview.to.usd && !hasPlan ? (
        <Callout tone="plain" title={`The budget is already ${preview.to.text} a month`} />
      ) : preview ? (
        <Callout
          tone={preview.short ? 'warning' : 'plain'}
          title={`${preview.from.text} a month becomes ${preview.to.text}, from ${monthName(preview.month)} on`}
        >
          <p>{previewMessage(preview)}</p>
          {preview.effective === 'now' && hasPlan ? (
            <p>
              The {budget.next.text} planned from {monthName(budget.nextMonth)} on stay as they are.
              To change them, set a budget from next month.
            </p>
          ) : null}
          <Form method="post" action={url} className="mt-3 space-y-4">
            <input type="hidden" name="formId" value={formId} />
            <input type="hidden" name="was" value={version} />
            <input type="hidden" name="budget" value={input.budget} />
            <input type="hidden" name="effective" value={input.effective} />
            <input type="hidden" name="month" value={preview.month} />
            <Field label="Reason" name="reason" required hint="Recorded in the audit trail." />
            <Button type="submit" name="intent" value="budget" kind="ink">
              Set the budget to {preview.to.text}
            </Button>
          </Form>
        </Callout>
      ) : null}
    </div>
  )
}

function previewMessage(preview: BudgetPreviewView): string {
  if (preview.effective === 'next-month')
    return (
      `This month does not change. ${monthName(preview.month)} begins with ${preview.to.text}, ` +
      'less what live keys can still spend.'
    )
  if (preview.short)
    return (
      `${preview.used.text} is spent or set aside already, so the budget would be short by ` +
      `${preview.shortBy.text}. Keys keep working up to their caps, and no key can be made until ` +
      'the budget covers them.'
    )
  return `Free: ${preview.freeBefore.text} now, ${preview.freeAfter.text} after.`
}

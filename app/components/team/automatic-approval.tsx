import { Form } from '@remix-run/react'
import type { ApprovalView } from '~/domain/team/automatic-approval.server'
import { Button } from '../base/button'
import { Field } from '../base/field'
import { positiveAmount } from './amount-messages'

const amount = /^\s*(\d{1,7}(\.\d{1,2})?)?\s*$/

/** Which requests need no person. `typed` is what was sent and is no pair of amounts. */
export function ApprovalForm({
  current,
  typed,
}: {
  current: ApprovalView | null
  typed: Record<string, string> | null
}) {
  const shown = (view: ApprovalView['perRequest'] | undefined) => view?.usd.toFixed(2) ?? ''
  const field = (name: 'perRequest' | 'perMonth') => {
    const other = name === 'perRequest' ? 'perMonth' : 'perRequest'
    const value = typed?.[name] ?? ''
    const isWrong =
      typed !== null &&
      (!amount.test(value) || Number(value) === 0) &&
      (value.trim() !== '' || (typed[other] ?? '').trim() !== '')
    return {
      name,
      defaultValue: typed ? value : shown(current?.[name]),
      ...(isWrong ? { error: positiveAmount } : {}),
    }
  }
  return (
    <Form method="post" className="max-w-[28rem] space-y-4">
      <input type="hidden" name="wasRequest" value={shown(current?.perRequest)} />
      <input type="hidden" name="wasMonth" value={shown(current?.perMonth)} />
      <Field label="Largest request, in USD" {...field('perRequest')} />
      <Field
        label="Largest sum per member and month, in USD"
        hint={
          'Leave both empty to turn it off. What is approved so counts in that month alone, ' +
          'never goes beyond the ceiling, and stands in the audit trail as automatic.'
        }
        {...field('perMonth')}
      />
      <Button type="submit" name="intent" value="approval">
        Set the automatic approval
      </Button>
    </Form>
  )
}

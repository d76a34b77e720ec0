import { Form } from '@remix-run/react'
import type { RequestView } from '~/domain/team/team-view.server'
import { Button } from '../base/button'
import { Field, Select } from '../base/field'
import { Ago } from '../base/time'
import { positiveAmount } from './amount-messages'

/** What members request, each with the owner's decision. */
export function BudgetRequests({
  requests,
  month,
  problem,
  asOf,
}: {
  requests: RequestView[]
  /** The present one, in which what is approved counts. */
  month: string
  /** An amount that was typed for this request and is none. */
  problem: { id: string; amount: string } | null
  asOf: string
}) {
  return (
    <ul className="max-w-read space-y-4">
      {requests.map((row) => (
        <li key={row.id} className="rounded-box border border-rule bg-raised p-4">
          <p>
            <strong>{row.name}</strong> requested {row.more.text} more a month,{' '}
            <Ago iso={row.askedAt} asOf={asOf} />: “{row.reason}”
          </p>
          {row.planned ? (
            <p className="mt-2 text-small text-soft">
              A budget of {row.planned.text} is planned from next month on. It stays as it is,
              whatever you approve for this month.
            </p>
          ) : null}
          <Form method="post" className="mt-3 space-y-3">
            <input type="hidden" name="id" value={row.id} />
            <input type="hidden" name="month" value={month} />
            <div className="grid gap-3 sm:grid-cols-2">
              <Field
                label="Amount to grant, in USD"
                name="amount"
                defaultValue={row.more.usd.toFixed(2)}
                {...(problem === null || problem.id !== row.id
                  ? {}
                  : { error: positiveAmount, defaultValue: problem.amount })}
              />
              <Select
                label="For"
                name="scope"
                defaultValue="monthly"
                options={[
                  { value: 'monthly', label: 'this month and later' },
                  { value: 'once', label: 'this month alone' },
                ]}
              />
            </div>
            <Field label="Message to them (optional)" name="reason" />
            <div className="flex flex-wrap gap-3">
              <Button
                type="submit"
                name="intent"
                value="approve"
                kind="ink"
                aria-label={`Approve more for ${row.name}`}
              >
                Approve
              </Button>
              <Button type="submit" name="intent" value="refuse" aria-label={`Refuse ${row.name}`}>
                Refuse
              </Button>
            </div>
            <p className="text-small text-soft">
              Approving adds this amount. Where nothing else is chosen, it stays in later months.
            </p>
          </Form>
        </li>
      ))}
    </ul>
  )
}

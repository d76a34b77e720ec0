import { Form } from '@remix-run/react'
import type { RequestView } from '~/domain/team/team-view.server'
import { Button } from '../base/button'
import { Field } from '../base/field'
import { Ago } from '../base/time'

/** What members request, each with the owner's decision. */
export function BudgetRequests({ requests, asOf }: { requests: RequestView[]; asOf: string }) {
  return (
    <ul className="max-w-read space-y-4">
      {requests.map((row) => (
        <li key={row.id} className="rounded-box border border-rule bg-raised p-4">
          <p>
            <strong>{row.name}</strong> requested {row.more.text} more a month,{' '}
            <Ago iso={row.askedAt} asOf={asOf} />: “{row.reason}”
          </p>
          <Form method="post" className="mt-3 space-y-3">
            <input type="hidden" name="id" value={row.id} />
            <Field label="Message to them (optional)" name="reason" />
            <div className="flex flex-wrap gap-3">
              <Button
                type="submit"
                name="intent"
                value="approve"
                kind="ink"
                aria-label={`Approve ${row.more.text} more for ${row.name}`}
              >
                Approve {row.more.text} more
              </Button>
              <Button type="submit" name="intent" value="refuse" aria-label={`Refuse ${row.name}`}>
                Refuse
              </Button>
            </div>
            <p className="text-small text-soft">
              Approving raises the budget by this amount from this month on.
            </p>
          </Form>
        </li>
      ))}
    </ul>
  )
}

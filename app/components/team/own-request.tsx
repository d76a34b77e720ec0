import { Form } from '@remix-run/react'
import type { MoneyView } from '~/domain/money-view'
import type { OwnRequestView } from '~/domain/team/team-view.server'
import { Button } from '../base/button'
import { Field } from '../base/field'
import { Time } from '../base/time'
import { monthName } from './month-name'
import type { TypedFields } from './new-key-form'
import { requestStates } from './store-messages'

/** The member's last budget request, and what became of it. */
export function LastRequest({ request, asOf }: { request: OwnRequestView; asOf: string }) {
  return (
    <div className="mb-4 max-w-read space-y-3">
      <p className="text-soft">
        Your request for {request.more.text} more a month (“{request.reason}”, sent{' '}
        <Time iso={request.askedAt} now={asOf} />) {requestStates[request.state]}
        {request.automatic ? ' automatically' : ''}
        {grantedText(request)}.
        {request.decisionReason ? ` Message: “${request.decisionReason}”` : ''}
      </p>
      {request.state === 'open' ? (
        <Form method="post">
          <input type="hidden" name="id" value={request.id} />
          <Button type="submit" name="intent" value="withdraw">
            Withdraw the request
          </Button>
        </Form>
      ) : null}
    </div>
  )
}

function grantedText({ more, granted, grantedOnce }: OwnRequestView): string {
  if (!granted) return ''
  const other = granted.usd === more.usd ? '' : ` with ${granted.text}`
  return `${other}${grantedOnce ? ', for that month alone' : ''}`
}

export function RequestForm({
  typed,
  formId,
  atOnce,
  month,
  errorAt,
}: {
  typed: TypedFields
  /** Posted twice, it asks once. */
  formId: string
  /** The largest request that is approved at once; null for none. */
  atOnce: MoneyView | null
  month: string
  errorAt: (field: string) => { error?: string }
}) {
  return (
    <Form method="post" className="max-w-[28rem] space-y-6">
      <input type="hidden" name="formId" value={formId} />
      <Field
        label="More a month, in USD"
        name="more"
        required
        {...(atOnce
          ? {
              hint: `Up to ${atOnce.text} is approved at once, for ${monthName(month)} alone.`,
            }
          : {})}
        defaultValue={typed.more ?? ''}
        {...errorAt('more')}
      />
      <Field
        label="Reason"
        name="why"
        required
        hint="The owners read this."
        defaultValue={typed.why ?? ''}
        {...errorAt('why')}
      />
      <Button type="submit" name="intent" value="ask">
        Send the request
      </Button>
    </Form>
  )
}

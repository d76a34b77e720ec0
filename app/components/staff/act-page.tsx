import { numberText } from '~/messages/text'
import { Form, useNavigation } from '@remix-run/react'
import type { ReactNode } from 'react'
import type { ClaimActionKind } from '~/domain/claim/actions'
import type { MoneyView } from '~/domain/money-view'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Checkbox, Field } from '../base/field'
import { confirmLabel, endLabel } from './act-messages'

type Preview = {
  count: number
  fitting: number
  covered: number
  pool: { before: MoneyView; after: MoneyView; limit: MoneyView | null } | null
  message: string
  names: string[]
}
type View =
  | { kind: 'unclear'; problem: string }
  | { kind: 'needs'; need: 'limit' | 'expires'; problem: string | null }
  | { kind: 'end'; live: number }
  | { kind: 'claims'; action: ClaimActionKind; preview: Preview; needsReason: boolean }
export type ActPageData = {
  fields: string[][]
  zone: string
  /** What has to be typed before it is done. */
  typed: string | null
  values: { limit: string; expires: string }
  view: View
}

/** What the action would do, and the button that does it. Until then everything is in the URL. */
export function ActPage({ page, problem }: { page: ActPageData; problem: string | null }) {
  const { view } = page
  return (
    <div className="mt-6 max-w-read space-y-6">
      {problem ? (
        <div role="alert">
          <Callout tone="error" title="Nothing was changed">
            <p>{problem}</p>
          </Callout>
        </div>
      ) : null}
      {view.kind === 'unclear' ? <p>{view.problem}</p> : null}
      {view.kind === 'needs' ? <Ask page={page} need={view.need} problem={view.problem} /> : null}
      {view.kind === 'end' ? (
        <Confirm page={page} needsReason button={endLabel(view.live)} danger>
          <p>
            Claims close at once, and{' '}
            {view.live === 0
              ? 'no key is live'
              : view.live === 1
                ? '1 live key is revoked'
                : `${numberText(view.live)} live keys are revoked, one after the other`}
            . You cannot open it again; a new workshop needs a new file.
          </p>
        </Confirm>
      ) : null}
      {view.kind === 'claims' ? (
        <>
          {view.action === 'set-limit' ? <Ask page={page} need="limit" problem={null} /> : null}
          {view.action === 'extend' ? <Ask page={page} need="expires" problem={null} /> : null}
          {view.preview.fitting === 0 ? (
            <Callout tone="plain" title="There is nothing to do">
              <p>
                {view.preview.count === 0
                  ? 'No claim matches any more.'
                  : `None of the ${numberText(view.preview.count)} selected claims needs this.`}
              </p>
            </Callout>
          ) : view.preview.covered === 0 ? (
            <Callout tone="warning" title="The pool has no room">
              <p>{view.preview.message}</p>
              <p>To make room, raise limit_usd in the workshop’s file, or choose less.</p>
            </Callout>
          ) : (
            <Confirm
              page={page}
              needsReason={view.needsReason}
              button={confirmLabel(view.action, view.preview.covered)}
              danger={view.action === 'revoke' || view.action === 'disable'}
              extra={
                view.action === 'revoke' ? (
                  <Checkbox name="mayClaimAgain">
                    They may claim once more while the workshop is open
                  </Checkbox>
                ) : null
              }
            >
              <p>{view.preview.message}</p>
              <Names names={view.preview.names} count={view.preview.count} />
              {view.preview.pool &&
              view.preview.pool.before.text !== view.preview.pool.after.text ? (
                <p className="text-soft">
                  Committed from the pool: {view.preview.pool.before.text} now,{' '}
                  {view.preview.pool.after.text} after
                  {view.preview.pool.limit ? `, of ${view.preview.pool.limit.text}` : ''}.
                </p>
              ) : null}
            </Confirm>
          )}
        </>
      ) : null}
    </div>
  )
}

/** "Of Amara Eriksen, Bo Li and 136 more." */
function Names({ names, count }: { names: string[]; count: number }) {
  if (names.length === 0) return null
  const more = count - names.length
  return (
    <p className="text-soft">
      Selected: {names.join(', ')}
      {more > 0 ? ` and ${numberText(more)} more` : ''}.
    </p>
  )
}

const Hidden = ({ fields }: { fields: string[][] }) => (
  <>
    {fields.map(([name, value], index) => (
      <input key={index} type="hidden" name={name} value={value} />
    ))}
  </>
)

/** A value that the action needs, sent with GET: nothing happens yet. */
function Ask({
  page,
  need,
  problem,
}: {
  page: ActPageData
  need: 'limit' | 'expires'
  problem: string | null
}) {
  const field =
    need === 'limit' ? (
      <Field
        label="Limit of each key, in USD"
        name="limit"
        hint="What a key may use in total, or in each period if its limit resets."
        defaultValue={page.values.limit}
        required
        {...(problem ? { error: problem } : {})}
      />
    ) : (
      <Field
        label={`New end, in ${page.zone === 'UTC' ? 'UTC' : `the workshop’s time (${page.zone})`}`}
        name="expires"
        type="datetime-local"
        hint={
          'The provider cannot move an end: each person gets a new key with what is left, ' +
          'and the old one keeps working for half an hour.'
        }
        defaultValue={page.values.expires}
        required
        {...(problem ? { error: problem } : {})}
      />
    )
  return (
    <form method="get" className="max-w-sm space-y-3">
      <Hidden fields={page.fields} />
      {field}
      <Button type="submit">Preview</Button>
    </form>
  )
}

function Confirm({
  page,
  needsReason,
  button,
  extra,
  danger = false,
  children,
}: {
  page: ActPageData
  needsReason: boolean
  button: string
  extra?: ReactNode
  danger?: boolean
  children: ReactNode
}) {
  const busy = useNavigation().state === 'submitting'
  const values = Object.entries(page.values).filter(([, value]) => value !== '')
  return (
    <Form method="post" className="space-y-4 rounded-card border border-rule bg-raised px-5 py-5">
      <Hidden fields={[...page.fields, ...values, ['confirm', 'yes']]} />
      {children}
      {extra}
      <Field
        label={needsReason ? 'Reason' : 'Reason (optional)'}
        name="reason"
        hint="Recorded in the audit trail."
        required={needsReason}
      />
      {page.typed ? <Field label={`Type ${page.typed} to confirm`} name="typed" required /> : null}
      <Button type="submit" kind={danger ? 'danger' : 'ink'} busy={busy} busyText="Starting…">
        {button}
      </Button>
    </Form>
  )
}

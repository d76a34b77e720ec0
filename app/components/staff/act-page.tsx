import { Form, useNavigation } from '@remix-run/react'
import type { ReactNode } from 'react'
import type { MoneyView } from '~/domain/money-view'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Checkbox, Field } from '../base/field'

type Preview = {
  count: number
  fitting: number
  pool: { before: MoneyView; after: MoneyView; limit: MoneyView | null } | null
  words: string
}
type View =
  | { kind: 'unclear'; problem: string }
  | { kind: 'needs'; need: 'limit' | 'expires'; problem: string | null }
  | { kind: 'end'; live: number }
  | { kind: 'claims'; action: string; preview: Preview; needsReason: boolean }
export type ActPageData = {
  fields: string[][]
  values: { limit: string; expires: string }
  view: View
}

/**
 * What would happen, and the one button that makes it happen. Everything asked for is in the URL
 * until then.
 */
export function ActPage({ page, problem }: { page: ActPageData; problem: string | null }) {
  const { view } = page
  return (
    <div className="mt-6 max-w-read space-y-6">
      {problem ? (
        <div role="alert">
          <Callout tone="brick" title="That was not done.">
            <p>{problem}</p>
          </Callout>
        </div>
      ) : null}
      {view.kind === 'unclear' ? <p>{view.problem}</p> : null}
      {view.kind === 'needs' ? <Ask page={page} need={view.need} problem={view.problem} /> : null}
      {view.kind === 'end' ? (
        <Confirm page={page} needsReason button="End the workshop">
          <p>
            From that moment nobody can claim, and{' '}
            {view.live === 0
              ? 'no key is live'
              : `${view.live.toLocaleString('en-US')} live ${view.live === 1 ? 'key is' : 'keys are'} revoked, one after the other`}
            . It cannot be opened again: a new file under another name would be needed.
          </p>
        </Confirm>
      ) : null}
      {view.kind === 'claims' ? (
        <>
          {view.action === 'set-limit' ? <Ask page={page} need="limit" problem={null} /> : null}
          {view.action === 'extend' ? <Ask page={page} need="expires" problem={null} /> : null}
          {view.preview.fitting === 0 ? (
            <Callout tone="plain" title="There is nothing to do.">
              <p>
                {view.preview.count === 0
                  ? 'No claim is selected any more.'
                  : `Of the ${view.preview.count.toLocaleString('en-US')} selected, none needs this.`}
              </p>
            </Callout>
          ) : (
            <Confirm
              page={page}
              needsReason={view.needsReason}
              button="Yes, do it"
              extra={
                view.action === 'revoke' ? (
                  <Checkbox name="again">
                    They may claim again, once, while the workshop is open
                  </Checkbox>
                ) : null
              }
            >
              <p>{view.preview.words}</p>
              {view.preview.pool &&
              view.preview.pool.before.text !== view.preview.pool.after.text ? (
                <p className="text-soft">
                  Committed of the pool: {view.preview.pool.before.text} now,{' '}
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

const Hidden = ({ fields }: { fields: string[][] }) => (
  <>
    {fields.map(([name, value], index) => (
      <input key={index} type="hidden" name={name} value={value} />
    ))}
  </>
)

/** A value that the action needs, asked with GET: nothing happens yet. */
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
        label="Cap of each key, in USD"
        name="limit"
        hint="What a key may use in all, or in each of its windows if it has any."
        defaultValue={page.values.limit}
        required
        {...(problem ? { error: problem } : {})}
      />
    ) : (
      <Field
        label="New end, in UTC"
        name="expires"
        type="datetime-local"
        hint="An end cannot be moved at the provider: each person gets a new key with what is left, and the old one goes on for half an hour."
        defaultValue={page.values.expires}
        required
        {...(problem ? { error: problem } : {})}
      />
    )
  return (
    <form method="get" className="max-w-sm space-y-3">
      <Hidden fields={page.fields} />
      {field}
      <Button type="submit">See what it would do</Button>
    </form>
  )
}

function Confirm({
  page,
  needsReason,
  button,
  extra,
  children,
}: {
  page: ActPageData
  needsReason: boolean
  button: string
  extra?: ReactNode
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
        label={needsReason ? 'Why' : 'Why (if you like)'}
        name="reason"
        hint="Kept with the action in the audit trail."
        required={needsReason}
      />
      <Button type="submit" kind="ink" busy={busy} busyText="Starting…">
        {button}
      </Button>
    </Form>
  )
}

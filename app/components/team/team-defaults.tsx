import { Form } from '@remix-run/react'
import type { TeamDefaults } from '~/domain/team/team-defaults.server'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Field, Select } from '../base/field'
import { anyAmount } from './amount-messages'

/** The budget of newcomers. `refused` is what was typed and is no amount. */
export function DefaultBudgetForm({
  current,
  refused,
  stale,
}: {
  current: TeamDefaults['budget']
  refused: string | null
  /** Somebody set another one since the form was shown. */
  stale: boolean
}) {
  const shown = current ? current.usd.toFixed(2) : ''
  return (
    <Form key={shown} method="post" className="max-w-[28rem] space-y-4">
      {stale ? (
        <div role="alert">
          <Callout tone="warning" title="Somebody changed the budget of newcomers in the meantime">
            <p>Nothing was changed. This page shows the present one.</p>
          </Callout>
        </div>
      ) : null}
      <input type="hidden" name="was" value={shown} />
      <Field
        label="Budget of newcomers a month, in USD"
        name="budget"
        hint="For who joins by an invitation without another amount. Empty for none. Members who are here keep theirs."
        defaultValue={refused ?? shown}
        {...(refused === null ? {} : { error: anyAmount })}
      />
      <Button type="submit" name="intent" value="default-budget">
        Set the budget of newcomers
      </Button>
    </Form>
  )
}

/** Which service the page for new keys shows first. */
export function DefaultServiceForm({
  current,
  services,
}: {
  current: string | null
  services: { service: string; title: string }[]
}) {
  return (
    <Form method="post" className="max-w-[28rem] space-y-4">
      <Select
        label="Service shown first"
        name="service"
        defaultValue={current ?? ''}
        options={[
          { value: '', label: 'the first of the vault' },
          ...services.map(({ service, title }) => ({ value: service, label: title })),
        ]}
      />
      <Button type="submit" name="intent" value="default-service">
        Set the service
      </Button>
    </Form>
  )
}

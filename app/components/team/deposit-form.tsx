import { Form } from '@remix-run/react'
import type { ServiceChoice } from '~/domain/team/team-view.server'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { CredentialFields } from './credential-fields'
import { serviceSentence } from './vault-messages'

/** Adds a credential of one service. What was typed is never shown again. */
export function DepositForm({
  service,
  open,
  message,
}: {
  service: ServiceChoice
  open: boolean
  message: string | null
}) {
  return (
    <details open={open || undefined}>
      <summary className="inline-flex min-h-11 items-center prose-link">{service.title}</summary>
      <Form method="post" className="mt-2 space-y-4 pb-6">
        {message ? (
          <div role="alert">
            <Callout tone="warning" title="The credential was not added">
              <p>{message}</p>
            </Callout>
          </div>
        ) : null}
        <input type="hidden" name="service" value={service.service} />
        <CredentialFields fields={service.fields} entered={{}} />
        <p className="text-small text-soft">
          It must be allowed to make and delete keys. {serviceSentence(service)} It is verified at
          the provider before it is stored.
          {service.keys.capBy === 'keymint' ? ` ${service.texts.atCap}` : ''}
          {service.texts.remains ? ` ${service.texts.remains}` : ''}
        </p>
        <Button type="submit" name="intent" value="deposit" kind="ink">
          Add to the vault
        </Button>
      </Form>
    </details>
  )
}

import { Form } from '@remix-run/react'
import type { ServiceChoice } from '~/domain/team/team-view.server'
import type { MasterKeyView } from '~/domain/vault/vault.server'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { CredentialFields } from './credential-fields'
import { EmptyState } from '../base/page-shell'
import { Ago, Time } from '../base/time'
import { parkedMessage } from '~/messages/parked'
import { AccountFailures } from './account-failures'
import { Field } from '../base/field'

/** `problem` is a message about one of the credentials, or about a service. */
export type VaultRefusalAt = { about: string; message: string } | null

export function MasterKeyList({
  masterKeys,
  services,
  problem,
  closed,
  asOf,
}: {
  masterKeys: MasterKeyView[]
  services: ServiceChoice[]
  problem: VaultRefusalAt
  /** Of a closed team: what is kept ends keys and reads them, and makes none. */
  closed: boolean
  asOf: string
}) {
  if (masterKeys.length === 0)
    return (
      <EmptyState title="The vault is empty">
        {closed ? null : <p>Add a credential below. Nobody can make a key until then.</p>}
      </EmptyState>
    )
  return (
    <ul className="max-w-read divide-y divide-rule border-y border-rule">
      {masterKeys.map((row) => (
        <li key={row.id} className="space-y-3 py-5" aria-label={`${row.title} ${row.label}`}>
          <MasterKeyFacts row={row} asOf={asOf} />
          {row.parked && !row.destroyedAt ? (
            <Callout tone="error" title={parkedMessage(row.parked.reason).title}>
              <p>
                Since <Time iso={row.parked.since} now={asOf} />.{' '}
                {parkedMessage(row.parked.reason).sentence}{' '}
                {parkedMessage(row.parked.reason).remedy}
              </p>
              <Form method="post">
                <input type="hidden" name="id" value={row.id} />
                <Button type="submit" name="intent" value="open">
                  Open the account
                </Button>
              </Form>
            </Callout>
          ) : null}
          {row.parked || row.destroyedAt ? null : <AccountFailures account={row} asOf={asOf} />}
          {problem?.about === row.id ? (
            <div role="alert">
              <Callout tone="warning" title="Nothing was changed">
                <p>{problem.message}</p>
              </Callout>
            </div>
          ) : null}
          {row.destroyedAt ? null : (
            <>
              <div className="flex flex-wrap items-start gap-3">
                <Form method="post">
                  <input type="hidden" name="id" value={row.id} />
                  <Button type="submit" name="intent" value="verify">
                    Verify
                  </Button>
                </Form>
                {closed ? null : (
                  <Form method="post">
                    <input type="hidden" name="id" value={row.id} />
                    <Button
                      type="submit"
                      name="intent"
                      value={row.state === 'active' ? 'disable' : 'enable'}
                    >
                      {row.state === 'active' ? 'Disable' : 'Enable'}
                    </Button>
                  </Form>
                )}
              </div>
              <ReplaceForm
                row={row}
                fields={services.find((one) => one.service === row.service)?.fields ?? []}
              />
              {closed ? null : <DeleteForm row={row} />}
            </>
          )}
        </li>
      ))}
    </ul>
  )
}

function MasterKeyFacts({ row, asOf }: { row: MasterKeyView; asOf: string }) {
  return (
    <>
      <p className="text-lead font-semibold">
        {row.title} <span className="font-mono text-body font-normal">{row.label}</span>
        {row.state === 'disabled' ? (
          <span className="text-amber-ink"> ({row.destroyedAt ? 'deleted' : 'disabled'})</span>
        ) : null}
      </p>
      <p className="text-small text-soft">
        {row.baseUrl ? `${row.baseUrl}. ` : ''}Added by {row.createdBy}{' '}
        <Time iso={row.createdAt} now={asOf} />
        {row.replacedAt ? (
          <>
            , replaced <Time iso={row.replacedAt} now={asOf} />
          </>
        ) : null}
        . Verified <Ago iso={row.verifiedAt} asOf={asOf} />.{' '}
        {row.keys === 1 ? 'One key' : `${row.keys} keys`} made with it{' '}
        {row.keys === 1 ? 'exists' : 'exist'} at the provider.
      </p>
      {row.destroyedAt ? null : <AccountBalance row={row} asOf={asOf} />}
    </>
  )
}

/** What is left on the provider account, with its age. It says of the whole account, not of the team. */
function AccountBalance({ row, asOf }: { row: MasterKeyView; asOf: string }) {
  const { balance } = row
  if (balance === null)
    return <p className="text-small text-soft">Account balance: {row.title} does not tell it.</p>
  return (
    <p className="text-small">
      {balance.told ? (
        <>
          Account balance:{' '}
          <span className="font-semibold tabular-nums">{balance.told.left.text}</span>
          <span className="text-soft">
            , read <Ago iso={balance.told.at} asOf={asOf} />. All of the account’s keys use it.
          </span>
        </>
      ) : (
        <span className="text-soft">Account balance: not read yet.</span>
      )}
      {balance.failedSince ? (
        <span className="text-amber-ink">
          {' '}
          {row.title} has not told it since <Time iso={balance.failedSince} now={asOf} />. Retrying
          automatically.
        </span>
      ) : null}
    </p>
  )
}

function DeleteForm({ row }: { row: MasterKeyView }) {
  return (
    <details>
      <summary className="inline-flex min-h-11 items-center prose-link">Delete</summary>
      <Form method="post" className="mt-2 max-w-[28rem] space-y-4">
        <p>
          You can delete a credential when none of its keys is live and their final usage is known.
          Its secret is destroyed and cannot be brought back. The books keep what its keys spent.
        </p>
        <input type="hidden" name="id" value={row.id} />
        <Field label="Reason" name="reason" required hint="Recorded in the audit trail." />
        <Button type="submit" name="intent" value="destroy">
          Delete {row.title} {row.label}
        </Button>
      </Form>
    </details>
  )
}

function ReplaceForm({ row, fields }: { row: MasterKeyView; fields: ServiceChoice['fields'] }) {
  return (
    <details>
      <summary className="inline-flex min-h-11 items-center prose-link">Replace</summary>
      <Form method="post" className="mt-2 max-w-[28rem] space-y-4">
        <p>
          Use another credential of the same provider account. With any other, the keys made with
          this one could no longer be read, capped or deleted.
        </p>
        <input type="hidden" name="id" value={row.id} />
        <CredentialFields
          fields={fields.map((field) =>
            field.kind === 'secret' ? { ...field, label: 'New credential' } : field,
          )}
          entered={{ ...row.settings, ...(row.baseUrl ? { baseUrl: row.baseUrl } : {}) }}
        />
        <Button type="submit" name="intent" value="replace">
          Replace the credential
        </Button>
      </Form>
    </details>
  )
}

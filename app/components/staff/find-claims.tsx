/** The search over all workshops, and what it finds. */
import { Form, Link, useNavigate, useSubmit } from '@remix-run/react'
import { useRef, type FormEvent } from 'react'
import { hashOfKey, keepKeyHere } from '~/client/hash-key'
import type { FoundClaim } from '~/domain/staff/find-claims.server'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { useHydrated } from '../base/hydrated'
import { EmptyState } from '../base/page-shell'
import { Table } from '../base/table'
import { findUrl } from '../../urls'
import { stateLabels } from './claim-messages'

type ClaimView = FoundClaim & { workshop: string; href: string }
type KeyView = {
  off: boolean
  confirmedOff: boolean
  holder:
    | { kind: 'team' }
    | { kind: 'spare'; workshop: string; href: string }
    | { kind: 'claim'; claim: ClaimView; current: boolean; act: string }
}

const box = 'mt-1 min-h-11 w-full rounded-box border border-edge bg-raised px-3'

export function FindForms({ text }: { text: string }) {
  const hydrated = useHydrated()
  const submit = useSubmit()
  const navigate = useNavigate()
  // The field itself is read: what was pasted before the script had loaded counts as well.
  const pasted = useRef<HTMLInputElement>(null)
  const findByHash = (event: FormEvent) => {
    event.preventDefault()
    const field = pasted.current
    if (!field || field.value.trim() === '') return
    void hashOfKey(field.value).then((hash) => {
      field.value = ''
      navigate(`${findUrl}?hash=${hash}`)
    })
  }
  return (
    <div className="mt-6 grid gap-x-12 gap-y-6 lg:grid-cols-2">
      <Form
        method="get"
        role="search"
        className="space-y-3"
        onSubmit={(event) => keepKeyHere(event, 'text', submit)}
      >
        <div>
          <label htmlFor="find-text" className="block font-semibold">
            Person or claim
          </label>
          <p id="find-text-hint" className="text-small text-soft">
            Name, email, key label, or the start of a key hash or claim number.
          </p>
          <input
            key={text}
            id="find-text"
            name="text"
            type="search"
            defaultValue={text}
            maxLength={200}
            autoComplete="off"
            aria-describedby="find-text-hint"
            className={box}
          />
        </div>
        <Button type="submit" kind="ink">
          Find
        </Button>
      </Form>
      <form className="space-y-3" onSubmit={findByHash}>
        <div>
          <label htmlFor="find-key" className="block font-semibold">
            A leaked key
          </label>
          <p id="find-key-hint" className="text-small text-soft">
            Paste the whole key. This page computes its hash; the key itself is not sent.
          </p>
          {/* Without a name no browser sends it. */}
          <input
            id="find-key"
            type="text"
            ref={pasted}
            spellCheck={false}
            autoComplete="off"
            aria-describedby="find-key-hint"
            className={`${box} font-mono`}
          />
        </div>
        {hydrated ? (
          <Button type="submit" kind="ink">
            Find the key
          </Button>
        ) : (
          <p className="text-small text-soft">
            This needs JavaScript: without it, search for the key’s hash instead.
          </p>
        )}
      </form>
    </div>
  )
}

/** Whose key it is, and the press that disables it. */
export function FoundKeyBox({ found, mayAct }: { found: KeyView | null; mayAct: boolean }) {
  return (
    <div className="mt-8 max-w-read" role="status">
      <KeyAnswer found={found} mayAct={mayAct} />
    </div>
  )
}

function KeyAnswer({ found, mayAct }: { found: KeyView | null; mayAct: boolean }) {
  if (!found)
    return (
      <Callout tone="plain" title="Keymint has made no such key">
        <p>Check that you pasted all of it. A key of another account is not listed here.</p>
      </Callout>
    )
  const { holder, off, confirmedOff } = found
  const state = confirmedOff ? 'is off' : off ? 'is being disabled' : 'works'
  if (holder.kind === 'team')
    return (
      <Callout tone={off ? 'ok' : 'warning'} title={`A team’s key ${state}`}>
        <p>Its owner can disable it on the team’s pages.</p>
      </Callout>
    )
  if (holder.kind === 'spare')
    return (
      <Callout tone={off ? 'ok' : 'warning'} title={`A pre-minted key ${state}`}>
        <p>
          {holder.workshop}. Nobody has claimed it.{' '}
          <Link className="prose-link" to={holder.href}>
            View the workshop
          </Link>
        </p>
      </Callout>
    )
  const { claim, current, act } = holder
  return (
    <Callout tone={off ? 'ok' : 'error'} title={`The key of ${claim.displayName} ${state}`}>
      <p>
        {claim.workshop}, {claim.email ?? 'no verified email'}
        {current ? '' : '. It is an earlier key of this claim'}.{' '}
        <Link className="prose-link" to={claim.href}>
          View the claim
        </Link>
      </p>
      {mayAct && current && !off && claim.state === 'ready' ? (
        <Form method="post" action={act} className="mt-3">
          <input type="hidden" name="action" value="disable" />
          <input type="hidden" name="claim" value={claim.claimId} />
          <Button type="submit" name="confirm" value="yes" kind="danger">
            Disable this key
          </Button>
        </Form>
      ) : null}
    </Callout>
  )
}

export function FoundClaims({
  text,
  claims,
  max,
}: {
  text: string
  claims: ClaimView[]
  max: number
}) {
  if (claims.length === 0)
    return (
      <div className="mt-8">
        <EmptyState title={`No claim matches “${text}”`}>
          <p>
            You can search by name, verified email, key label, or the first characters of a key’s
            hash or of a claim number, in every workshop. People who have not claimed are not
            listed.
          </p>
        </EmptyState>
      </div>
    )
  return (
    <section aria-label="Claims found" className="mt-8">
      <p className="mb-3 text-small text-soft">
        {claims.length === max ? `The newest ${max}.` : `${claims.length} found.`}
      </p>
      <Table
        label="Claims found"
        stacked
        rows={claims}
        rowKey={(claim) => claim.claimId}
        columns={[
          {
            head: 'Person',
            header: true,
            cell: (claim) => (
              <Link to={claim.href} className="prose-link">
                {claim.displayName}
              </Link>
            ),
          },
          { head: 'Workshop', cell: (claim) => claim.workshop },
          {
            head: 'Email',
            className: 'text-soft [overflow-wrap:anywhere]',
            cell: (claim) => claim.email ?? 'no verified email',
          },
          { head: 'State', cell: (claim) => stateLabels[claim.state] },
          { head: 'Key', className: 'font-mono', cell: (claim) => claim.keyLabel ?? '' },
        ]}
      />
    </section>
  )
}

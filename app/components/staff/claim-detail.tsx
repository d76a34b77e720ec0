import type { ClaimActionKind } from '~/domain/claim/actions'
import type { ClaimDetail } from '~/domain/staff/claim-detail.server'
import { actionChoices, isDangerous } from './act-messages'
import { labelOfAuditAction } from '~/messages/audit'
import { delayLabel } from '~/messages/delays'
import { attemptLabels, reasonLabel, stateLabels } from './claim-messages'
import { EmptyState } from '../base/page-shell'
import { Table } from '../base/table'
import { Time } from '../base/time'
import { ModelList } from '../base/model-list'
import { Fact, resetLabels } from '../claim/workshop-facts'
import { Details } from './audit-detail-list'
import { actorLabels } from './audit-details'

type Props = { claim: ClaimDetail }

/** What fits the claim's state; the next page previews it. */
export function ClaimActions({ claim, action }: Props & { action: string }) {
  const ready = claim.state === 'ready'
  const fits: Record<ClaimActionKind, boolean> = {
    bind: ready && claim.key?.boundAt === null,
    retry: claim.state === 'refused',
    'try-now': claim.waiting !== null || claim.unconfirmed !== null,
    disable: ready && !claim.key?.disabled,
    enable: ready && claim.key?.disabled === true,
    'set-limit': ready,
    're-issue': ready,
    extend: ready,
    revoke: ready || claim.state === 'pending',
  }
  const choices = actionChoices.filter(({ value }) => fits[value])
  if (choices.length === 0) return null
  return (
    <form method="get" action={action} className="mt-4 flex flex-wrap gap-3">
      <input type="hidden" name="claim" value={claim.claimId} />
      {choices
        .filter((choice) => !isDangerous(choice))
        .map(({ value, label }) => (
          <button key={value} type="submit" name="action" value={value} className="button">
            {label}
          </button>
        ))}
      <span className="flex flex-wrap gap-3 sm:ml-auto">
        {choices.filter(isDangerous).map(({ value, label }) => (
          <button
            key={value}
            type="submit"
            name="action"
            value={value}
            className="button"
            data-kind="danger"
          >
            {label}
          </button>
        ))}
      </span>
    </form>
  )
}

export function ClaimFacts({ claim }: Props) {
  const { person, key, asOf } = claim
  const used = claim.limitReset ? claim.windowUsed : claim.usage
  return (
    <dl className="divide-y divide-rule border-y border-rule">
      <Fact name="State">
        {stateLabels[claim.state]}
        {claim.reason ? `: ${reasonLabel(claim.reason)}` : ''}
        {claim.reasonDetail ? `. ${claim.reasonDetail}` : ''}
        {claim.waiting ? (
          <>
            {' '}
            since <Time iso={claim.waiting.since} now={asOf} />, {claim.waiting.attempts}{' '}
            {claim.waiting.attempts === 1 ? 'try' : 'tries'}
            {claim.waiting.delayReason ? `, delayed: ${delayLabel(claim.waiting.delayReason)}` : ''}
          </>
        ) : null}
      </Fact>
      <Fact name="Email">
        {person.email ?? 'no verified email'}, signed in with{' '}
        {person.provider === 'google' ? 'Google' : 'GitHub'} (
        <code className="font-mono text-small">{person.userId}</code>)
      </Fact>
      {person.banned ? (
        <Fact name="Banned">{person.banned.reason ?? 'no reason given'}</Fact>
      ) : null}
      <Fact name="Claimed">
        <Time iso={claim.attendedAt} now={asOf} />
      </Fact>
      <Fact name="Ends">
        <Time iso={claim.expiresAt} now={asOf} />
      </Fact>
      {claim.endedAt ? (
        <Fact name="Ended">
          <Time iso={claim.endedAt} now={asOf} />
          {claim.settledAt ? (
            <>
              , settled <Time iso={claim.settledAt} now={asOf} />
            </>
          ) : (
            ', not settled yet'
          )}
        </Fact>
      ) : null}
      <Fact name="Limit">
        {claim.limit.text}
        {claim.limitReset ? ` ${resetLabels[claim.limitReset]}` : ' in total'};{' '}
        {claim.committed.text} committed of the pool
      </Fact>
      <Fact name="Used">
        {used ? `${used.text} of ${claim.limit.text}` : 'no reading yet'}
        {claim.limitReset && claim.usage ? `, ${claim.usage.text} in all` : ''}
        {claim.usageAsOf ? (
          <>
            , as of <Time iso={claim.usageAsOf} now={asOf} />
          </>
        ) : null}
      </Fact>
      <Fact name="Key">
        {key ? (
          <>
            <code className="font-mono">{key.label}</code>
            {key.savedAt ? (
              <>
                , created <Time iso={key.savedAt} now={asOf} />
              </>
            ) : null}
            , number {claim.generation} of this claim
            <br />
            <span className="text-small text-soft">
              hash <code className="font-mono [overflow-wrap:anywhere]">{key.hash}</code>
            </span>
          </>
        ) : (
          'none'
        )}
      </Fact>
      {key ? (
        <Fact name="Guardrail">
          {key.boundAt ? (
            <>
              assigned <Time iso={key.boundAt} now={asOf} />
            </>
          ) : (
            <span className="text-amber-ink">
              {key.setAside ? 'unbound, set aside' : 'unbound'} after {key.bindAttempts}{' '}
              {key.bindAttempts === 1 ? 'try' : 'tries'}: {key.bindError ?? 'not tried yet'}
            </span>
          )}
          {key.heldSince ? (
            <>
              <br />
              <span className="text-brick-ink">
                on hold since <Time iso={key.heldSince} now={asOf} />: spending too fast. Enabling
                it lifts the hold.
              </span>
            </>
          ) : key.disabled ? (
            <>
              <br />
              <span className="text-brick-ink">disabled at the provider</span>
            </>
          ) : null}
          {key.missingSince ? (
            <>
              <br />
              <span className="text-brick-ink">
                missing at the provider since <Time iso={key.missingSince} now={asOf} />
              </span>
            </>
          ) : null}
        </Fact>
      ) : null}
      {claim.unconfirmed ? (
        <Fact name="Not confirmed">
          <span className="text-brick-ink">
            {claim.unconfirmed.error} Retrying automatically since{' '}
            <Time iso={claim.unconfirmed.since} now={asOf} />.
          </span>
        </Fact>
      ) : null}
      <Fact name="Revealed">
        {claim.revealedAt ? <Time iso={claim.revealedAt} now={asOf} /> : 'never'}
      </Fact>
      <Fact name="Opted in here">{person.optedIn ? 'yes' : 'no'}</Fact>
      <Fact name="Models">
        <ModelList models={claim.allowedModels} />
      </Fact>
    </dl>
  )
}

const frame = 'sm:max-h-[60vh]'
const wide = 'sm:min-w-[48rem]'

export function FormerKeys({ claim }: Props) {
  return (
    <Table
      label="Former keys"
      frameClassName={frame}
      className={wide}
      stacked
      rows={claim.formerKeys}
      rowKey={(key) => key.hash}
      columns={[
        { head: 'Number', named: true, cell: (key) => key.generation },
        { head: 'Key', className: 'font-mono', cell: (key) => key.label ?? '' },
        {
          head: 'Hash',
          named: true,
          cell: (key) => <code className="font-mono">{key.hash.slice(0, 12)}…</code>,
        },
        { head: 'Reason', named: true, cell: (key) => reasonLabel(key.reason) },
        { head: 'Used', named: true, cell: (key) => key.usage.text },
        { head: 'Retired', named: true, cell: (key) => stamp(key.retiredAt, claim) },
        { head: 'Disabled', named: true, cell: (key) => stamp(key.disabledAt, claim) },
        { head: 'Settled', named: true, cell: (key) => stamp(key.settledAt, claim) },
      ]}
    />
  )
}

export function AttemptTable({ claim }: Props) {
  if (claim.attempts.length === 0) return <EmptyState title="No call yet" />
  return (
    <Table
      label="Calls to create the key"
      frameClassName={frame}
      className={wide}
      stacked
      rows={claim.attempts}
      rowKey={(attempt) => attempt.id}
      columns={[
        { head: 'Sent', named: true, cell: (attempt) => stamp(attempt.sentAt, claim) },
        { head: 'Took', named: true, cell: (attempt) => durationOf(attempt) },
        { head: 'For key', named: true, cell: (attempt) => `number ${attempt.generation}` },
        {
          head: 'Outcome',
          named: true,
          cell: (attempt) => attemptLabels[attempt.state] ?? attempt.state,
        },
        {
          head: 'Answer',
          named: true,
          cell: (attempt) =>
            [attempt.httpStatus, attempt.outcome].filter((part) => part !== null).join(' '),
        },
        {
          head: 'Deleted at the provider',
          named: true,
          cell: (attempt) => stamp(attempt.deletedAt, claim),
        },
      ]}
    />
  )
}

export function Trail({ claim }: Props) {
  if (claim.trail.length === 0) return <EmptyState title="No events yet" />
  return (
    <Table
      label="Events"
      frameClassName={frame}
      className={wide}
      stacked
      rows={claim.trail}
      rowKey={(event) => event.id}
      columns={[
        { head: 'When', cell: (event) => stamp(event.at, claim) },
        {
          head: 'Who',
          cell: (event) => event.actorName ?? actorLabels[event.actor] ?? event.actor,
        },
        {
          head: 'Action',
          title: (event) => event.action,
          cell: (event) => labelOfAuditAction(event.action),
        },
        {
          head: 'Details',
          cell: (event) => <Details details={event.details} asOf={claim.asOf} />,
        },
      ]}
    />
  )
}

function durationOf(attempt: ClaimDetail['attempts'][number]): string {
  if (attempt.settledAt === null) return ''
  return `${((Date.parse(attempt.settledAt) - Date.parse(attempt.sentAt)) / 1000).toFixed(1)} s`
}

/** Null, so that a card on a phone leaves out what is not there. */
const stamp = (iso: string | null, { asOf }: ClaimDetail) =>
  iso ? (
    <span className="whitespace-nowrap">
      <Time iso={iso} now={asOf} exact short />
    </span>
  ) : null

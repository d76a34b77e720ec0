import type { ReactNode } from 'react'
import type { ClaimDetail } from '~/domain/staff/claim-detail.server'
import { actionChoices } from './act-bar'
import { reasonWords, stateWords } from './claim-list'
import { EmptyState } from '../base/page-shell'
import { Time } from '../base/time'
import { Fact, resetWords } from '../claim/workshop-facts'

type Props = { claim: ClaimDetail }

/** What makes sense for a claim that stands like this; the next page says what it would do. */
export function ClaimActions({ claim, action }: Props & { action: string }) {
  const ready = claim.state === 'ready'
  const fits: Record<(typeof actionChoices)[number]['value'], boolean> = {
    bind: ready && claim.key?.boundAt === null,
    retry: claim.state === 'refused',
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
    <form method="get" action={action} className="mt-6 flex flex-wrap gap-3">
      <input type="hidden" name="claim" value={claim.claimId} />
      {choices.map(({ value, words }) => (
        <button key={value} type="submit" name="action" value={value} className="button">
          {words}
        </button>
      ))}
    </form>
  )
}

export function ClaimFacts({ claim }: Props) {
  const { person, key, asOf } = claim
  const used = claim.limitReset ? claim.windowUsed : claim.usage
  return (
    <dl className="divide-y divide-rule border-y border-rule">
      <Fact name="State">
        {stateWords[claim.state]}
        {claim.reason ? `: ${reasonWords(claim.reason)}` : ''}
        {claim.reasonDetail ? `. ${claim.reasonDetail}` : ''}
        {claim.waiting ? (
          <>
            {' '}
            since <Time iso={claim.waiting.since} now={asOf} />, {claim.waiting.attempts}{' '}
            {claim.waiting.attempts === 1 ? 'try' : 'tries'}
            {claim.waiting.delayReason ? `, put off: ${claim.waiting.delayReason}` : ''}
          </>
        ) : null}
      </Fact>
      <Fact name="Email">
        {person.email ?? 'no verified email'}, signed in with{' '}
        {person.provider === 'google' ? 'Google' : 'GitHub'} (
        <code className="font-mono text-small">{person.userId}</code>)
      </Fact>
      {person.banned ? (
        <Fact name="Banned">{person.banned.reason ?? 'no reason was given'}</Fact>
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
      <Fact name="Cap">
        {claim.limit.text}
        {claim.limitReset ? ` ${resetWords[claim.limitReset]}` : ' in total'};{' '}
        {claim.committed.text} committed of the pool
      </Fact>
      <Fact name="Used">
        {used ? `${used.text} of ${claim.limit.text}` : 'not read yet'}
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
                , made <Time iso={key.savedAt} now={asOf} />
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
        <Fact name="Limits">
          {key.boundAt ? (
            <>
              attached <Time iso={key.boundAt} now={asOf} />
            </>
          ) : (
            <span className="text-amber-ink">
              {key.setAside ? 'set aside' : 'not attached'} after {key.bindAttempts}{' '}
              {key.bindAttempts === 1 ? 'try' : 'tries'}: {key.bindError ?? 'not tried yet'}
            </span>
          )}
          {key.disabled ? (
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
      <Fact name="Shown">
        {claim.revealedAt ? <Time iso={claim.revealedAt} now={asOf} /> : 'never'}
      </Fact>
      <Fact name="Opted in here">{person.optedIn ? 'yes' : 'no'}</Fact>
      <Fact name="Models">
        <ul>
          {claim.allowedModels.map((model) => (
            <li key={model}>
              <code className="font-mono text-small [overflow-wrap:anywhere]">{model}</code>
            </li>
          ))}
        </ul>
      </Fact>
    </dl>
  )
}

export function FormerKeys({ claim }: Props) {
  return (
    <Ledger
      label="Former keys"
      head={['Number', 'Key', 'Hash', 'Why', 'Used', 'Retired', 'Disabled', 'Settled']}
      rows={claim.formerKeys.map((key) => [
        String(key.generation),
        <code key="l" className="font-mono">
          {key.label ?? ''}
        </code>,
        <code key="h" className="font-mono">
          {key.hash.slice(0, 12)}…
        </code>,
        key.reason,
        key.usage.text,
        <Stamp key="r" iso={key.retiredAt} />,
        <Stamp key="d" iso={key.disabledAt} />,
        <Stamp key="s" iso={key.settledAt} />,
      ])}
    />
  )
}

const outcomeWords: Record<string, string> = {
  sent: 'no answer yet',
  saved: 'key saved',
  unknown: 'outcome in doubt',
  refused: 'refused',
  condemned: 'condemned: its key, if there is one, is deleted',
}

export function AttemptTable({ claim }: Props) {
  if (claim.attempts.length === 0) return <EmptyState title="No call has been made yet." />
  return (
    <Ledger
      label="Calls to make the key"
      head={['Sent', 'Took', 'For key', 'What came of it', 'Answer', 'Deleted upstream']}
      rows={claim.attempts.map((attempt) => [
        <Stamp key="s" iso={attempt.sentAt} />,
        attempt.settledAt
          ? `${((Date.parse(attempt.settledAt) - Date.parse(attempt.sentAt)) / 1000).toFixed(1)} s`
          : '',
        `number ${attempt.generation}`,
        outcomeWords[attempt.state] ?? attempt.state,
        [attempt.httpStatus, attempt.outcome].filter((part) => part !== null).join(' '),
        <Stamp key="d" iso={attempt.deletedAt} />,
      ])}
    />
  )
}

export function Trail({ claim }: Props) {
  if (claim.trail.length === 0) return <EmptyState title="Nothing is recorded of this claim." />
  return (
    <Ledger
      label="Who did what"
      head={['When', 'Who', 'What', 'Details']}
      rows={claim.trail.map((event) => [
        <Stamp key="s" iso={event.at} />,
        event.actorName ?? event.actor,
        event.action,
        <code key="c" className="font-mono text-small [overflow-wrap:anywhere]">
          {event.details === '{}' ? '' : event.details}
        </code>,
      ])}
    />
  )
}

function Stamp({ iso }: { iso: string | null }) {
  return iso ? (
    <time dateTime={iso} className="whitespace-nowrap">
      {iso.slice(0, 19).replace('T', ' ')} UTC
    </time>
  ) : null
}

function Ledger({ label, head, rows }: { label: string; head: string[]; rows: ReactNode[][] }) {
  return (
    <div
      className="relative max-h-[60vh] overflow-auto"
      tabIndex={0}
      role="region"
      aria-label={label}
    >
      <table className="ledger min-w-[48rem]">
        <thead>
          <tr>
            {head.map((words) => (
              <th key={words} scope="col">
                {words}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, row) => (
            <tr key={row}>
              {cells.map((cell, column) => (
                <td key={column}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

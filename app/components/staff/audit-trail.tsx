/** The audit trail as a table; on a phone each event is a block of its own. */
import type { ChainState } from '~/domain/audit/chain.server'
import { labelOfAuditAction } from '~/messages/audit'
import { detailsOf } from './audit-details'
import { Callout } from '../base/callout'
import { Ago, Time } from '../base/time'

export type TrailEntry = {
  id: string
  at: string
  actor: { text: string; name: string | null; filterUrl: string }
  action: { name: string; filterUrl: string }
  subject: { text: string; name: string | null; filterUrl: string; url: string | null }
  workshop: { slug: string; filterUrl: string } | null
  details: Record<string, unknown>
  chained: boolean
}

const actorLabel: Record<string, string> = { worker: 'The worker', operator: 'The operator' }

export function AuditTrail({ entries, asOf }: { entries: TrailEntry[]; asOf: string }) {
  return (
    <div className="relative overflow-x-auto" tabIndex={0} role="region" aria-label="Events">
      <table className="ledger max-sm:block">
        <thead className="max-sm:sr-only">
          <tr>
            <th scope="col">When</th>
            <th scope="col">Who</th>
            <th scope="col">Did what</th>
            <th scope="col">To what</th>
            <th scope="col">Details</th>
          </tr>
        </thead>
        <tbody className="max-sm:block">
          {entries.map((entry) => (
            <Event key={entry.id} entry={entry} asOf={asOf} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

const cell = 'max-sm:block max-sm:!h-auto max-sm:!border-0 max-sm:!p-0 !align-top !py-2'

function Event({ entry, asOf }: { entry: TrailEntry; asOf: string }) {
  const { actor, action, subject, workshop } = entry
  const themselves = subject.text === `user:${actor.text}`
  return (
    <tr className="max-sm:block max-sm:border-b max-sm:border-rule max-sm:py-4">
      <td className={`${cell} text-soft sm:w-56`}>
        <time dateTime={entry.at} className="whitespace-nowrap">
          {exactTime(entry.at)}
        </time>
        <span className="block max-sm:inline max-sm:before:content-[',_']">
          event {entry.id}
          {entry.chained ? '' : ', not chained yet'}
        </span>
      </td>
      <td className={`${cell} max-sm:!pt-1`}>
        <a
          className="inline-block min-h-6 min-w-6 hover:underline"
          href={actor.filterUrl}
          title="Show all events by this person"
        >
          {actor.name ?? actorLabel[actor.text] ?? <Id text={actor.text} />}
        </a>
        {actor.name ? <Id text={actor.text} /> : null}
      </td>
      <td className={`${cell} font-semibold`}>
        <a
          className="inline-block min-h-6 min-w-6 hover:underline"
          href={action.filterUrl}
          title={`Show all of “${action.name}”`}
        >
          {labelOfAuditAction(action.name)}
        </a>
      </td>
      <td className={cell}>
        {themselves ? (
          <a
            className="inline-block min-h-6 min-w-6 text-soft hover:underline"
            href={subject.filterUrl}
            title="Show all that was done to them"
          >
            themselves
          </a>
        ) : (
          <a
            className="inline-block min-h-6 min-w-6 hover:underline"
            href={subject.filterUrl}
            title="Show all that was done to it"
          >
            {subject.name}
            <Id text={subject.text} />
          </a>
        )}
        <span className="flex flex-wrap gap-x-3">
          {workshop ? (
            <a className="inline-block min-h-6 min-w-6 prose-link" href={workshop.filterUrl}>
              {workshop.slug}
            </a>
          ) : null}
          {subject.url ? (
            <a className="inline-block min-h-6 min-w-6 prose-link" href={subject.url}>
              Open
            </a>
          ) : null}
        </span>
      </td>
      <td className={`${cell} sm:w-72`}>
        <Details details={entry.details} asOf={asOf} />
      </td>
    </tr>
  )
}

/** To the second and in UTC, as the filter and the exports have it: "21 Nov 2026, 07:49:21 UTC". */
function exactTime(iso: string): string {
  const at = new Date(iso)
  const day = new Intl.DateTimeFormat('en-GB', {
    timeZone: 'UTC',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
  }).format(at)
  return `${day}, ${iso.slice(11, 19)} UTC`
}

function Id({ text }: { text: string }) {
  return <span className="block font-mono [overflow-wrap:anywhere] text-soft">{text}</span>
}

function Details({ details, asOf }: { details: Record<string, unknown>; asOf: string }) {
  const views = detailsOf(details)
  if (views.length === 0) return null
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-3">
      {views.map(({ label, kind, value }, index) => (
        <div key={`${label} ${index}`} className="contents">
          <dt className="text-soft">{label}</dt>
          <dd className={`min-w-0 [overflow-wrap:anywhere] ${kind === 'code' ? 'font-mono' : ''}`}>
            {kind === 'time' ? <Time iso={value} now={asOf} /> : value}
          </dd>
        </div>
      ))}
    </dl>
  )
}

const quietSeconds = 120

/** How far the trail is chained, and what to do with that. */
export function ChainLine({ chain, asOf }: { chain: ChainState; asOf: string }) {
  const late =
    chain.waitingSince !== null &&
    Date.parse(asOf) - Date.parse(chain.waitingSince) > quietSeconds * 1000
  const waiting =
    chain.waiting === 0
      ? 'none pending'
      : `${chain.waiting >= 1_000 ? '1,000 or more' : chain.waiting} pending`
  return (
    <div className="mt-4 space-y-4">
      <p className="text-soft">
        {chain.head ? (
          <>
            Chained up to event {chain.head.eventId} of <Time iso={chain.head.at} now={asOf} />,
            head <code className="font-mono">{chain.head.hash.slice(0, 12)}</code>; {waiting}.
          </>
        ) : (
          <>No event is chained yet; {waiting}.</>
        )}
      </p>
      {late && chain.waitingSince ? (
        <Callout tone="amber" title="Events are not chained">
          <p>
            The oldest is from <Ago iso={chain.waitingSince} asOf={asOf} />. A worker chains events
            every 15 seconds: check that one is running. Until then, changes to these events cannot
            be detected.
          </p>
        </Callout>
      ) : null}
      {chain.head ? (
        <details>
          <summary className="inline-flex min-h-11 items-center prose-link">
            How to check the trail for changes
          </summary>
          <div className="mt-2 max-w-read space-y-2">
            <p>
              Copy the head to a place outside this database; the worker’s log has the head of every
              batch too. Later, this command checks all events up to it:
            </p>
            <pre className="overflow-x-auto rounded-box border border-rule bg-sunk p-4 font-mono text-small">
              npm run audit:verify -- --expect {chain.head.hash}
            </pre>
          </div>
        </details>
      ) : null}
    </div>
  )
}

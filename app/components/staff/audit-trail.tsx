/** The audit trail as a table; on a phone each event is a block of its own. */
import type { ChainState } from '~/domain/audit/chain.server'
import { labelOfAuditAction } from '~/messages/audit'
import { Details } from './audit-detail-list'
import { actorLabels } from './audit-details'
import { Callout } from '../base/callout'
import { Table } from '../base/table'
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

export function AuditTrail({ entries, asOf }: { entries: TrailEntry[]; asOf: string }) {
  return (
    <Table
      label="Events"
      stacked
      rows={entries}
      rowKey={(entry) => entry.id}
      columns={[
        {
          head: 'When',
          className: `${cell} text-soft sm:w-56`,
          cell: (entry) => <When entry={entry} asOf={asOf} />,
        },
        { head: 'Who', className: `${cell} max-sm:!pt-1`, cell: Actor },
        { head: 'Action', className: `${cell} font-semibold`, cell: Action },
        { head: 'Subject', className: cell, cell: Subject },
        {
          head: 'Details',
          className: `${cell} sm:w-72`,
          cell: (entry) => <Details details={entry.details} asOf={asOf} />,
        },
      ]}
    />
  )
}

const cell = '!align-top !py-2'
const link = 'inline-block min-h-6 min-w-6'

function When({ entry, asOf }: { entry: TrailEntry; asOf: string }) {
  return (
    <>
      <Time iso={entry.at} now={asOf} exact />
      <span className="block max-sm:inline max-sm:before:content-[',_']">
        event {entry.id}
        {entry.chained ? '' : ', not chained yet'}
      </span>
    </>
  )
}

function Actor({ actor }: TrailEntry) {
  return (
    <>
      <a
        className={`${link} hover:underline`}
        href={actor.filterUrl}
        title="Show all their actions"
      >
        {actor.name ?? actorLabels[actor.text] ?? <Id text={actor.text} />}
      </a>
      {actor.name ? <Id text={actor.text} /> : null}
    </>
  )
}

function Action({ action }: TrailEntry) {
  return (
    <a
      className={`${link} hover:underline`}
      href={action.filterUrl}
      title={`Show all of “${action.name}”`}
    >
      {labelOfAuditAction(action.name)}
    </a>
  )
}

function Subject({ actor, subject, workshop }: TrailEntry) {
  return (
    <>
      {subject.text === `user:${actor.text}` ? (
        <a
          className={`${link} text-soft hover:underline`}
          href={subject.filterUrl}
          title="Show all events about them"
        >
          themselves
        </a>
      ) : (
        <a
          className={`${link} hover:underline`}
          href={subject.filterUrl}
          title="Show all events about it"
        >
          {subject.name}
          <Id text={subject.text} />
        </a>
      )}
      <span className="flex flex-wrap gap-x-3">
        {workshop ? (
          <a className={`${link} prose-link`} href={workshop.filterUrl}>
            {workshop.slug}
          </a>
        ) : null}
        {subject.url ? (
          <a className={`${link} prose-link`} href={subject.url}>
            Open
          </a>
        ) : null}
      </span>
    </>
  )
}

function Id({ text }: { text: string }) {
  return <span className="block font-mono [overflow-wrap:anywhere] text-soft">{text}</span>
}

const quietSeconds = 120

function waitingLabel(count: number): string {
  if (count === 0) return 'none are waiting'
  if (count >= 1_000) return '1,000 or more are waiting'
  return count === 1 ? '1 is waiting' : `${count} are waiting`
}

/** How far the trail is chained, and how to verify it. */
export function ChainLine({ chain, asOf }: { chain: ChainState; asOf: string }) {
  const late =
    chain.waitingSince !== null &&
    Date.parse(asOf) - Date.parse(chain.waitingSince) > quietSeconds * 1000
  const waiting = waitingLabel(chain.waiting)
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
        <Callout tone="warning" title="Events are not chained yet">
          <p>
            The oldest is from <Ago iso={chain.waitingSince} asOf={asOf} />. A worker chains events
            every 15 seconds; check that one is running. Until then a change to these events would
            go unnoticed.
          </p>
        </Callout>
      ) : null}
      {chain.head ? (
        <details>
          <summary className="inline-flex min-h-11 items-center prose-link">
            How to verify that nothing was changed
          </summary>
          <div className="mt-2 max-w-read space-y-2">
            <p>
              Store the head outside this database; the worker’s log has the head of every batch,
              too. Later, this command verifies everything up to it:
            </p>
            <pre
              tabIndex={0}
              className="overflow-x-auto rounded-box border border-rule bg-sunk p-4 font-mono text-small"
            >
              npm run audit:verify -- --expect {chain.head.hash}
            </pre>
          </div>
        </details>
      ) : null}
    </div>
  )
}

import { numberText } from '~/messages/text'
import { Link } from '@remix-run/react'
import type { UnboundReason } from '~/domain/staff/workshop-page.server'
import type { WorkshopLine } from '~/domain/staff/overview.server'
import { Callout } from '../base/callout'
import type { Finding } from '~/domain/operations/judgement'
import { ownHeadline, workshopLine } from '~/messages/health'
import { endLabel } from './act-messages'
import { LiveBar } from './live-line'
import { FindingLabel, HealthLabel, Reasons } from './health-line'
import { Window } from './overview'
import { PoolBar } from './pool-bar'

type Hrefs = {
  page: string
  export: string
  receipt: string
  act: string
  wall: string
  announce: string
  /** Null where the workshop takes none. */
  requests: string | null
}

/** The worst of it in one sentence, with its reasons and its money. */
export function WorkshopSummary({
  line,
  worst,
  asOf,
}: {
  line: WorkshopLine
  worst: Finding | null
  asOf: string
}) {
  return (
    <div className="mt-2">
      <div className="flex flex-wrap items-center justify-between gap-x-6">
        <p className="text-soft">
          <Window line={line} asOf={asOf} />.
        </p>
        <LiveBar asOf={asOf} />
      </div>
      <div className="mt-2 grid gap-x-12 gap-y-3 lg:grid-cols-2">
        <details>
          <summary className="flex min-h-11 items-baseline gap-x-3 max-sm:flex-wrap">
            {worst ? <FindingLabel finding={worst} /> : <HealthLabel health={line.health} />}
            <span className="min-w-0 font-semibold [overflow-wrap:anywhere] max-sm:basis-full">
              {worst ? ownHeadline(worst) : workshopLine(line)}
            </span>
            <span className="text-small prose-link text-soft">Why</span>
          </summary>
          <div className="pt-2">
            <Reasons health={line.health} asOf={asOf} />
            {worst ? (
              <p className="mt-2 [overflow-wrap:anywhere] text-soft">{workshopLine(line)}</p>
            ) : null}
          </div>
        </details>
        <PoolBar money={line.money} seats={line.seats} asOf={asOf} />
      </div>
      {line.problems.length > 0 ? (
        <div className="mt-6">
          <Callout tone="error" title="The workshop’s file has an error">
            <ul>
              {line.problems.map((problem) => (
                <li key={problem}>
                  <code className="font-mono text-small [overflow-wrap:anywhere]">{problem}</code>
                </li>
              ))}
            </ul>
            <p>Nobody can claim until you correct it. Existing keys keep working.</p>
          </Callout>
        </div>
      ) : null}
    </div>
  )
}

/** What is done with the whole workshop; what ends it stands apart. */
export function WorkshopActions({
  line,
  mayAct,
  organizers,
  hrefs,
}: {
  line: WorkshopLine
  mayAct: boolean
  organizers: string[]
  hrefs: Hrefs
}) {
  const live = line.counts.pending + line.counts.ready
  return (
    <section aria-labelledby="whole" className="mt-10 border-t border-rule pt-6">
      <h2 id="whole" className="mb-3 text-head">
        The whole workshop
      </h2>
      <div className="flex flex-wrap gap-3">
        <a className="button" href={hrefs.export} download>
          Export as CSV
        </a>
        <a className="button" href={hrefs.page}>
          View the attendees’ page
        </a>
        <Link className="button" to={hrefs.receipt}>
          Receipt
        </Link>
        {line.problems.length === 0 && line.window !== null ? (
          <>
            <a className="button" href={hrefs.wall}>
              Open the wall
            </a>
            <Link className="button" to={hrefs.announce}>
              Announcement
            </Link>
            {hrefs.requests ? (
              <Link className="button" to={hrefs.requests}>
                Requests
              </Link>
            ) : null}
          </>
        ) : null}
        {mayAct && live > 0 ? (
          <a className="button" href={`${hrefs.act}?action=extend&all=yes&state=ready`}>
            Extend all keys
          </a>
        ) : null}
      </div>
      <p className="mt-4 text-soft">
        {organizers.length === 0
          ? 'Only staff see and act here. Name others under organizers in the workshop’s file.'
          : `Organizers, besides staff: ${organizers.join(', ')}.`}
      </p>
      {mayAct && (live > 0 || line.window === 'open') ? (
        <div className="mt-10 border-t border-brick pt-4">
          <p className="mb-3 text-soft">Closes claims and revokes every live key, for good.</p>
          <a className="button" data-kind="danger" href={`${hrefs.act}?action=end`}>
            {endLabel(live)}
          </a>
        </div>
      ) : null}
    </section>
  )
}

/** Why keys are unbound, and a button that retries them all. Viewers have no `action`. */
export function UnboundCallout({
  count,
  reasons,
  action,
}: {
  count: number
  reasons: UnboundReason[]
  action: string | null
}) {
  const keys = `${numberText(count)} ${count === 1 ? 'key' : 'keys'}`
  return (
    <div className="mt-6">
      <Callout
        tone="warning"
        title={`${keys} ${count === 1 ? 'is' : 'are'} unbound: no guardrail limits the models yet`}
      >
        <p>
          The keys work within their limit; only the list of models is missing. Keymint retries
          automatically, except for keys that were set aside.
        </p>
        <ul>
          {reasons.map(({ reason, count: times, setAside }) => (
            <li key={reason ?? ''}>
              <strong>{numberText(times)}</strong>: {reason ?? 'Not tried yet.'}
              {setAside > 0 ? ` (${setAside} set aside)` : ''}
            </li>
          ))}
        </ul>
        {action ? (
          <form method="post" action={action}>
            <input type="hidden" name="action" value="bind" />
            <input type="hidden" name="all" value="yes" />
            <input type="hidden" name="fact" value="unbound" />
            <button type="submit" name="confirm" value="yes" className="button mt-2">
              Assign {count === 1 ? 'it' : `all ${numberText(count)}`} now
            </button>
          </form>
        ) : null}
      </Callout>
    </div>
  )
}

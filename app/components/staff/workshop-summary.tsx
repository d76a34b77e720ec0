import { Link } from '@remix-run/react'
import type { UnboundReason } from '~/domain/staff/workshop-page.server'
import type { WorkshopLine } from '~/domain/staff/overview.server'
import { Callout } from '../base/callout'
import { workshopLine } from '~/messages/health'
import { Reasons, SeverityLabel } from './health-line'
import { Window } from './overview'
import { PoolBar } from './pool-bar'

type Hrefs = { page: string; export: string; receipt: string; act: string }

/** The workshop in one line, its pool, and the actions on all of it. */
export function WorkshopSummary({
  line,
  asOf,
  mayAct,
  hrefs,
}: {
  line: WorkshopLine
  asOf: string
  mayAct: boolean
  hrefs: Hrefs
}) {
  const live = line.counts.pending + line.counts.ready
  return (
    <div className="mt-4">
      <p className="text-soft">
        <Window line={line} asOf={asOf} />.{' '}
        <a className="prose-link" href={hrefs.page}>
          View the attendees’ page
        </a>
      </p>
      <div className="mt-5 grid gap-x-12 gap-y-6 lg:grid-cols-2">
        <details open={line.health.severity === 'error'}>
          <summary className="flex min-h-11 flex-wrap items-center gap-x-4">
            <SeverityLabel severity={line.health.severity} />
            <span className="font-semibold">{workshopLine(line)}</span>
            <span className="text-small prose-link text-soft">Why</span>
          </summary>
          <div className="pt-2">
            <Reasons health={line.health} asOf={asOf} />
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
      <div className="mt-6 flex flex-wrap gap-3">
        <a className="button" href={hrefs.export} download>
          Export as CSV
        </a>
        <Link className="button" to={hrefs.receipt}>
          Receipt
        </Link>
        {mayAct && live > 0 ? (
          <a className="button" href={`${hrefs.act}?action=extend&all=yes&state=ready`}>
            Extend all keys
          </a>
        ) : null}
        {mayAct && (live > 0 || line.window === 'open') ? (
          <a className="button" href={`${hrefs.act}?action=end`}>
            End the workshop now
          </a>
        ) : null}
      </div>
    </div>
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
  const keys = `${count.toLocaleString('en-US')} ${count === 1 ? 'key' : 'keys'}`
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
              <strong>{times.toLocaleString('en-US')}</strong>: {reason ?? 'Not tried yet.'}
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
              Assign {count === 1 ? 'it' : `all ${count.toLocaleString('en-US')}`} now
            </button>
          </form>
        ) : null}
      </Callout>
    </div>
  )
}

import { numberText } from '~/messages/text'
import { Link } from '@remix-run/react'
import type { ReactNode } from 'react'
import type { SystemLine, WorkshopLine } from '~/domain/staff/overview.server'
import { Callout } from '../base/callout'
import { systemLine, workshopLine } from '~/messages/health'
import { HealthLabel, Reasons } from './health-line'
import { PoolBar } from './pool-bar'
import { Ago, EventZoneProvider, Time } from '../base/time'
import { spanText } from '../base/time-text'

/** The system in one line, with its counters and, one click away, the reasons. */
export function SystemPanel({
  system,
  fileProblems,
  asOf,
}: {
  system: SystemLine
  fileProblems: string[]
  asOf: string
}) {
  const { health, workers, calls, credits, counts } = system
  return (
    <section aria-labelledby="system" className="mt-5">
      <h2 id="system" className="sr-only">
        System
      </h2>
      <div className="rounded-card border border-rule bg-raised px-5 py-4">
        <details>
          <summary className="flex min-h-11 flex-wrap items-center gap-x-4 gap-y-1">
            <HealthLabel health={health} />
            <span className="min-w-0 flex-1 basis-64 font-semibold [overflow-wrap:anywhere]">
              {systemLine(health)}
            </span>
            <span className="text-small prose-link text-soft">Why</span>
          </summary>
          <div className="mt-3 border-t border-rule pt-3">
            <Reasons health={health} asOf={asOf} />
          </div>
        </details>
        <dl className="mt-4 grid grid-cols-2 gap-x-6 gap-y-4 border-t border-rule pt-4 sm:grid-cols-3 lg:grid-cols-4">
          <Stat
            name="Claims"
            value={numberText(counts.total)}
            note={`${numberText(counts.ready)} ready, ${numberText(counts.pending)} waiting`}
          />
          <Stat
            name="Oldest waiting job"
            value={system.oldestWaitSeconds === null ? 'none' : spanText(system.oldestWaitSeconds)}
            note={`${numberText(system.waiting)} waiting`}
          />
          <Stat
            name="Workers"
            value={String(workers.seen)}
            note={
              workers.lastSeenSecondsAgo === null
                ? 'never reported'
                : `reported ${spanText(workers.lastSeenSecondsAgo)} ago, ${workers.slots} calls at once`
            }
          />
          <Stat
            name="Calls that failed"
            value={
              calls.failed === 0 ? 'none' : `${Math.round((calls.failed / calls.total) * 100)} %`
            }
            note={
              calls.total === 0
                ? `no call in the last ${calls.minutes} min`
                : `${numberText(calls.failed)} of ${numberText(calls.total)} in ${calls.minutes} min, not made good`
            }
          />
          <Stat
            name="Credits left"
            value={credits.left?.text ?? 'not read'}
            note={
              <>
                {credits.lastsUntil ? (
                  <>
                    lasts until <Time iso={credits.lastsUntil} now={asOf} />
                    {credits.asOf ? ', ' : ''}
                  </>
                ) : null}
                {credits.asOf ? (
                  <>
                    read <Ago iso={credits.asOf} asOf={asOf} />
                  </>
                ) : null}
              </>
            }
          />
          <Stat
            name="Spent"
            value={system.money.spent.text}
            note={`by ${numberText(counts.active)} ${counts.active === 1 ? 'person' : 'people'}`}
          />
          <Stat
            name="May still be spent"
            value={system.money.maySpend.text}
            note="by keys given out"
          />
          <Stat
            name="Left to hand out"
            value={system.money.left.text}
            note="in workshops open now or within a day"
          />
        </dl>
      </div>
      {fileProblems.length > 0 ? (
        <div className="mt-4">
          <Callout
            tone="error"
            title={
              fileProblems.length === 1
                ? 'A workshop file has an error'
                : `Workshop files have ${fileProblems.length} errors`
            }
          >
            <ul className="space-y-1">
              {fileProblems.map((problem) => (
                <li key={problem}>
                  <code className="font-mono text-small [overflow-wrap:anywhere]">{problem}</code>
                </li>
              ))}
            </ul>
            <p>Correct the file and deploy. The other workshops are not affected.</p>
          </Callout>
        </div>
      ) : null}
    </section>
  )
}

function Stat({ name, value, note }: { name: string; value: string; note: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-small text-soft">{name}</dt>
      <dd className="font-head text-lead font-semibold">{value}</dd>
      <dd className="text-small text-soft">{note}</dd>
    </div>
  )
}

export function WorkshopLines({
  workshops,
  asOf,
}: {
  workshops: { line: WorkshopLine; href: string }[]
  asOf: string
}) {
  return (
    <ul className="mt-2 divide-y divide-rule border-b border-rule">
      {workshops.map(({ line, href }) => (
        <EventZoneProvider key={line.slug} value={line.timezone}>
          <li className="grid gap-x-8 gap-y-2 py-4 lg:grid-cols-[minmax(0,1fr)_18rem]">
            <div className="min-w-0">
              <h3 className="text-lead font-semibold">
                <Link to={href} className="inline-flex min-h-11 items-center prose-link">
                  {line.title}
                </Link>
              </h3>
              <p className="text-soft">
                <Window line={line} asOf={asOf} />
              </p>
              <details className="mt-1">
                <summary className="flex min-h-11 flex-wrap items-center gap-x-4">
                  <HealthLabel health={line.health} />
                  <span className="min-w-0 [overflow-wrap:anywhere]">{workshopLine(line)}</span>
                  <span className="text-small prose-link text-soft">Why</span>
                </summary>
                <div className="pt-1 pb-2">
                  <Reasons health={line.health} asOf={asOf} />
                </div>
              </details>
            </div>
            <div className="lg:pt-3">
              <PoolBar money={line.money} seats={line.seats} asOf={asOf} compact />
            </div>
          </li>
        </EventZoneProvider>
      ))}
    </ul>
  )
}

export function Window({ line, asOf }: { line: WorkshopLine; asOf: string }) {
  if (line.ended)
    return (
      <>
        Ended by staff <Time iso={line.ended.at} now={asOf} />
        {line.ended.reason ? `: ${line.ended.reason}` : ''}
      </>
    )
  if (line.window === null)
    return line.problems.length > 0 ? <>The file has an error</> : <>The file is gone</>
  if (line.window === 'upcoming')
    return (
      <>
        {line.opensAt ? (
          <>
            Opens <Time iso={line.opensAt} now={asOf} />
          </>
        ) : (
          'Upcoming'
        )}
      </>
    )
  if (line.window === 'closed')
    return (
      <>
        {line.closesAt ? (
          <>
            Closed <Time iso={line.closesAt} now={asOf} />
          </>
        ) : (
          'Closed'
        )}
      </>
    )
  return (
    <>
      {line.closesAt ? (
        <>
          Open until <Time iso={line.closesAt} now={asOf} />
        </>
      ) : (
        'Open'
      )}
    </>
  )
}

import { Form, Link, useNavigation, useRevalidator } from '@remix-run/react'
import { useEffect } from 'react'
import type { BulkResult, BulkView } from '~/domain/bulk/bulk.server'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Ago, Time } from '../base/time'

const kinds: Record<string, string> = {
  'claim.retry': 'Making keys again',
  'claim.bind': 'Attaching limits again',
  'claim.disable': 'Disabling keys',
  'claim.enable': 'Enabling keys',
  'claim.set-limit': 'Setting caps',
  'claim.revoke': 'Revoking keys',
  'claim.re-issue': 'Replacing keys',
  'claim.extend': 'Extending keys',
}

export const bulkWords = (kind: string) => kinds[kind] ?? kind

type Bulk = Omit<BulkView, 'params' | 'selection'>
const resultWords = {
  pending: 'to do',
  done: 'done',
  failed: 'failed',
  skipped: 'skipped',
} as const
const pollMs = 2_000

/** How far it has come, what came of each, and the way to stop it. */
export function BulkProgress({
  bulk,
  mayAct,
  asOf,
  hrefOf,
}: {
  bulk: Bulk & { results: BulkResult[] }
  mayAct: boolean
  asOf: string
  hrefOf: (claimId: string) => string
}) {
  const { total, done, failed, skipped } = bulk
  const finished = bulk.finishedAt !== null
  const busy = useNavigation().state !== 'idle'
  useFollow(!finished)
  const settled = done + failed + skipped
  const snapshot = finished
    ? bulk.state === 'aborted'
      ? `Stopped: ${done.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} were done.`
      : `All ${total.toLocaleString('en-US')} are through.`
    : `${settled.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} are through.`
  return (
    <div className="mt-6 max-w-read space-y-6">
      <div role="status">
        <p className="font-head text-lead font-semibold">{snapshot}</p>
        <p className="text-soft">
          {[
            done > 0 ? `${done.toLocaleString('en-US')} done` : null,
            failed > 0 ? `${failed.toLocaleString('en-US')} failed` : null,
            skipped > 0 ? `${skipped.toLocaleString('en-US')} skipped` : null,
          ]
            .filter((part) => part !== null)
            .join(', ')}
        </p>
      </div>
      <meter
        className="meter"
        data-tone={failed > 0 ? 'amber' : 'mint'}
        min={0}
        max={Math.max(1, total)}
        value={settled}
        aria-label="How far it has come"
      >
        {settled} of {total}
      </meter>
      {bulk.waiting && !finished ? (
        <Callout tone="amber" title="It waits.">
          <p>
            {bulk.waiting.reason}
            {bulk.waiting.until ? (
              <>
                {' '}
                It goes on <Time iso={bulk.waiting.until} now={asOf} />.
              </>
            ) : null}
          </p>
        </Callout>
      ) : null}
      <p className="text-soft">
        Asked for by {bulk.actorName ?? bulk.actor} <Ago iso={bulk.createdAt} asOf={asOf} />
        {bulk.reason ? `: ${bulk.reason.replace(/\.$/, '')}` : ''}.
        {finished && bulk.finishedAt ? (
          <>
            {' '}
            Finished <Time iso={bulk.finishedAt} now={asOf} />.
          </>
        ) : (
          <>
            {' '}
            You can close this page: the work goes on.{' '}
            <a className="prose-link" href="">
              Look again
            </a>
          </>
        )}
      </p>
      {bulk.results.length > 0 ? (
        <div className="relative overflow-auto" tabIndex={0} role="region" aria-label="Results">
          <table className="ledger">
            <thead>
              <tr>
                <th scope="col">What came of it</th>
                <th scope="col" className="!text-right">
                  Claims
                </th>
                <th scope="col">Which</th>
              </tr>
            </thead>
            <tbody>
              {bulk.results.map((result) => (
                <tr key={`${result.state} ${result.detail}`}>
                  <td className={result.state === 'failed' ? 'text-brick-ink' : ''}>
                    {resultWords[result.state]}
                    {result.detail ? `: ${result.detail}` : ''}
                  </td>
                  <td className="text-right">{result.count.toLocaleString('en-US')}</td>
                  <td className="font-mono">
                    {result.subjects
                      .slice(0, 6)
                      .map((subject) => subject.replace(/^claim:/, ''))
                      .map((claimId) => (
                        <Link key={claimId} to={hrefOf(claimId)} className="mr-3 prose-link">
                          {claimId.slice(0, 8).toUpperCase()}
                        </Link>
                      ))}
                    {result.count > 6 ? '…' : ''}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      {!finished && bulk.state === 'running' && mayAct ? (
        <Form method="post">
          <Button type="submit" busy={busy} busyText="Stopping…">
            Stop after what has begun
          </Button>
        </Form>
      ) : null}
      {bulk.state === 'aborted' && !finished ? (
        <p>Stopping: what has begun is finished first.</p>
      ) : null}
    </div>
  )
}

/** Reads again while there is something to see and somebody to see it. */
function useFollow(running: boolean): void {
  const { state, revalidate } = useRevalidator()
  useEffect(() => {
    if (!running || state !== 'idle') return
    const timer = setTimeout(() => {
      if (document.visibilityState === 'visible') revalidate()
    }, pollMs)
    const onVisible = () => document.visibilityState === 'visible' && revalidate()
    document.addEventListener('visibilitychange', onVisible)
    return () => {
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', onVisible)
    }
  }, [running, state, revalidate])
}

/** The latest work of a workshop, a line each. */
export function WorkList({
  work,
  asOf,
}: {
  work: { view: Omit<BulkView, 'params' | 'selection'>; href: string }[]
  asOf: string
}) {
  if (work.length === 0) return null
  return (
    <section aria-labelledby="work" className="mt-10 border-t border-rule pt-6">
      <h2 id="work" className="text-head">
        Asked for lately
      </h2>
      <ul className="mt-2 divide-y divide-rule">
        {work.map(({ view, href }) => (
          <li key={view.id} className="flex flex-wrap items-center gap-x-4 gap-y-0">
            <Link to={href} className="inline-flex min-h-11 items-center font-semibold prose-link">
              {bulkWords(view.kind)}
            </Link>
            <span>
              {view.finishedAt ? '' : 'under way, '}
              {view.done} of {view.total} done{view.failed > 0 ? `, ${view.failed} failed` : ''}
              {view.skipped > 0 ? `, ${view.skipped} skipped` : ''}
            </span>
            <span className="text-soft">
              {view.actorName ?? view.actor}, <Ago iso={view.createdAt} asOf={asOf} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

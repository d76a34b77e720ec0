import { Form } from '@remix-run/react'
import { Button } from '../../base/button'
import { Ago } from '../../base/time'

/** A bulk action as the queue page shows it. */
export type JobBulk = {
  id: string
  kind: string
  actorName: string | null
  actor: string
  state: 'running' | 'done' | 'aborted'
  total: number
  done: number
  failed: number
  skipped: number
  waiting: { reason: string; until: string | null } | null
  createdAt: string
  finishedAt: string | null
  results?: { state: string; detail: string | null; count: number }[]
}

const verbs: Record<string, string> = {
  'retry-job': 'Retry',
  'cancel-job': 'Cancel',
  'redrive-job': 'Send back',
}

/** How far an action on many jobs has come; a running one can be stopped. */
export function BulkProgress({
  bulk,
  mayAct,
  asOf,
}: {
  bulk: JobBulk
  mayAct: boolean
  asOf: string
}) {
  const handled = bulk.done + bulk.failed + bulk.skipped
  const parts = [
    `${bulk.done} done`,
    ...(bulk.skipped > 0 ? [`${bulk.skipped} had nothing to do`] : []),
    ...(bulk.failed > 0 ? [`${bulk.failed} failed`] : []),
  ]
  const over = bulk.finishedAt !== null
  return (
    <section
      aria-label="Bulk action"
      className="rounded-box border border-rule bg-raised px-4 py-3 text-small"
    >
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <p className="grow">
          <strong>
            {verbs[bulk.kind] ?? bulk.kind} {bulk.total} {bulk.total === 1 ? 'job' : 'jobs'}
          </strong>
          , asked for <Ago iso={bulk.createdAt} asOf={asOf} /> by {bulk.actorName ?? bulk.actor}:{' '}
          {bulk.state === 'aborted'
            ? 'stopped, '
            : over
              ? 'finished, '
              : `${handled} of ${bulk.total}, `}
          {parts.join(', ')}.
        </p>
        {mayAct && bulk.state === 'running' ? (
          <Form method="post" preventScrollReset>
            <input type="hidden" name="bulk" value={bulk.id} />
            <Button type="submit" name="do" value="abort">
              Stop
            </Button>
          </Form>
        ) : null}
      </div>
      {over ? null : (
        <progress className="meter mt-2" max={bulk.total} value={handled} aria-label="Progress">
          {handled} of {bulk.total}
        </progress>
      )}
      {bulk.waiting ? <p className="mt-1 text-amber-ink">Waits: {bulk.waiting.reason}</p> : null}
      {over && bulk.results && bulk.failed + bulk.skipped > 0 ? (
        <ul className="mt-2">
          {bulk.results
            .filter((result) => result.state !== 'done')
            .map((result) => (
              <li key={`${result.state} ${result.detail}`}>
                {result.count} {result.state === 'failed' ? 'failed' : 'skipped'}: {result.detail}
              </li>
            ))}
        </ul>
      ) : null}
    </section>
  )
}

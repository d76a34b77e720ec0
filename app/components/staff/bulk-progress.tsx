import { numberText } from '~/messages/text'
import { Form, Link, useNavigation } from '@remix-run/react'
import type { BulkResult, BulkView } from '~/domain/bulk/bulk.server'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Table } from '../base/table'
import { Ago, Time } from '../base/time'
import {
  bulkLabel,
  bulkReason,
  countsLabel,
  detailMessage,
  progressMessage,
  resultLabels,
} from './bulk-messages'

type Bulk = Omit<BulkView, 'params' | 'selection'> & { results?: BulkResult[] }
type Props = {
  bulk: Bulk
  mayAct: boolean
  asOf: string
  /** Where a subject of the action has a page. */
  hrefOf?: (subject: string) => string
}

const subjectsShown = 6

/** How far a bulk action is, the result of each item, and the button that stops it. */
export function BulkProgress({ bulk, mayAct, asOf, hrefOf }: Props) {
  const { total, failed, waiting } = bulk
  const finished = bulk.finishedAt !== null
  const handled = bulk.done + failed + bulk.skipped
  const busy = useNavigation().formData?.get('bulk') === bulk.id
  return (
    <section
      aria-label="Bulk action"
      className="max-w-read space-y-4 rounded-box border border-rule bg-raised px-4 py-4"
    >
      <div role="status">
        <p className="font-semibold">
          {bulkLabel(bulk)}: {progressMessage(bulk)}
        </p>
        <p className="text-soft">{countsLabel(bulk)}</p>
      </div>
      <meter
        className="meter"
        data-tone={failed > 0 ? 'warning' : 'ok'}
        min={0}
        max={Math.max(1, total)}
        value={handled}
        aria-label="Progress"
      >
        {handled} of {total}
      </meter>
      {waiting && !finished ? (
        <Callout tone="warning" title="The action waits and retries automatically">
          <p>
            {waiting.reason}
            {waiting.until ? (
              <>
                {' '}
                It continues <Time iso={waiting.until} now={asOf} />.
              </>
            ) : null}
          </p>
        </Callout>
      ) : null}
      <p className="text-small text-soft">
        Requested by {bulk.actorName ?? bulk.actor} <Ago iso={bulk.createdAt} asOf={asOf} />
        {bulk.reason ? `: ${bulkReason(bulk.reason)}` : ''}.{' '}
        {bulk.finishedAt === null ? (
          <>
            You can close this page; the action continues.{' '}
            <a className="prose-link" href="">
              Reload
            </a>
          </>
        ) : (
          <>
            Finished <Time iso={bulk.finishedAt} now={asOf} />.
          </>
        )}
      </p>
      <Results bulk={bulk} hrefOf={hrefOf} />
      {bulk.state === 'running' && mayAct ? (
        <Form method="post" preventScrollReset>
          <input type="hidden" name="bulk" value={bulk.id} />
          <Button type="submit" name="do" value="abort" busy={busy} busyText="Stopping…">
            Stop
          </Button>
        </Form>
      ) : null}
      {bulk.state === 'aborted' && !finished ? (
        <p>Stopping. Items that have begun are finished first.</p>
      ) : null}
    </section>
  )
}

function Results({ bulk, hrefOf }: Pick<Props, 'bulk' | 'hrefOf'>) {
  const results = bulk.results ?? []
  if (results.length === 0) return null
  return (
    <Table
      label="Results"
      rows={results}
      rowKey={(result) => `${result.state} ${result.detail}`}
      columns={[
        {
          head: 'Result',
          className: (result) => (result.state === 'failed' ? 'text-brick-ink' : undefined),
          cell: (result) =>
            resultLabels[result.state] + (result.detail ? `: ${detailMessage(result.detail)}` : ''),
        },
        { head: 'Count', right: true, cell: (result) => numberText(result.count) },
        hrefOf
          ? {
              head: 'Which',
              className: 'font-mono',
              cell: (result) => <Subjects result={result} hrefOf={hrefOf} />,
            }
          : null,
      ]}
    />
  )
}

function Subjects({ result, hrefOf }: { result: BulkResult; hrefOf: (subject: string) => string }) {
  return (
    <>
      {result.subjects.slice(0, subjectsShown).map((subject) => (
        <Link key={subject} to={hrefOf(subject)} className="mr-3 prose-link">
          {subject.replace(/^\w+:/, '').slice(0, 8).toUpperCase()}
        </Link>
      ))}
      {result.count > subjectsShown ? '…' : ''}
    </>
  )
}

/** The latest bulk actions of a workshop, a line each. */
export function BulkList({
  bulks,
  asOf,
}: {
  bulks: { view: Omit<BulkView, 'params' | 'selection'>; href: string }[]
  asOf: string
}) {
  if (bulks.length === 0) return null
  return (
    <section aria-labelledby="work" className="mt-10 border-t border-rule pt-6">
      <h2 id="work" className="text-head">
        Latest actions
      </h2>
      <ul className="mt-2 divide-y divide-rule">
        {bulks.map(({ view, href }) => (
          <li key={view.id} className="flex flex-wrap items-center gap-x-4 gap-y-0">
            <Link to={href} className="inline-flex min-h-11 items-center font-semibold prose-link">
              {bulkLabel(view)}
            </Link>
            <span>
              {progressMessage(view)} {countsLabel(view)}
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

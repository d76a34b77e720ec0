import type { JobPage, JobRunView, ProviderCallView } from '~/domain/staff/queue/types'
import { EmptyState } from '../../base/page-shell'
import { Table } from '../../base/table'
import { Time } from '../../base/time'
import { spanText } from '../../base/time-text'
import { queueUrl } from '../../../urls'
import { attemptLabels } from '../claim-messages'
import { reasonMessage } from './job-messages'

const outcomeLabels: Record<JobRunView['outcome'], string> = {
  done: 'done',
  retry: 'failed, retrying',
  snooze: 'snoozed',
  failed: 'failed',
}
const outcomeInk: Record<JobRunView['outcome'], string> = {
  done: '',
  retry: 'text-brick-ink',
  snooze: 'text-amber-ink',
  failed: 'text-brick-ink',
}

/** Every run that was recorded, the latest first. */
export function RunTimeline({
  job,
  runs,
  asOf,
}: {
  job: JobPage['job']
  runs: JobRunView[]
  asOf: string
}) {
  return (
    <>
      {job.priorRunsLost > 0 ? (
        <p className="mb-3 text-soft">
          {job.priorRunsLost} {job.priorRunsLost === 1 ? 'run has' : 'runs have'} no record: the
          worker stopped in the middle, or it was more than a week ago.
        </p>
      ) : null}
      {runs.length === 0 ? (
        <EmptyState title={job.runs === 0 ? 'No run yet' : 'No run recorded yet'}>
          {job.runsAt ? (
            <p>
              Its next run is at <Time iso={job.runsAt} now={asOf} />.
            </p>
          ) : null}
        </EmptyState>
      ) : (
        <Table
          label="Table of runs"
          className="sm:min-w-[52rem]"
          stacked
          rows={runs}
          rowKey={(run) => `${run.run} ${run.startedAt}`}
          columns={[
            { head: 'Run', named: true, right: true, cell: (run) => run.run },
            {
              head: 'Began',
              named: true,
              className: 'sm:min-w-40',
              cell: (run) => <Time iso={run.startedAt} now={asOf} exact />,
            },
            {
              head: 'Took',
              named: true,
              right: true,
              className: 'whitespace-nowrap',
              cell: (run) => durationLabel(run.seconds),
            },
            {
              head: 'Outcome',
              className: (run) => `font-semibold whitespace-nowrap ${outcomeInk[run.outcome]}`,
              cell: (run) => outcomeLabels[run.outcome],
            },
            { head: 'Reason', className: 'sm:min-w-60', cell: (run) => <Reason run={run} /> },
            {
              head: 'Next run',
              named: true,
              className: 'sm:min-w-40 text-soft',
              cell: (run) => (run.nextRunAt ? <Time iso={run.nextRunAt} now={asOf} exact /> : ''),
            },
            {
              head: 'Worker',
              named: true,
              className: 'font-mono text-soft',
              cell: (run) => run.workerId?.slice(0, 8) ?? '',
            },
          ]}
        />
      )}
    </>
  )
}

function Reason({ run }: { run: JobRunView }) {
  const reason = run.reason === null ? null : reasonMessage(run.reason)
  if (!run.errorGroup) return reason
  return (
    <a className="prose-link" href={`${queueUrl}?error=${run.errorGroup}`}>
      {reason ?? 'the error'}
    </a>
  )
}

function durationLabel(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  return seconds < 60 ? `${seconds.toFixed(1)} s` : spanText(seconds)
}

/** The calls that create this key, by names that the provider's support can search for. */
export function ProviderCalls({ calls, asOf }: { calls: ProviderCallView[]; asOf: string }) {
  return (
    <Table
      label="Table of calls"
      className="sm:min-w-[52rem]"
      stacked
      rows={calls}
      rowKey={(call) => call.id}
      columns={[
        {
          head: 'Sent',
          named: true,
          className: 'sm:min-w-40',
          cell: (call) => <Time iso={call.sentAt} now={asOf} exact />,
        },
        { head: 'Answer', className: 'sm:whitespace-nowrap', cell: answerLabel },
        { head: 'Status', named: true, right: true, cell: (call) => call.httpStatus ?? '' },
        {
          head: 'Name at the provider',
          named: true,
          className: 'font-mono break-all text-soft',
          cell: (call) => call.name,
        },
      ]}
    />
  )
}

function answerLabel(call: ProviderCallView): string {
  const outcome = call.outcome && call.state !== 'saved' ? `: ${call.outcome}` : ''
  return `${attemptLabels[call.state] ?? call.state}${outcome}${call.deletedAt ? ', deleted' : ''}`
}

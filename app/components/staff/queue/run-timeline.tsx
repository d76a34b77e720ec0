import type { JobPage, JobRunView, ProviderCallView } from '~/domain/staff/queue/types'
import { useHydrated } from '../../base/hydrated'
import { EmptyState } from '../../base/page-shell'
import { Time } from '../../base/time'
import { spanWords } from '../../base/time-words'
import { queueUrl } from '../../../urls'

const outcomeWords: Record<JobRunView['outcome'], string> = {
  done: 'done',
  retry: 'failed, tried again',
  snooze: 'put off',
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
          {job.priorRunsLost} {job.priorRunsLost === 1 ? 'run has' : 'runs have'} left no record:
          the worker went away in the middle, or it was more than a week ago.
        </p>
      ) : null}
      {runs.length === 0 ? (
        <EmptyState
          title={job.runs === 0 ? 'It has not run yet.' : 'No run has been recorded yet.'}
        >
          {job.runsAt ? (
            <p>
              Its next run is at <Time iso={job.runsAt} now={asOf} />.
            </p>
          ) : null}
        </EmptyState>
      ) : (
        <div
          className="relative overflow-x-auto"
          tabIndex={0}
          role="region"
          aria-label="Table of runs"
        >
          <table className="ledger min-w-[52rem]">
            <thead>
              <tr>
                <th scope="col" className="!text-right">
                  Run
                </th>
                <th scope="col">Began</th>
                <th scope="col" className="!text-right">
                  Took
                </th>
                <th scope="col">Outcome</th>
                <th scope="col">Why</th>
                <th scope="col">Next run</th>
                <th scope="col">Worker</th>
              </tr>
            </thead>
            <tbody>
              {runs.map((run) => (
                <tr key={`${run.run} ${run.startedAt}`}>
                  <td className="text-right">{run.run}</td>
                  <td className="whitespace-nowrap">
                    <Second iso={run.startedAt} />
                  </td>
                  <td className="text-right whitespace-nowrap">
                    {run.seconds < 1
                      ? `${Math.round(run.seconds * 1000)} ms`
                      : run.seconds < 60
                        ? `${run.seconds.toFixed(1)} s`
                        : spanWords(run.seconds)}
                  </td>
                  <td className={`font-semibold whitespace-nowrap ${outcomeInk[run.outcome]}`}>
                    {outcomeWords[run.outcome]}
                  </td>
                  <td className="min-w-60">
                    {run.errorGroup ? (
                      <a className="prose-link" href={`${queueUrl}?error=${run.errorGroup}`}>
                        {run.reason ?? 'the error'}
                      </a>
                    ) : (
                      (run.reason ?? '')
                    )}
                  </td>
                  <td className="whitespace-nowrap text-soft">
                    {run.nextRunAt ? <Second iso={run.nextRunAt} /> : ''}
                  </td>
                  <td className="font-mono text-soft">{run.workerId?.slice(0, 8) ?? ''}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  )
}

/** Runs follow each other within a minute, so their seconds count: "21 Nov, 09:19:07 CET". */
function Second({ iso }: { iso: string }) {
  const zone = useHydrated() ? Intl.DateTimeFormat().resolvedOptions().timeZone : 'UTC'
  return (
    <time dateTime={iso}>
      {new Intl.DateTimeFormat('en-GB', {
        timeZone: zone,
        day: 'numeric',
        month: 'short',
        hour: '2-digit',
        minute: '2-digit',
        second: '2-digit',
        timeZoneName: 'short',
      }).format(new Date(iso))}
    </time>
  )
}

const callWords: Record<string, string> = {
  sent: 'no answer yet',
  saved: 'a key, saved',
  unknown: 'no clear answer',
  refused: 'refused',
  condemned: 'its key is condemned',
}

/** What was asked of the provider for this mint, under names that its support can search for. */
export function ProviderCalls({ calls }: { calls: ProviderCallView[] }) {
  return (
    <div
      className="relative overflow-x-auto"
      tabIndex={0}
      role="region"
      aria-label="Table of calls"
    >
      <table className="ledger min-w-[52rem]">
        <thead>
          <tr>
            <th scope="col">Sent</th>
            <th scope="col">Answer</th>
            <th scope="col" className="!text-right">
              Status
            </th>
            <th scope="col">Name upstream</th>
          </tr>
        </thead>
        <tbody>
          {calls.map((call) => (
            <tr key={call.id}>
              <td className="whitespace-nowrap">
                <Second iso={call.sentAt} />
              </td>
              <td className="whitespace-nowrap">
                {callWords[call.state] ?? call.state}
                {call.outcome && call.state !== 'saved' ? `: ${call.outcome}` : ''}
                {call.deletedAt ? ', deleted' : ''}
              </td>
              <td className="text-right">{call.httpStatus ?? ''}</td>
              <td className="font-mono break-all text-soft">{call.name}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

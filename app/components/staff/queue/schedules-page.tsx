import { Form } from '@remix-run/react'
import type { JobName } from '~/domain/staff/queue/types'
import type { QueueView, ScheduleView } from '~/domain/staff/queue/schedules.server'
import { jobLabel } from '~/messages/jobs'
import { jobUrl, queueUrl, schedulesUrl } from '../../../urls'
import { Button } from '../../base/button'
import { Callout, type CalloutTone } from '../../base/callout'
import { Field } from '../../base/field'
import { Section } from '../../base/page-shell'
import { Table } from '../../base/table'
import { Ago, Countdown, Time } from '../../base/time'
import {
  durationMessage,
  everyMessage,
  outcomeMessage,
  pauseMeaning,
  queueCounts,
  scheduleSentences,
  stakesTitle,
} from './schedule-messages'
import { Sparkline, SparklineLegend, type SparklineView } from './sparkline'

export type DrawnQueue = Omit<QueueView, 'hour'> & { drawn: SparklineView }
export type SchedulesAnswer =
  | { kind: 'said'; tone: CalloutTone; message: string }
  | { kind: 'problem'; field: 'reason' | 'typed'; message: string; reason: string }

/** Every schedule: what it does, its last run and its next. */
export function ScheduleTable({
  schedules,
  mayAct,
  asOf,
}: {
  schedules: ScheduleView[]
  mayAct: boolean
  asOf: string
}) {
  return (
    <Table
      label="Schedules"
      stacked
      rows={schedules}
      rowKey={({ name }) => name}
      columns={[
        {
          head: 'Schedule',
          header: true,
          className: '!whitespace-normal lg:w-96',
          cell: (schedule) => (
            <>
              <span className="block font-semibold">{jobLabel(schedule.name)}</span>
              <span className="block font-normal text-soft">
                {scheduleSentences[schedule.name]}
              </span>
            </>
          ),
        },
        { head: 'Runs', className: 'lg:w-44', cell: ({ every }) => everyMessage(every) },
        {
          head: 'Last run',
          className: 'lg:w-72',
          cell: ({ last }) => (
            <>
              <OnPhone>Last run</OnPhone>
              <LastRun last={last} asOf={asOf} />
            </>
          ),
        },
        {
          head: 'Next run',
          cell: (schedule) => (
            <>
              <OnPhone>Next run</OnPhone>
              <NextRun schedule={schedule} asOf={asOf} />
            </>
          ),
        },
        mayAct
          ? {
              head: <span className="sr-only">Action</span>,
              right: true,
              cell: ({ name, paused }) =>
                paused ? null : (
                  <a
                    className="button"
                    href={schedulesUrl({ run: name })}
                    aria-label={`Run now: ${jobLabel(name)}`}
                  >
                    Run now
                  </a>
                ),
            }
          : null,
      ]}
    />
  )
}

/** Where the head of the column is not seen. */
const OnPhone = ({ children }: { children: string }) => (
  <span className="text-soft sm:hidden" aria-hidden="true">
    {children}:{' '}
  </span>
)

function LastRun({ last, asOf }: { last: ScheduleView['last']; asOf: string }) {
  if (!last) return <span className="text-soft">No run is recorded yet.</span>
  const { text, failed } = outcomeMessage(last)
  return (
    <>
      <span className="sm:block">
        <a className="prose-link" href={jobUrl(last.jobId)}>
          <Ago iso={last.startedAt} asOf={asOf} />
        </a>
        , took {durationMessage(last.ranMs)}
      </span>
      <span
        className={`block [overflow-wrap:anywhere] ${failed ? 'font-semibold text-brick-ink' : 'text-soft'}`}
      >
        {text}
      </span>
    </>
  )
}

function NextRun({ schedule, asOf }: { schedule: ScheduleView; asOf: string }) {
  const { paused, running, nextAt } = schedule
  if (paused) return <span className="font-semibold text-amber-ink">Paused</span>
  if (running)
    return (
      <>
        Running since <Ago iso={running.since} asOf={asOf} />
      </>
    )
  if (nextAt === null) return null
  return Date.parse(nextAt) - Date.parse(asOf) > 3_600_000 ? (
    <Time iso={nextAt} now={asOf} />
  ) : (
    <Countdown iso={nextAt} asOf={asOf} passed="now" />
  )
}

const queueRow =
  'grid items-center gap-x-6 gap-y-2 py-3 sm:grid-cols-[minmax(0,1fr)_16rem] ' +
  'lg:grid-cols-[minmax(0,1fr)_20rem_9rem]'

/** Every queue with its last hour, and the way to pause it. */
export function QueueList({
  queues,
  mayAct,
  asOf,
}: {
  queues: DrawnQueue[]
  mayAct: boolean
  asOf: string
}) {
  return (
    <Section title="Queues" id="queues">
      <SparklineLegend />
      <ul className="mt-3 divide-y divide-rule border-y border-rule">
        {queues.map((queue) => (
          <li key={queue.name} className={queueRow}>
            <div>
              <p className="font-semibold">
                <a className="prose-link" href={`${queueUrl}?job=${queue.name}`}>
                  {jobLabel(queue.name)}
                </a>
              </p>
              <p className="text-small text-soft">
                {queueCounts({ ...queue, hour: [] })}
                {queue.paused ? (
                  <>
                    {'. '}
                    <strong className="text-amber-ink">Paused</strong>{' '}
                    <Ago iso={queue.paused.since} asOf={asOf} /> by {queue.paused.by}
                  </>
                ) : null}
              </p>
            </div>
            <Sparkline view={queue.drawn} />
            {mayAct ? (
              <div className="lg:text-right">
                {queue.paused ? (
                  <ResumeForm name={queue.name} />
                ) : (
                  <a
                    className="button"
                    data-kind="quiet"
                    href={schedulesUrl({ pause: queue.name })}
                    aria-label={`Pause: ${jobLabel(queue.name)}`}
                  >
                    Pause…
                  </a>
                )}
              </div>
            ) : null}
          </li>
        ))}
      </ul>
    </Section>
  )
}

function ResumeForm({ name }: { name: JobName }) {
  return (
    <Form method="post" action={schedulesUrl({})}>
      <input type="hidden" name="name" value={name} />
      <Button
        type="submit"
        name="do"
        value="resume"
        kind="ink"
        aria-label={`Resume: ${jobLabel(name)}`}
      >
        Resume
      </Button>
    </Form>
  )
}

/** Which queues are paused, by whom, since when and why: on this page and on the queue's. */
export function PausedBanner({
  queues,
  resumeHref,
  asOf,
}: {
  queues: { name: string; since: string; by: string; reason: string }[]
  /** Where it can be resumed, from another page; null where one may not or is there already. */
  resumeHref: string | null
  asOf: string
}) {
  if (queues.length === 0) return null
  return (
    <Callout
      tone="warning"
      title={queues.length === 1 ? 'A queue is paused' : `${queues.length} queues are paused`}
    >
      <ul className="space-y-1">
        {queues.map(({ name, since, by, reason }) => (
          <li key={name}>
            “{jobLabel(name)}”, since <Time iso={since} now={asOf} /> by {by}: “{reason}”
          </li>
        ))}
      </ul>
      <p>
        {queues.length === 1 ? 'Its jobs' : 'Their jobs'} keep their place and are never deleted.{' '}
        {resumeHref === null ? null : (
          <a className="prose-link" href={resumeHref}>
            Resume on the Schedules page
          </a>
        )}
      </p>
    </Callout>
  )
}

/** The question before a schedule runs. */
export function RunQuestion({ name, busy }: { name: ScheduleView['name']; busy: boolean }) {
  return (
    <Callout tone="plain" title={`Run “${jobLabel(name)}” now?`}>
      <p>{scheduleSentences[name]} It never runs twice at once.</p>
      <Form method="post" action={schedulesUrl({})} className="flex flex-wrap gap-2 pt-1">
        <input type="hidden" name="name" value={name} />
        <Button type="submit" name="do" value="run" kind="ink" busy={busy} busyText="Starting…">
          Run it now
        </Button>
        <a className="button" data-kind="quiet" href={schedulesUrl({})}>
          Not now
        </a>
      </Form>
    </Callout>
  )
}

/** The question before a queue is paused: what stands still, why, and for some the name typed. */
export function PauseQuestion({
  queue,
  busy,
  problem,
}: {
  queue: DrawnQueue
  busy: boolean
  problem: Extract<SchedulesAnswer, { kind: 'problem' }> | null
}) {
  const { name, stakes } = queue
  return (
    <Callout
      tone={stakes === null ? 'warning' : 'error'}
      title={stakes === null ? `Pause “${jobLabel(name)}”?` : stakesTitle[stakes]}
    >
      <p>{pauseMeaning(name)}</p>
      <p>
        Jobs that run finish. Those that wait keep their place until somebody resumes the queue; the
        pause survives restarts.
      </p>
      <Form
        method="post"
        action={schedulesUrl({ pause: name })}
        className="max-w-read space-y-3 pt-1"
      >
        <input type="hidden" name="name" value={name} />
        <Field
          label="Reason"
          name="reason"
          required
          hint="Other staff see it, with your name."
          defaultValue={problem?.reason ?? ''}
          {...(problem?.field === 'reason' ? { error: problem.message } : {})}
        />
        {stakes === null ? null : (
          <Field
            label={`Type ${name} to confirm`}
            name="typed"
            required
            {...(problem?.field === 'typed' ? { error: problem.message } : {})}
          />
        )}
        <div className="flex flex-wrap gap-2">
          <Button
            type="submit"
            name="do"
            value="pause"
            kind={stakes === null ? 'ink' : 'danger'}
            busy={busy}
            busyText="Pausing…"
          >
            Pause “{jobLabel(name)}”
          </Button>
          <a className="button" data-kind="quiet" href={schedulesUrl({})}>
            Keep it running
          </a>
        </div>
      </Form>
    </Callout>
  )
}

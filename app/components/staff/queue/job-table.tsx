import { Link } from '@remix-run/react'
import type { JobRow } from '~/domain/staff/queue/types'
import { Button } from '../../base/button'
import { Table } from '../../base/table'
import { Ago, useServerNow } from '../../base/time'
import { spanText } from '../../base/time-text'
import { reasonMessage, stateInk, stateLabels, subjectLabel } from './job-messages'
import { jobLabel } from '~/messages/jobs'
import { claimsUrl, jobUrl } from '../../../urls'

export const jobListId = 'jobs'

type Props = { rows: JobRow[]; mayAct: boolean; busy: string | null; asOf: string }

const desktop = 'max-md:hidden'

/**
 * The rows, newest first. Its checkboxes and buttons belong to the form around it. On a phone a row
 * is two lines.
 */
export function JobTable({ rows, mayAct, busy, asOf }: Props) {
  return (
    <Table
      label="Jobs"
      id={jobListId}
      keyboard
      rowClassName="focus-within:bg-sunk"
      rows={rows}
      rowKey={(row) => row.id}
      columns={[
        mayAct
          ? {
              head: <span className="sr-only">Select</span>,
              headClassName: 'w-9',
              className: '!p-0',
              cell: SelectBox,
            }
          : null,
        {
          head: 'Job',
          header: true,
          className: '!bg-transparent !font-normal max-md:w-full max-md:!whitespace-normal',
          cell: (row) => <Job row={row} asOf={asOf} />,
        },
        {
          head: 'For',
          headClassName: desktop,
          className: `whitespace-nowrap ${desktop}`,
          cell: (row) => <Subject row={row} />,
        },
        {
          head: 'State',
          headClassName: desktop,
          className: `w-full max-w-0 ${desktop}`,
          cell: (row) => (
            <p className="truncate" title={row.reason ?? undefined}>
              <State row={row} />
            </p>
          ),
        },
        {
          head: 'Runs',
          right: true,
          headClassName: desktop,
          className: desktop,
          cell: (row) => row.runs,
        },
        {
          head: 'Next run',
          headClassName: desktop,
          className: `whitespace-nowrap text-soft ${desktop}`,
          cell: (row) => <Next row={row} asOf={asOf} />,
        },
        {
          head: 'Created',
          headClassName: desktop,
          className: `whitespace-nowrap text-soft ${desktop}`,
          cell: (row) => (
            <time dateTime={row.createdAt} title={row.createdAt}>
              <Ago iso={row.createdAt} asOf={asOf} />
            </time>
          ),
        },
        mayAct
          ? {
              head: <span className="sr-only">Act</span>,
              className: '!py-0 !pr-0 text-right whitespace-nowrap md:[&_.button]:!min-h-7',
              cell: (row) => <RowButtons row={row} name={nameOf(row)} busy={busy} />,
            }
          : null,
      ]}
    />
  )
}

const nameOf = (row: JobRow) => `${jobLabel(row.name)}, ${subjectLabel(row)}`

function SelectBox(row: JobRow) {
  if (!row.can.retry && !row.can.cancel && !row.can.redrive) return null
  return (
    <label className="flex size-11 items-center justify-center md:size-9">
      <input
        type="checkbox"
        name="job"
        value={row.id}
        className="size-5 accent-ink"
        aria-label={`Select ${nameOf(row)}`}
      />
    </label>
  )
}

function Job({ row, asOf }: { row: JobRow; asOf: string }) {
  return (
    <>
      <Link
        data-row-focus
        to={jobUrl(row.id)}
        className="inline-block font-semibold prose-link max-md:pt-2 md:whitespace-nowrap"
        aria-label={nameOf(row)}
      >
        {jobLabel(row.name)}
      </Link>
      <span className="block pb-2 md:hidden">
        <span className="block">
          <Subject row={row} />
        </span>
        <State row={row} />
        {row.runsAt ? (
          <span className="text-soft">
            , next run <NextRun at={row.runsAt} asOf={asOf} />
          </span>
        ) : null}
      </span>
    </>
  )
}

function Next({ row, asOf }: { row: JobRow; asOf: string }) {
  if (row.runsAt) return <NextRun at={row.runsAt} asOf={asOf} />
  if (row.state !== 'running' || !row.startedAt) return null
  return (
    <>
      running since <Ago iso={row.startedAt} asOf={asOf} />
    </>
  )
}

/** One button a row: the most useful one. The rest is on the job's page and in the bar. */
function RowButtons({ row, name, busy }: { row: JobRow; name: string; busy: string | null }) {
  if (row.can.redrive)
    return (
      <Button
        type="submit"
        name="do"
        value={`redrive:${row.id}`}
        data-row-retry
        busy={busy === `redrive:${row.id}`}
        aria-label={`Send ${name} back to its queue`}
      >
        Send back
      </Button>
    )
  if (!row.can.retry) return null
  const verb = row.state === 'waiting' || row.state === 'retrying' ? 'Run now' : 'Retry'
  return (
    <Button
      type="submit"
      name="do"
      value={`retry:${row.id}`}
      data-row-retry
      busy={busy === `retry:${row.id}`}
      aria-label={`${verb}: ${name}`}
    >
      {verb}
    </Button>
  )
}

function State({ row }: { row: JobRow }) {
  return (
    <>
      <span className={`font-semibold ${stateInk[row.state]}`}>{stateLabels[row.state]}</span>
      {row.stuck ? (
        <span className="text-brick-ink">: no heartbeat, its worker may be gone</span>
      ) : row.reason ? (
        <span className="text-soft">: {reasonMessage(row.reason)}</span>
      ) : null}
    </>
  )
}

function Subject({ row }: { row: JobRow }) {
  if (!row.claim) return <span className="text-soft">{subjectLabel(row)}</span>
  return (
    <>
      <a className="prose-link" href={claimsUrl(row.claim.workshop, row.claim.id)}>
        {subjectLabel(row)}
      </a>{' '}
      <span className="text-soft">in {row.claim.workshop}</span>
    </>
  )
}

function NextRun({ at, asOf }: { at: string; asOf: string }) {
  const seconds = (Date.parse(at) - Date.parse(useServerNow(asOf))) / 1000
  return (
    <time dateTime={at} title={at}>
      {seconds > 0
        ? `in ${spanText(seconds + 1)}`
        : seconds > -2
          ? 'now'
          : `due for ${spanText(-seconds)}`}
    </time>
  )
}

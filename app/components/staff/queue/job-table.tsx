import { Link } from '@remix-run/react'
import type { JobRow } from '~/domain/staff/queue/types'
import { Button } from '../../base/button'
import { Ago, useServerNow } from '../../base/time'
import { spanWords } from '../../base/time-words'
import { stateInk, stateWords, subjectWords } from './job-words'
import { claimsUrl, jobUrl } from '../../../urls'

export const jobListId = 'jobs'

type Props = {
  rows: JobRow[]
  words: (name: string) => string
  mayAct: boolean
  busy: string | null
  asOf: string
}

/**
 * The rows, newest first. Its checkboxes and buttons belong to the form around it. On a phone a row
 * is two lines.
 */
export function JobTable({ rows, words, mayAct, busy, asOf }: Props) {
  return (
    <div className="relative overflow-x-auto" tabIndex={0} role="region" aria-label="Jobs">
      <table className="ledger" id={jobListId}>
        <thead>
          <tr>
            {mayAct ? (
              <th scope="col" className="w-9">
                <span className="sr-only">Choose</span>
              </th>
            ) : null}
            <th scope="col">Job</th>
            <th scope="col" className="max-md:hidden">
              For
            </th>
            <th scope="col" className="max-md:hidden">
              State
            </th>
            <th scope="col" className="!text-right max-md:hidden">
              Runs
            </th>
            <th scope="col" className="max-md:hidden">
              Next run
            </th>
            <th scope="col" className="max-md:hidden">
              Made
            </th>
            {mayAct ? (
              <th scope="col">
                <span className="sr-only">Act</span>
              </th>
            ) : null}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.id} row={row} words={words} mayAct={mayAct} busy={busy} asOf={asOf} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({ row, words, mayAct, busy, asOf }: { row: JobRow } & Omit<Props, 'rows'>) {
  const name = `${words(row.name)}, ${subjectWords(row)}`
  return (
    <tr data-row className="focus-within:bg-sunk">
      {mayAct ? (
        <td className="!p-0">
          {row.can.retry || row.can.cancel || row.can.redrive ? (
            <label className="flex size-11 items-center justify-center md:size-9">
              <input
                type="checkbox"
                name="job"
                value={row.id}
                className="size-5 accent-ink"
                aria-label={`Choose ${name}`}
              />
            </label>
          ) : null}
        </td>
      ) : null}
      <th
        scope="row"
        className="!static !border-rule !bg-transparent !font-normal max-md:w-full max-md:!whitespace-normal"
      >
        <Link
          data-row-focus
          to={jobUrl(row.id)}
          className="inline-block font-semibold prose-link max-md:pt-2 md:whitespace-nowrap"
          aria-label={name}
        >
          {words(row.name)}
        </Link>
        <span className="block pb-2 md:hidden">
          <span className="block">
            <Subject row={row} />
          </span>
          <Snapshot row={row} />
          {row.runsAt ? (
            <span className="text-soft">
              , next run <NextRun at={row.runsAt} asOf={asOf} />
            </span>
          ) : null}
        </span>
      </th>
      <td className="whitespace-nowrap max-md:hidden">
        <Subject row={row} />
      </td>
      <td className="w-full max-w-0 max-md:hidden">
        <p className="truncate" title={row.reason ?? undefined}>
          <Snapshot row={row} />
        </p>
      </td>
      <td className="text-right max-md:hidden">{row.runs}</td>
      <td className="whitespace-nowrap text-soft max-md:hidden">
        {row.runsAt ? (
          <NextRun at={row.runsAt} asOf={asOf} />
        ) : row.state === 'running' && row.startedAt ? (
          <>
            runs since <Ago iso={row.startedAt} asOf={asOf} />
          </>
        ) : (
          ''
        )}
      </td>
      <td className="whitespace-nowrap text-soft max-md:hidden">
        <time dateTime={row.createdAt} title={row.createdAt}>
          <Ago iso={row.createdAt} asOf={asOf} />
        </time>
      </td>
      {mayAct ? (
        <td className="!py-0 !pr-0 text-right whitespace-nowrap md:[&_.button]:!min-h-7">
          <RowButtons row={row} name={name} busy={busy} />
        </td>
      ) : null}
    </tr>
  )
}

/** One button a row: what most helps. The rest is on the job's own page and in the bar. */
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

function Snapshot({ row }: { row: JobRow }) {
  return (
    <>
      <span className={`font-semibold ${stateInk[row.state]}`}>{stateWords[row.state]}</span>
      {row.stuck ? (
        <span className="text-brick-ink">: no sign of life, its worker may be gone</span>
      ) : row.reason ? (
        <span className="text-soft">: {row.reason}</span>
      ) : null}
    </>
  )
}

function Subject({ row }: { row: JobRow }) {
  if (!row.claim) return <span className="text-soft">{subjectWords(row)}</span>
  return (
    <>
      <a className="prose-link" href={claimsUrl(row.claim.workshop, row.claim.id)}>
        {row.claim.person}
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
        ? `in ${spanWords(seconds + 1)}`
        : seconds > -2
          ? 'now'
          : `may run since ${spanWords(-seconds)}`}
    </time>
  )
}

/** The rows of a workshop's claims: why somebody has no key stands in the row, in full. */
import { Link } from '@remix-run/react'
import type { ClaimPageRow } from '~/domain/staff/claim-list'
import { delayLabel } from '~/messages/delays'
import { Table } from '../base/table'
import { Ago } from '../base/time'
import { reasonLabel, stateLabels, windowLabels } from './claim-messages'

/** `select` names the form that the checkboxes belong to; without it there are none. */
export function ClaimTable({
  rows,
  hrefOf,
  select,
  asOf,
}: {
  rows: ClaimPageRow[]
  hrefOf: (claimId: string) => string
  select: string | null
  asOf: string
}) {
  return (
    <Table
      label="Claims"
      stacked
      rows={rows}
      rowKey={(row) => row.claimId}
      columns={[
        select
          ? {
              head: <span className="sr-only">Select</span>,
              headClassName: 'w-11',
              className: 'w-11 max-sm:float-right',
              cell: (row) => <SelectBox row={row} form={select} />,
            }
          : null,
        {
          head: 'Person',
          header: true,
          className: 'sm:max-w-64 [overflow-wrap:break-word]',
          cell: (row) => (
            <Link to={hrefOf(row.claimId)} className="max-sm:text-base prose-link">
              {row.displayName}
            </Link>
          ),
        },
        {
          head: 'Email',
          className: 'sm:max-w-72 text-soft [overflow-wrap:break-word]',
          cell: (row) => row.email ?? 'no verified email',
        },
        {
          head: 'State',
          className: 'sm:w-full sm:min-w-64',
          cell: (row) => <State row={row} asOf={asOf} />,
        },
        {
          head: 'Used of its limit',
          right: true,
          className: 'whitespace-nowrap',
          cell: (row) => <Used row={row} />,
        },
        {
          head: 'Claimed',
          className: 'whitespace-nowrap text-soft',
          cell: (row) => (
            <time
              dateTime={row.attendedAt}
              title={`${row.attendedAt.slice(0, 19).replace('T', ' ')} UTC`}
            >
              <span className="sm:hidden">Claimed </span>
              <Ago iso={row.attendedAt} asOf={asOf} />
            </time>
          ),
        },
      ]}
    />
  )
}

function SelectBox({ row, form }: { row: ClaimPageRow; form: string }) {
  return (
    <label className="-my-1 inline-flex size-11 items-center justify-center sm:h-8">
      <input
        type="checkbox"
        name="claim"
        value={row.claimId}
        form={form}
        className="size-5 accent-ink"
      />
      <span className="sr-only">
        {row.displayName}, {row.reference}
      </span>
    </label>
  )
}

/** The state and why, in full; one accent a row. */
function State({ row, asOf }: { row: ClaimPageRow; asOf: string }) {
  if (row.state === 'pending')
    return (
      <span className="text-amber-ink">
        waiting
        {row.waitingSince ? (
          <>
            {' '}
            (claimed <Ago iso={row.waitingSince} asOf={asOf} />)
          </>
        ) : null}
        {row.delayReason ? `: ${delayLabel(row.delayReason)}` : ''}
      </span>
    )
  if (row.state === 'ready') {
    if (row.missing) return <span className="text-brick-ink">ready, missing at the provider</span>
    if (row.onHold) return <span className="text-brick-ink">ready, on hold: spending too fast</span>
    if (row.disabled) return <span className="text-brick-ink">ready, disabled</span>
    if (row.bound) return <>ready</>
    return (
      <span className="text-amber-ink">
        ready, {row.setAside ? 'unbound and set aside' : 'unbound'}:{' '}
        {row.bindError ?? 'not tried yet'}
      </span>
    )
  }
  return (
    <span className={row.state === 'refused' ? 'text-brick-ink' : 'text-soft'}>
      {stateLabels[row.state]}
      {row.reason ? `: ${reasonLabel(row.reason)}` : ''}
      {row.reasonDetail ? `, ${row.reasonDetail}` : ''}
    </span>
  )
}

function Used({ row }: { row: ClaimPageRow }) {
  const used = row.limitReset ? row.windowUsed : row.usage
  const window = row.limitReset ? ` ${windowLabels[row.limitReset]}` : ''
  if (!used)
    return (
      <span className="text-soft">
        of {row.limit.text}
        {window}
      </span>
    )
  const inAll = row.limitReset && row.usage ? `${row.usage.text} in all, ` : ''
  return (
    <span
      className="inline-flex items-center gap-3 sm:justify-end"
      title={row.usageAsOf ? `${inAll}as of ${row.usageAsOf.slice(0, 19)} UTC` : undefined}
    >
      <span>
        {used.text} of {row.limit.text}
        {window}
      </span>
      <span className="w-16">
        <meter
          className="meter"
          data-tone={
            used.usd >= row.limit.usd ? 'error' : used.usd >= row.limit.usd * 0.8 ? 'warning' : 'ok'
          }
          min={0}
          max={Math.max(row.limit.usd, 0.000001)}
          value={used.usd}
          aria-label={`Used of the limit of ${row.displayName}`}
        >
          {used.text}
        </meter>
      </span>
    </span>
  )
}

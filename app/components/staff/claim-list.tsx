import { Form, Link } from '@remix-run/react'
import type { ClaimListQuery, ClaimPageRow } from '~/domain/staff/claim-list'
import { tabLink } from '../base/nav-classes'
import { Table } from '../base/table'
import { Ago } from '../base/time'
import { reasonLabel, sortLabels, stateLabels, windowLabels } from './claim-messages'

export type ListTab = { label: string; count: number; href: string; current: boolean }

/** States and facts as links with their counts, then the search. Everything is in the URL. */
export function ClaimFilters({
  states,
  facts,
  query,
  resetHref,
  searchIndexed,
}: {
  states: ListTab[]
  facts: ListTab[]
  query: ClaimListQuery
  resetHref: string
  searchIndexed: boolean
}) {
  const { filter, sort } = query
  return (
    <div className="space-y-3">
      <nav aria-label="Which claims" className="flex flex-wrap gap-x-1">
        {[...states, ...facts].map((tab) => (
          <Link
            key={tab.label}
            to={tab.href}
            aria-current={tab.current ? 'page' : undefined}
            className={tabLink}
          >
            {tab.label} <span className="text-small">{tab.count.toLocaleString('en-US')}</span>
          </Link>
        ))}
      </nav>
      <Form method="get" role="search" className="flex flex-wrap items-end gap-3">
        {filter.state ? <input type="hidden" name="state" value={filter.state} /> : null}
        {filter.fact ? <input type="hidden" name="fact" value={filter.fact} /> : null}
        <div className="min-w-0 flex-1 basis-60">
          <label htmlFor="claim-text" className="block text-small font-semibold">
            Name, email, key label, or the start of a key hash or claim number
          </label>
          <input
            key={filter.text ?? ''}
            id="claim-text"
            name="text"
            type="search"
            defaultValue={filter.text}
            maxLength={200}
            autoComplete="off"
            className="mt-1 min-h-11 w-full rounded-box border border-edge bg-raised px-3"
          />
        </div>
        <div>
          <label htmlFor="claim-sort" className="block text-small font-semibold">
            Order
          </label>
          <select
            key={sort}
            id="claim-sort"
            name="sort"
            defaultValue={sort}
            className="mt-1 min-h-11 rounded-box border border-edge bg-raised px-3"
          >
            {Object.entries(sortLabels).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </div>
        <button type="submit" className="button" data-kind="ink">
          Find
        </button>
        {filter.text || filter.state || filter.fact ? (
          <Link to={resetHref} className="button" data-kind="quiet">
            All claims
          </Link>
        ) : null}
      </Form>
      {filter.text && !searchIndexed ? (
        <p className="text-small text-soft">
          This database has no pg_trgm extension, so a search reads every row and gets slower with
          more claims.
        </p>
      ) : null}
    </div>
  )
}

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
      frameClassName="max-h-[80vh]"
      className="min-w-[78rem]"
      rows={rows}
      rowKey={(row) => row.claimId}
      columns={[
        select
          ? {
              head: <span className="sr-only">Select</span>,
              headClassName: 'w-11',
              className: 'w-11',
              cell: (row) => <SelectBox row={row} form={select} />,
            }
          : null,
        {
          head: 'Person',
          header: true,
          className: 'max-w-64 truncate',
          cell: (row) => (
            <Link to={hrefOf(row.claimId)} className="prose-link">
              {row.displayName}
            </Link>
          ),
        },
        {
          head: 'Email',
          className: 'max-w-64 truncate text-soft',
          cell: (row) => row.email ?? 'no verified email',
        },
        { head: 'No.', className: 'font-mono', cell: (row) => row.reference },
        {
          head: 'State',
          className: (row) =>
            `max-w-64 truncate ${row.state === 'refused' ? 'text-brick-ink' : ''}`,
          title: (row) => row.reasonDetail ?? undefined,
          cell: (row) => <State row={row} />,
        },
        {
          head: 'Guardrail',
          className: 'max-w-56 truncate',
          title: (row) =>
            row.state === 'ready' && !row.bound ? (row.bindError ?? undefined) : undefined,
          cell: (row) => <Facts row={row} />,
        },
        {
          head: 'Key',
          className: 'font-mono whitespace-nowrap',
          cell: (row) => row.keyLabel ?? '',
        },
        {
          head: 'Used of its limit',
          right: true,
          className: 'whitespace-nowrap',
          cell: (row) => <Used row={row} />,
        },
        {
          head: 'As of',
          className: 'whitespace-nowrap text-soft',
          cell: (row) =>
            row.usageAsOf ? (
              <Ago iso={row.usageAsOf} asOf={asOf} />
            ) : row.state === 'ready' ? (
              'not read'
            ) : (
              ''
            ),
        },
        {
          head: 'Claimed',
          className: 'whitespace-nowrap text-soft',
          cell: (row) => (
            <time
              dateTime={row.attendedAt}
              title={`${row.attendedAt.slice(0, 19).replace('T', ' ')} UTC`}
            >
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
    <label className="-my-1 inline-flex size-11 items-center justify-center">
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

function State({ row }: { row: ClaimPageRow }) {
  return (
    <>
      {stateLabels[row.state]}
      {row.reason ? (
        <span className="text-soft">
          : {reasonLabel(row.reason)}
          {row.reasonDetail ? `, ${row.reasonDetail}` : ''}
        </span>
      ) : null}
    </>
  )
}

/** The worst problem of a ready key; one accent. */
function Facts({ row }: { row: ClaimPageRow }) {
  if (row.state !== 'ready') return null
  if (row.missing) return <span className="text-brick-ink">missing at the provider</span>
  if (row.disabled) return <span className="text-brick-ink">disabled</span>
  if (row.bound) return <span className="text-soft">bound</span>
  return (
    <span className="text-amber-ink">
      {row.setAside ? 'set aside' : 'unbound'}: {row.bindError ?? 'not tried yet'}
    </span>
  )
}

function Used({ row }: { row: ClaimPageRow }) {
  const used = row.limitReset ? row.windowUsed : row.usage
  if (!used)
    return (
      <span className="text-soft">
        of {row.limit.text}
        {row.limitReset ? ` ${windowLabels[row.limitReset]}` : ''}
      </span>
    )
  return (
    <span
      className="inline-flex items-center justify-end gap-3"
      title={row.limitReset && row.usage ? `${row.usage.text} in all` : undefined}
    >
      <span>
        {used.text} of {row.limit.text}
        {row.limitReset ? ` ${windowLabels[row.limitReset]}` : ''}
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

/** Next and previous, as links: the place is in the URL. */
export function Pager({
  previous,
  next,
  label,
}: {
  previous: string | null
  next: string | null
  label: string
}) {
  return (
    <nav aria-label="Pages" className="mt-4 flex flex-wrap items-center justify-between gap-4">
      <p className="text-small text-soft">{label}</p>
      <div className="flex gap-3">
        {previous ? (
          <Link to={previous} rel="prev" className="button">
            Previous
          </Link>
        ) : null}
        {next ? (
          <Link to={next} rel="next" className="button">
            Next
          </Link>
        ) : null}
      </div>
    </nav>
  )
}

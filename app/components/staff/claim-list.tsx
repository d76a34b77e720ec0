import { Form, Link } from '@remix-run/react'
import type { ClaimListQuery, ClaimPageRow, ClaimSort } from '~/domain/staff/claim-list'
import { Ago } from '../base/time'

export const stateWords = {
  pending: 'waiting',
  ready: 'ready',
  ended: 'ended',
  refused: 'refused',
} as const
const factWords = {
  unbound: 'Unbound',
  disabled: 'Disabled',
  missing: 'Missing',
  'over-limit': 'Cap spent',
} as const
const sortWords: Record<ClaimSort, string> = {
  newest: 'Newest first',
  oldest: 'Oldest first',
  used: 'Most used first',
  name: 'By name',
}
const windowWords = { daily: 'today', weekly: 'this week', monthly: 'this month' } as const

export type ListTab = { words: string; count: number; href: string; current: boolean }

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
            key={tab.words}
            to={tab.href}
            aria-current={tab.current ? 'page' : undefined}
            className="inline-flex min-h-11 items-center gap-1.5 border-b-2 border-transparent px-2 text-soft hover:text-ink aria-[current=page]:border-ink aria-[current=page]:font-semibold aria-[current=page]:text-ink"
          >
            {tab.words} <span className="text-small">{tab.count.toLocaleString('en-US')}</span>
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
            {Object.entries(sortWords).map(([value, words]) => (
              <option key={value} value={value}>
                {words}
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
          This database has no pg_trgm extension, so a search reads every row. It works, and takes
          longer the more claims there are.
        </p>
      ) : null}
    </div>
  )
}

export const factLabel = (fact: keyof typeof factWords) => factWords[fact]

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
    <div
      className="relative max-h-[80vh] overflow-auto"
      tabIndex={0}
      role="region"
      aria-label="Claims"
    >
      <table className="ledger min-w-[78rem]">
        <thead>
          <tr>
            {select ? (
              <th scope="col" className="w-11">
                <span className="sr-only">Select</span>
              </th>
            ) : null}
            <th scope="col">Person</th>
            <th scope="col">Email</th>
            <th scope="col">No.</th>
            <th scope="col">State</th>
            <th scope="col">Limits</th>
            <th scope="col">Key</th>
            <th scope="col" className="!text-right">
              Used of its cap
            </th>
            <th scope="col">As of</th>
            <th scope="col">Claimed</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.claimId}>
              {select ? (
                <td className="w-11">
                  <label className="-my-1 inline-flex size-11 items-center justify-center">
                    <input
                      type="checkbox"
                      name="claim"
                      value={row.claimId}
                      form={select}
                      className="size-5 accent-ink"
                    />
                    <span className="sr-only">
                      {row.displayName}, {row.reference}
                    </span>
                  </label>
                </td>
              ) : null}
              <th scope="row" className="!static max-w-64 truncate !border-rule">
                <Link to={hrefOf(row.claimId)} className="prose-link">
                  {row.displayName}
                </Link>
              </th>
              <td className="max-w-64 truncate text-soft">{row.email ?? 'no verified email'}</td>
              <td className="font-mono">{row.reference}</td>
              <td
                className={`max-w-64 truncate ${row.state === 'refused' ? 'text-brick-ink' : ''}`}
                title={row.reasonDetail ?? undefined}
              >
                {stateWords[row.state]}
                {row.reason ? (
                  <span className="text-soft">
                    : {reasonWords(row.reason)}
                    {row.reasonDetail ? `, ${row.reasonDetail}` : ''}
                  </span>
                ) : null}
              </td>
              <td
                className="max-w-56 truncate"
                title={
                  row.state === 'ready' && !row.bound ? (row.bindError ?? undefined) : undefined
                }
              >
                <Facts row={row} />
              </td>
              <td className="font-mono whitespace-nowrap">{row.keyLabel ?? ''}</td>
              <td className="text-right whitespace-nowrap">
                <Used row={row} />
              </td>
              <td className="whitespace-nowrap text-soft">
                {row.usageAsOf ? (
                  <Ago iso={row.usageAsOf} asOf={asOf} />
                ) : row.state === 'ready' ? (
                  'not read'
                ) : (
                  ''
                )}
              </td>
              <td className="whitespace-nowrap text-soft">
                <time
                  dateTime={row.attendedAt}
                  title={`${row.attendedAt.slice(0, 19).replace('T', ' ')} UTC`}
                >
                  <Ago iso={row.attendedAt} asOf={asOf} />
                </time>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** What is not as it should be of a ready key; one accent, the worst first. */
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
        {row.limitReset ? ` ${windowWords[row.limitReset]}` : ''}
      </span>
    )
  return (
    <span
      className="inline-flex items-center justify-end gap-3"
      title={row.limitReset && row.usage ? `${row.usage.text} in all` : undefined}
    >
      <span>
        {used.text} of {row.limit.text}
        {row.limitReset ? ` ${windowWords[row.limitReset]}` : ''}
      </span>
      <span className="w-16">
        <meter
          className="meter"
          data-tone={
            used.usd >= row.limit.usd ? 'brick' : used.usd >= row.limit.usd * 0.8 ? 'amber' : 'mint'
          }
          min={0}
          max={Math.max(row.limit.usd, 0.000001)}
          value={used.usd}
          aria-label={`Used of the cap of ${row.displayName}`}
        >
          {used.text}
        </meter>
      </span>
    </span>
  )
}

const reasons: Record<string, string> = {
  expired: 'its time is over',
  revoked: 'revoked',
  'given-back': 'given back',
  closed: 'the workshop was ended',
  banned: 'the person is banned',
  'rejected-by-provider': 'the provider refused it',
  'expired-before-mint': 'its time was over before it was made',
  'gave-up': 'too many tries without an answer',
}

export const reasonWords = (reason: string) => reasons[reason] ?? reason

/** Next and previous, as links: the place is in the URL. */
export function Pager({
  previous,
  next,
  words,
}: {
  previous: string | null
  next: string | null
  words: string
}) {
  return (
    <nav aria-label="Pages" className="mt-4 flex flex-wrap items-center justify-between gap-4">
      <p className="text-small text-soft">{words}</p>
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

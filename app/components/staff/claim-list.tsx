import { numberText } from '~/messages/text'
import { Form, Link, useSubmit } from '@remix-run/react'
import type { ClaimListQuery } from '~/domain/staff/claim-list'
import { tabLink } from '../base/nav-classes'
import { keepKeyHere } from '~/client/hash-key'
import { sortLabels } from './claim-messages'

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
  const submit = useSubmit()
  return (
    <div className="space-y-2">
      <nav aria-label="Which claims" className="flex gap-x-1 overflow-x-auto">
        {[...states, ...facts].map((tab) => (
          <Link
            key={tab.label}
            to={tab.href}
            aria-current={tab.current ? 'page' : undefined}
            className={tabLink}
          >
            {tab.label} <span className="text-small">{numberText(tab.count)}</span>
          </Link>
        ))}
      </nav>
      <Form
        method="get"
        role="search"
        className="flex flex-wrap items-center gap-3"
        onSubmit={(event) => keepKeyHere(event, 'text', submit)}
      >
        {filter.state ? <input type="hidden" name="state" value={filter.state} /> : null}
        {filter.fact ? <input type="hidden" name="fact" value={filter.fact} /> : null}
        <div className="min-w-0 flex-1 basis-60">
          <label htmlFor="claim-text" className="sr-only">
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
            placeholder="Name, email, key label, start of a key hash or claim number"
            className="min-h-11 w-full rounded-box border border-edge bg-raised px-3"
          />
        </div>
        <div>
          <label htmlFor="claim-sort" className="sr-only">
            Order
          </label>
          <select
            key={sort}
            id="claim-sort"
            name="sort"
            defaultValue={sort}
            className="min-h-11 rounded-box border border-edge bg-raised px-3"
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

import { Form } from '@remix-run/react'
import { useHydrated } from '../../base/hydrated'
import { Button } from '../../base/button'
import { queueUrl } from '../../../urls'
import { jobLabel } from '~/messages/jobs'
import type { QueuePageView } from './view-types'

export const searchId = 'queue-search'
const rangeLabels = {
  '15m': 'last 15 minutes',
  '1h': 'last hour',
  '1d': 'last day',
  '7d': 'last 7 days',
} as const
const field = 'mt-1 min-h-11 w-full rounded-box border border-edge bg-raised px-3'

const grid =
  'mt-4 grid grid-cols-2 items-end gap-x-4 gap-y-3 text-small ' +
  'md:grid-cols-[2fr_1.4fr_1.4fr_1fr_0.7fr_auto]'

/** The filter as a GET form: its address can be shared. */
export function FilterForm({
  page,
  within,
  span,
  narrowed,
}: {
  page: QueuePageView
  within: string | null
  span: string
  narrowed: boolean
}) {
  const { filter, jobNames, workshops } = page
  const hydrated = useHydrated()
  return (
    <Form
      method="get"
      preventScrollReset
      action={queueUrl}
      role="search"
      aria-label="Filter jobs"
      className={grid}
      onChange={(event) => {
        if (hydrated && event.target instanceof HTMLSelectElement)
          event.target.form?.requestSubmit()
      }}
    >
      {filter.tab === 'unfinished' ? null : <input type="hidden" name="tab" value={filter.tab} />}
      {filter.error ? <input type="hidden" name="error" value={filter.error} /> : null}
      {span === 'day' ? <input type="hidden" name="span" value="day" /> : null}
      <label className="max-md:col-span-2">
        <span className="font-semibold">Person or id</span>
        <input
          id={searchId}
          type="search"
          name="text"
          defaultValue={filter.text}
          placeholder="Name, email, No. 1A2B3C4D, job id"
          className={field}
        />
      </label>
      <label>
        <span className="font-semibold">Job</span>
        <select name="job" defaultValue={filter.job ?? ''} className={field}>
          <option value="">all</option>
          {jobNames.map((name) => (
            <option key={name} value={name}>
              {jobLabel(name)}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span className="font-semibold">Workshop</span>
        <select name="workshop" defaultValue={filter.workshop ?? ''} className={field}>
          <option value="">all</option>
          {workshops.map(({ slug, title }) => (
            <option key={slug} value={slug}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span className="font-semibold">Created in the</span>
        <select name="within" defaultValue={within ?? ''} className={field}>
          <option value="">any time</option>
          {Object.entries(rangeLabels).map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span className="font-semibold">Min. runs</span>
        <input type="number" name="runs" min={1} defaultValue={filter.runs} className={field} />
      </label>
      <div className="flex gap-2">
        <Button type="submit">Filter</Button>
        {narrowed || filter.job ? (
          <a className="button" data-kind="quiet" href={queueUrl}>
            Clear
          </a>
        ) : null}
      </div>
    </Form>
  )
}

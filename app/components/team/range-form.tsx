import { Form, Link } from '@remix-run/react'
import type { DayRange, RangePart } from '~/domain/team/range.server'
import { rangeUrl } from '../../urls'
import { Button } from '../base/button'
import { Field, Select } from '../base/field'
import { choiceLink } from '../base/nav-classes'

const partLabels: Record<RangePart, string> = {
  service: 'service',
  member: 'member',
  project: 'project',
  key: 'key',
}

/** Any days, or one of the ranges that people ask for most. */
export function RangeForm({
  slug,
  range,
  problem,
  part,
  parts,
  presets,
  chosen,
}: {
  slug: string
  /** What the fields hold: as typed where that is not a range. */
  range: DayRange
  problem: string | null
  part: RangePart
  parts: RangePart[]
  presets: { label: string; range: DayRange }[]
  /** Whether the page shows a range, and no month. */
  chosen: boolean
}) {
  return (
    <>
      <Form method="get" className="mt-6 flex flex-wrap items-end gap-3">
        <div className="min-w-40 max-sm:flex-1">
          <Field
            key={`from ${range.from}`}
            label="First day (UTC)"
            name="from"
            type="date"
            defaultValue={range.from}
          />
        </div>
        <div className="min-w-40 max-sm:flex-1">
          <Field
            key={`to ${range.to}`}
            label="Last day (UTC)"
            name="to"
            type="date"
            defaultValue={range.to}
          />
        </div>
        <div className="min-w-40 max-sm:flex-1">
          <Select
            key={part}
            label="Divided by"
            name="by"
            defaultValue={part}
            options={parts.map((one) => ({ value: one, label: partLabels[one] }))}
          />
        </div>
        <Button type="submit">Show</Button>
      </Form>
      {problem ? (
        <p role="alert" className="mt-2 text-small font-semibold text-brick-ink">
          {problem}
        </p>
      ) : null}
      <nav aria-label="Ranges" className="mt-2 -ml-2 flex flex-wrap gap-1">
        {presets.map((preset) => (
          <Link
            key={preset.label}
            to={rangeUrl(slug, preset.range, part)}
            aria-current={
              chosen && preset.range.from === range.from && preset.range.to === range.to
                ? 'true'
                : undefined
            }
            className={choiceLink}
          >
            {preset.label}
          </Link>
        ))}
      </nav>
    </>
  )
}

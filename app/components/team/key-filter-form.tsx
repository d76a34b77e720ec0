import { Form, Link } from '@remix-run/react'
import type { KeyFilter } from '~/domain/team/sub-key-view.server'
import { teamUrl } from '../../urls'
import { Button } from '../base/button'
import { Field, Select } from '../base/field'

type Choice = { value: string; label: string }

/** Narrows a list of keys, by a plain form of the address. `people` for who sees keys of others. */
export function KeyFilterForm({
  slug,
  filter,
  filtered,
  people,
  services,
}: {
  slug: string
  filter: KeyFilter
  filtered: boolean
  people: Choice[] | null
  services: Choice[]
}) {
  return (
    <Form method="get" className="mt-6 flex flex-wrap items-end gap-4">
      <div className="min-w-56 flex-1">
        <Field
          label="Search"
          name="q"
          hint="Purpose, project, holder or masked key."
          defaultValue={filter.text ?? ''}
        />
      </div>
      {people ? (
        <Select
          label="Member"
          name="by"
          defaultValue={filter.holder ?? ''}
          options={[{ value: '', label: 'everybody' }, ...people]}
        />
      ) : null}
      {services.length > 1 ? (
        <Select
          label="Provider"
          name="service"
          defaultValue={filter.service ?? ''}
          options={[{ value: '', label: 'all' }, ...services]}
        />
      ) : null}
      <Select
        label="State"
        name="state"
        defaultValue={filter.state ?? ''}
        options={[
          { value: '', label: 'all' },
          { value: 'live', label: 'live' },
          { value: 'ended', label: 'ended or not made' },
        ]}
      />
      <Button type="submit">Show</Button>
      {filtered ? (
        <Link
          className="inline-flex min-h-11 items-center prose-link"
          to={teamUrl(slug, 'my-keys')}
        >
          Show all
        </Link>
      ) : null}
    </Form>
  )
}

import { auditActionLabel } from '~/messages/audit'
import { Button } from '../base/button'
import { Field } from '../base/field'

type Typed = Partial<
  Record<'id' | 'actor' | 'action' | 'subject' | 'workshop' | 'from' | 'to', string>
>

/** The filter as a GET form: its address can be shared. */
export function AuditFilterForm({
  typed,
  workshops,
  clearUrl,
}: {
  typed: Typed
  workshops: string[]
  clearUrl: string
}) {
  const filtered = Object.values(typed).some(Boolean)
  return (
    <details className="mt-6" open={filtered}>
      <summary className="button">Filter by who, what, when</summary>
      <form
        method="get"
        action={clearUrl}
        className="mt-4 grid gap-x-4 gap-y-3 sm:grid-cols-2 lg:grid-cols-4"
        aria-label="Filter"
      >
        <Field
          label="Any id"
          name="id"
          defaultValue={typed.id}
          hint="Of an event, a claim, a person, a job"
        />
        <Field
          label="Who"
          name="actor"
          defaultValue={typed.actor}
          hint="A user id, worker or operator"
        />
        <Choice
          label="Action"
          name="action"
          value={typed.action}
          options={Object.entries(auditActionLabel)
            .map(([value, label]) => ({ value, label }))
            .sort((one, other) => one.label.localeCompare(other.label))}
        />
        <Field
          label="Subject"
          name="subject"
          defaultValue={typed.subject}
          hint="As claim:… or user:…"
        />
        <Choice
          label="Workshop"
          name="workshop"
          value={typed.workshop}
          options={workshops.map((slug) => ({ value: slug, label: slug }))}
        />
        <Field
          label="From"
          name="from"
          type="datetime-local"
          defaultValue={typed.from?.length === 10 ? `${typed.from}T00:00` : typed.from}
          hint="UTC"
        />
        <Field
          label="Until"
          name="to"
          type="datetime-local"
          defaultValue={typed.to?.length === 10 ? `${typed.to}T23:59` : typed.to}
          hint="UTC"
        />
        <div className="flex flex-wrap items-end gap-3">
          <Button type="submit" kind="ink">
            Show
          </Button>
          {filtered ? (
            <a href={clearUrl} className="button" data-kind="quiet">
              Show everything
            </a>
          ) : null}
        </div>
      </form>
    </details>
  )
}

/** A value of the address that is not among the options is kept as one more. */
function Choice({
  label,
  name,
  value,
  options,
}: {
  label: string
  name: string
  value: string | undefined
  options: { value: string; label: string }[]
}) {
  const known = options.some((option) => option.value === value)
  return (
    <label className="block">
      <span className="block font-semibold">{label}</span>
      <span className="block text-small text-soft">Choose one</span>
      <select
        name={name}
        defaultValue={value ?? ''}
        className="mt-1 min-h-11 w-full rounded-box border border-edge bg-raised px-3"
      >
        <option value="">all</option>
        {value && !known ? <option value={value}>{value}</option> : null}
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </label>
  )
}

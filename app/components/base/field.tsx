import { useId, type ReactNode } from 'react'

/** Label, hint and error around a field, linked for screen readers. */
function Labelled({
  label,
  hint,
  error,
  children,
}: {
  label: string
  hint?: ReactNode
  error?: string | undefined
  children: (field: {
    id: string
    'aria-invalid': true | undefined
    'aria-describedby': string | undefined
  }) => ReactNode
}) {
  const id = useId()
  const described = [hint ? `${id}-hint` : null, error ? `${id}-error` : null]
    .filter((part) => part !== null)
    .join(' ')
  return (
    <div>
      <label htmlFor={id} className="block font-semibold">
        {label}
      </label>
      {hint ? (
        <p id={`${id}-hint`} className="text-small text-soft">
          {hint}
        </p>
      ) : null}
      {children({
        id,
        'aria-invalid': error ? true : undefined,
        'aria-describedby': described || undefined,
      })}
      {error ? (
        <p id={`${id}-error`} className="mt-1 text-small font-semibold text-brick-ink">
          {error}
        </p>
      ) : null}
    </div>
  )
}

/** A text field with its label, hint and error, linked for screen readers. */
export function Field({
  label,
  name,
  hint,
  error,
  type = 'text',
  defaultValue,
  required,
  autoComplete,
  className = '',
  maxLength,
}: {
  label: string
  name: string
  hint?: ReactNode
  error?: string
  type?: string
  defaultValue?: string
  required?: boolean
  autoComplete?: string
  /** Of the field itself. */
  className?: string
  maxLength?: number
}) {
  return (
    <Labelled label={label} hint={hint} error={error}>
      {(field) => (
        <input
          {...field}
          name={name}
          type={type}
          defaultValue={defaultValue}
          required={required}
          autoComplete={autoComplete}
          maxLength={maxLength}
          className={
            'mt-1 min-h-11 w-full rounded-box border border-edge bg-raised px-3 ' +
            `aria-invalid:border-brick ${className}`
          }
        />
      )}
    </Labelled>
  )
}

/** Several lines of text, linked as a field is. */
export function TextArea({
  label,
  name,
  hint,
  error,
  defaultValue,
  required,
  maxLength,
  rows = 3,
}: {
  label: string
  name: string
  hint?: ReactNode
  error?: string | undefined
  defaultValue?: string
  required?: boolean
  maxLength?: number
  rows?: number
}) {
  return (
    <Labelled label={label} hint={hint} error={error}>
      {(field) => (
        <textarea
          {...field}
          name={name}
          rows={rows}
          defaultValue={defaultValue}
          required={required}
          maxLength={maxLength}
          className="mt-1 w-full rounded-box border border-edge bg-raised p-3 aria-invalid:border-brick"
        />
      )}
    </Labelled>
  )
}

/** A checkbox; the whole line is the target. */
export function Checkbox({ name, children }: { name: string; children: ReactNode }) {
  return (
    <label className="flex min-h-11 items-start gap-3 py-2">
      <input type="checkbox" name={name} value="yes" className="mt-1 size-5 shrink-0 accent-ink" />
      <span className="min-w-0 [overflow-wrap:anywhere]">{children}</span>
    </label>
  )
}

/** A choice of a few labelled options. */
export function Select({
  label,
  name,
  options,
  defaultValue,
  error,
  hint,
}: {
  label: string
  name: string
  options: { value: string; label: string }[]
  defaultValue?: string
  error?: string
  hint?: string
}) {
  return (
    <Labelled label={label} error={error} hint={hint}>
      {(field) => (
        <select
          {...field}
          name={name}
          defaultValue={defaultValue}
          className="mt-1 min-h-11 w-full rounded-box border border-edge bg-raised px-3 aria-invalid:border-brick"
        >
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Labelled>
  )
}

/** For a credential: masked, without autocomplete, and never filled in again. */
export function SecretField({ label, name }: { label: string; name: string }) {
  return (
    <Labelled label={label}>
      {(field) => (
        <input
          {...field}
          name={name}
          type="password"
          required
          autoComplete="off"
          spellCheck={false}
          className="mt-1 min-h-11 w-full rounded-box border border-edge bg-raised px-3 font-mono"
        />
      )}
    </Labelled>
  )
}

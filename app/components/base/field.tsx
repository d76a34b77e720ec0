import { useId, type ReactNode } from 'react'

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
      <input
        id={id}
        name={name}
        type={type}
        defaultValue={defaultValue}
        required={required}
        autoComplete={autoComplete}
        maxLength={maxLength}
        aria-invalid={error ? true : undefined}
        aria-describedby={described || undefined}
        className={
          'mt-1 min-h-11 w-full rounded-box border border-edge bg-raised px-3 ' +
          `aria-invalid:border-brick ${className}`
        }
      />
      {error ? (
        <p id={`${id}-error`} className="mt-1 text-small font-semibold text-brick-ink">
          {error}
        </p>
      ) : null}
    </div>
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
      <textarea
        id={id}
        name={name}
        rows={rows}
        defaultValue={defaultValue}
        required={required}
        maxLength={maxLength}
        aria-invalid={error ? true : undefined}
        aria-describedby={described || undefined}
        className="mt-1 w-full rounded-box border border-edge bg-raised p-3 aria-invalid:border-brick"
      />
      {error ? (
        <p id={`${id}-error`} className="mt-1 text-small font-semibold text-brick-ink">
          {error}
        </p>
      ) : null}
    </div>
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
}: {
  label: string
  name: string
  options: { value: string; label: string }[]
  defaultValue?: string
  error?: string
}) {
  const id = useId()
  return (
    <div>
      <label htmlFor={id} className="block font-semibold">
        {label}
      </label>
      <select
        id={id}
        name={name}
        defaultValue={defaultValue}
        aria-invalid={error ? true : undefined}
        aria-describedby={error ? `${id}-error` : undefined}
        className="mt-1 min-h-11 w-full rounded-box border border-edge bg-raised px-3 aria-invalid:border-brick"
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      {error ? (
        <p id={`${id}-error`} className="mt-1 text-small font-semibold text-brick-ink">
          {error}
        </p>
      ) : null}
    </div>
  )
}

/** For a credential: masked, without autocomplete, and never filled in again. */
export function SecretField({ label, name }: { label: string; name: string }) {
  const id = useId()
  return (
    <div>
      <label htmlFor={id} className="block font-semibold">
        {label}
      </label>
      <input
        id={id}
        name={name}
        type="password"
        required
        autoComplete="off"
        spellCheck={false}
        className="mt-1 min-h-11 w-full rounded-box border border-edge bg-raised px-3 font-mono"
      />
    </div>
  )
}

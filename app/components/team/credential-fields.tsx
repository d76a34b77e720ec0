import type { ServiceChoice } from '~/domain/team/team-view.server'
import { Field, SecretField, Select } from '../base/field'

/** What a service asks for, as it declares it. A secret is never filled in again. */
export function CredentialFields({
  fields,
  entered,
}: {
  fields: ServiceChoice['fields']
  entered: Record<string, string>
}) {
  return fields.map((field) =>
    field.kind === 'secret' ? (
      <SecretField key={field.name} label={field.label} name={field.name} />
    ) : field.choices ? (
      <Select
        key={field.name}
        label={field.label}
        name={field.name}
        defaultValue={entered[field.name] ?? field.initial ?? ''}
        options={[...field.choices]}
        {...(field.hint ? { hint: field.hint } : {})}
      />
    ) : (
      <Field
        key={field.name}
        label={field.label}
        name={field.name}
        required={field.required}
        defaultValue={entered[field.name] ?? field.initial ?? ''}
        {...(field.hint ? { hint: field.hint } : {})}
      />
    ),
  )
}

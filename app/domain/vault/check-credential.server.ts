/** What an owner enters for a credential, checked here and at its service before anything is stored. */
import type {
  CredentialProblem,
  ServiceAdapter,
  ServiceCredential,
} from '~/adapters/service-adapter'
import type { Ctx } from '../ctx'

/** What was entered. `settings` holds the declared fields that are not the credential's own. */
export type Entered = { secret: string; baseUrl: string | null; settings?: Record<string, string> }
/** Why nothing was stored. `service` is the title of the service that was asked. */
export type VaultRefusal = { kind: 'refused' } & VaultProblem
export type VaultProblem =
  | {
      reason:
        | 'unknown-service'
        | 'no-credential'
        | 'bad-credential'
        | 'address-not-used'
        | 'other-account'
        | 'replaced-meanwhile'
        | 'seal-broken'
    }
  | { reason: 'missing-field'; field: string }
  | { reason: 'service-refused'; service: string; problem: CredentialProblem }

/** Asks the service whether it accepts what was entered, with every field that it declares. */
export async function checkCredential(
  ctx: Ctx,
  input: Entered & { service: string },
): Promise<
  | {
      kind: 'good'
      adapter: ServiceAdapter
      credential: Required<ServiceCredential>
      label: string
    }
  | VaultRefusal
> {
  const refused = (
    reason: Exclude<VaultProblem['reason'], 'service-refused' | 'missing-field'>,
  ): VaultRefusal => ({
    kind: 'refused',
    reason,
  })
  const adapter = ctx.services.get(input.service)
  if (!adapter) return refused('unknown-service')
  const secret = input.secret.trim()
  if (secret === '') return refused('no-credential')
  if (!/^[\x21-\x7e]{6,512}$/.test(secret)) return refused('bad-credential')
  const baseUrl = input.baseUrl?.trim().replace(/\/+$/, '') || null
  const { fields } = adapter.capabilities
  if (baseUrl !== null && !fields.some(({ name }) => name === 'baseUrl'))
    return refused('address-not-used')
  const settings: Record<string, string> = {}
  for (const field of fields.filter(({ name }) => name !== 'secret' && name !== 'baseUrl')) {
    const value = input.settings?.[field.name]?.trim() || (field.initial ?? '')
    if (field.choices && !field.choices.some((choice) => choice.value === value))
      return { kind: 'refused', reason: 'missing-field', field: field.label }
    if (value !== '') settings[field.name] = value
    else if (field.required) return { kind: 'refused', reason: 'missing-field', field: field.label }
  }
  const credential = { secret, baseUrl, settings }
  const verified = await adapter.verifyCredential(credential)
  return verified.ok
    ? { kind: 'good', adapter, credential, label: verified.label }
    : serviceRefused(adapter, verified.problem)
}

export const serviceRefused = (
  { title }: ServiceAdapter,
  problem: CredentialProblem,
): VaultRefusal => ({
  kind: 'refused',
  reason: 'service-refused',
  service: title,
  problem,
})

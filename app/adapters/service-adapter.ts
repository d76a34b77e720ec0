/**
 * A service that makes capped sub-keys under a team's master credential. It need not be an LLM:
 * models are optional, and each service declares what it can do, so that no page offers more. Every
 * failure is a ProviderError, and no error or label ever holds a secret. docs/adapters.md says how
 * to write one.
 */
import type { NanoUsd } from '~/money'
import type { AddressRefusal } from './outbound.server'
import { ProviderError, type ProviderErrorDetails } from './provider-error'

export type ServiceReset = 'daily' | 'weekly' | 'monthly'

export type ServiceCapabilities = {
  /** The service stops a key at its cap, except for requests in flight. */
  hardCap: boolean
  /** The windows, all in UTC, after which a cap can reset; empty for none. */
  resets: readonly ServiceReset[]
  /** A key can have an expiry. */
  expiry: boolean
  /** A key can be limited to a list of models when it is made. */
  modelList: boolean
  /** The credential comes with the address of a server of its owner's own. */
  ownAddress: boolean
  /** What caps and usage are counted in. */
  unit: 'usd'
}

export type ServiceCredential = { secret: string; baseUrl: string | null }

export type NewServiceKey = {
  /** Ours alone, used once: by it a key whose answer was lost is found again. */
  name: string
  cap: NanoUsd
  reset: ServiceReset | null
  expiresAt: Date | null
  models: readonly string[] | null
}

export type ServiceReading = {
  /** Since the key was made; null where the service counts from zero at each reset. */
  usage: NanoUsd | null
  /** Of the cap, in the window of this reading; without a reset, since the key was made. */
  usedInWindow: NanoUsd
  /**
   * When that window ends, where the service says so. A time in the past means that the service has
   * not started the new window yet, and `usedInWindow` is of the old one. Null is the UTC window of
   * the request.
   */
  windowEndsAt: Date | null
  disabled: boolean
}

export type ServiceKey = ServiceReading & {
  id: string
  name: string
  label: string
  cap: NanoUsd | null
  reset: ServiceReset | null
  createdAt: Date | null
  expiresAt: Date | null
}

/** Why a credential was not accepted. */
export type CredentialProblem =
  | { code: 'address-missing' | 'address-not-used' | 'no-database' | AddressRefusal }
  | { code: 'provider-error'; details: ProviderErrorDetails }

export interface ServiceAdapter {
  /** As stored in rows: "openrouter". */
  readonly service: string
  /** For people: "OpenRouter". */
  readonly title: string
  readonly capabilities: ServiceCapabilities
  /** Asks the service, changing nothing there. The label is a mask. Throws no ProviderError. */
  verifyCredential(
    credential: ServiceCredential,
  ): Promise<{ ok: true; label: string } | { ok: false; problem: CredentialProblem }>
  /**
   * One request, never retried. An ambiguous ProviderError means that a key may exist under this
   * name. What is not declared is refused before the request.
   */
  createKey(
    credential: ServiceCredential,
    key: NewServiceKey,
  ): Promise<{ id: string; label: string; plaintext: string }>
  /**
   * The key as the service returns it after the change. Rejected as `not-found` for a key that is
   * gone, as are the next two.
   */
  updateLimit(credential: ServiceCredential, id: string, cap: NanoUsd): Promise<ServiceKey>
  /** Stops the key at once; what it has used can still be read. */
  disableKey(credential: ServiceCredential, id: string): Promise<void>
  enableKey(credential: ServiceCredential, id: string): Promise<void>
  /** Succeeds also when the key was gone already. */
  deleteKey(credential: ServiceCredential, id: string): Promise<void>
  /**
   * Every key of the credential, disabled ones too, also those that are not ours. A key that moves
   * while pages are read may be missing: confirm an absence with `findKey`.
   */
  listKeys(credential: ServiceCredential): Promise<ServiceKey[]>
  /** Null when the service says the key does not exist. */
  findKey(credential: ServiceCredential, id: string): Promise<ServiceKey | null>
  /** Keys that the service does not know are not in the answer. */
  readUsage(
    credential: ServiceCredential,
    ids: readonly string[],
  ): Promise<Map<string, ServiceReading>>
}

/** By `service`; every adapter that this build knows. */
export type Services = ReadonlyMap<string, ServiceAdapter>

/** Throws a rejected ProviderError for what an adapter does not declare. Call it before sending. */
export function refuseUndeclared(
  adapter: Pick<ServiceAdapter, 'title' | 'capabilities'>,
  key: NewServiceKey,
  now: Date,
): void {
  const { capabilities, title } = adapter
  const refuse = (message: string) =>
    new ProviderError({
      call: `make a key at ${title}`,
      kind: 'rejected',
      reason: 'refused',
      providerMessage: message,
    })
  if (key.cap <= 0n) throw refuse('A key needs a cap above zero.')
  if (key.reset !== null && !capabilities.resets.includes(key.reset))
    throw refuse(`${title} cannot reset a cap ${key.reset}.`)
  if (key.expiresAt !== null && !capabilities.expiry) throw refuse(`${title} cannot expire a key.`)
  if (key.expiresAt !== null && key.expiresAt.getTime() <= now.getTime())
    throw refuse('The key would expire at once.')
  if (key.models !== null && !capabilities.modelList)
    throw refuse(`${title} cannot limit a key to a list of models.`)
}

/** Up to so many keys, single calls are cheaper than the whole list. */
const fewKeys = 5

/** `readUsage` by the other calls: key by key when there are few, from the list when many. */
export async function readUsageOf(
  adapter: Pick<ServiceAdapter, 'findKey' | 'listKeys'>,
  credential: ServiceCredential,
  ids: readonly string[],
): Promise<Map<string, ServiceReading>> {
  const wanted = new Set(ids)
  const found = new Map<string, ServiceReading>()
  const take = ({ id, usage, usedInWindow, windowEndsAt, disabled }: ServiceKey) =>
    void found.set(id, { usage, usedInWindow, windowEndsAt, disabled })
  if (wanted.size > fewKeys)
    for (const key of await adapter.listKeys(credential)) if (wanted.has(key.id)) take(key)
  const missing = [...wanted].filter((id) => !found.has(id))
  for (const id of missing) {
    const key = await adapter.findKey(credential, id)
    if (key) take(key)
  }
  return found
}

/** What may be shown of a secret: its kind and last four characters; of a short one, neither. */
export function maskOf(secret: string): string {
  if (secret.length < 20) return 'sk-…'
  const kind = /^(sk-or-v1-|sk-)/.exec(secret)?.[0] ?? ''
  return `${kind}…${secret.slice(-4)}`
}

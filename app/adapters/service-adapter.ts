/**
 * A service that makes capped sub-keys under a team's master credential. It need not be an LLM:
 * models are optional, and each service declares what it can do, so that no page offers more. Every
 * failure is a ProviderError, and no error or label ever holds a secret. docs/adapters.md says how
 * to write one.
 */
import type { NanoUsd } from '~/money'
import type { KeyProvider } from './key-provider'
import type { AddressRefusal } from './outbound.server'
import { ProviderError, type ProviderErrorDetails } from './provider-error'

export type ServiceReset = 'daily' | 'weekly' | 'monthly'

/** One thing that an owner enters with a credential. */
export type CredentialField = {
  /** `secret` and `baseUrl` are the credential's own; every other name is one of its settings. */
  name: string
  label: string
  hint?: string
  /** Only `secret` is sealed and never shown again. */
  kind: 'secret' | 'address' | 'text' | 'usd' | 'choice'
  required: boolean
  /** Of a choice; no other value is taken. */
  choices?: readonly { value: string; label: string }[]
  /** What the form begins with, and what counts where the field was left empty. */
  initial?: string
}

/** One thing that a member chooses for a key; its first choice counts where none was made. */
export type KeyOption = {
  name: string
  label: string
  hint?: string
  choices: readonly { value: string; label: string }[]
}

/** What pages say of a service. Whole sentences, but for the noun. */
export type ServiceTexts = {
  /** What a member gets: "key", "machine". */
  noun: string
  gets: string
  /** Who stops it at its cap, and how late that can be. */
  atCap: string
  /** What is left when it has ended, and who pays for that; null where nothing is. */
  remains: string | null
  /** The same, of one that has ended. */
  remained: string | null
}

export type ServiceCapabilities = {
  /**
   * Who stops a key at its cap, requests in flight aside. Where it is Keymint, the service knows no
   * cap: `cap` is null in what it says, and the engine does not look for one there.
   */
  capBy: 'service' | 'keymint'
  /** Who ends a key at its expiry. */
  expiryBy: 'service' | 'keymint'
  /** The windows, all in UTC, after which a cap can reset; empty for none. */
  resets: readonly ServiceReset[]
  /**
   * How a key is limited to a list of models: in the request that makes it and by `changeKey`, or by
   * a guardrail that it is assigned to once it exists, through `guardrails`.
   */
  modelList: 'none' | 'key' | 'guardrail'
  /** A key can be replaced by a new one that gets what is left of its cap. */
  rotation: boolean
  /**
   * A key's total goes on when its cap starts anew, so a key whose reset is taken away has a sum for
   * life. False: the service begins to count again, and an old key cannot work on beside a new one.
   */
  keepsTotal: boolean
  /**
   * What becomes of a key that is over: disabled, and deleted once it is settled; or deleted at
   * once, where whoever holds it could start it again. Where Keymint holds the cap, a key of the
   * second kind is over when it reaches it.
   */
  end: 'disable' | 'delete'
  /**
   * Usage comes from `findKey` and the meter alone, at most this often; null where the list shows it
   * of every key at once.
   */
  readEverySeconds: number | null
  /** How long after a request the service may still count it; added to what settling waits. */
  settleSeconds: number
  fields: readonly CredentialField[]
  options: readonly KeyOption[]
  texts: ServiceTexts
  /** What caps and usage are counted in. */
  unit: 'usd'
}

export type ServiceCredential = {
  secret: string
  baseUrl: string | null
  /** By the names of the declared fields. Absent is none. */
  settings?: Readonly<Record<string, string>>
}

export type NewServiceKey = {
  /** Ours alone, used once: by it a key whose answer was lost is found again. */
  name: string
  /** The same for every try and every key of one holder. */
  keyId: string
  cap: NanoUsd
  reset: ServiceReset | null
  expiresAt: Date | null
  models: readonly string[] | null
  /** By the names of the declared options. */
  options: Readonly<Record<string, string>>
}

/** A secret is one text, or several named parts, each shown and copied by itself. */
export type SecretPart = { label: string; value: string; secret: boolean }

export type ServiceReading = {
  /** Since the key was made; null where the service counts from zero at each reset. */
  usage: NanoUsd | null
  /** Of the present UTC day, week and month, whatever the cap does; absent where it does not say. */
  usageBy?: { daily: NanoUsd | null; weekly: NanoUsd | null; monthly: NanoUsd | null }
  /** True where the service may start the counter anew: a fall is a new beginning, not an old answer. */
  resets?: boolean
  /** Of the cap, in the window of this reading; without a reset, since the key was made. */
  usedInWindow: NanoUsd
  /**
   * When that window ends, where the service says so. A time in the past means that the service has
   * not started the new window yet, and `usedInWindow` is of the old one. Null is the UTC window of
   * the request.
   */
  windowEndsAt: Date | null
  disabled: boolean
  /**
   * A note of the adapter's own, at most 1 KB, without secrets: kept with the usage that was read
   * with it, and handed back at the next reading. A lost one may cost usage, never invent any.
   */
  meter?: string
  /** USD an hour that the key costs whatever it does; null while it costs nothing by itself. */
  perHour?: NanoUsd | null
}

export type ServiceKey = ServiceReading & {
  id: string
  name: string
  label: string
  cap: NanoUsd | null
  reset: ServiceReset | null
  /** Whether the cap counts what the account's own provider keys serve; absent where there are none. */
  includeByok?: boolean | null
  createdAt: Date | null
  expiresAt: Date | null
  /** Where keys carry their list: its models, and none of them for every model. */
  models?: readonly string[]
}

/** What a service calls a model; prices are USD for a million tokens, null where it names none. */
export type ServiceModel = {
  id: string
  /** What a guardrail answers with for this model. */
  canonicalId: string
  promptPerMillion: NanoUsd | null
  completionPerMillion: NanoUsd | null
}

/** Lists of models that keys are assigned to. One account's; each call is one request or one list. */
export type ServiceGuardrails = Pick<
  KeyProvider,
  | 'listGuardrails'
  | 'createGuardrail'
  | 'updateGuardrail'
  | 'assignKeys'
  | 'unassignKeys'
  | 'listAssignedHashes'
>

/**
 * What the service says it made, field by field; what it did not say is absent. Compared with what
 * was asked before a key counts.
 */
export type MadeKey = {
  cap?: NanoUsd | null
  reset?: string | null
  expiresAt?: Date | null
  disabled?: boolean
  includeByok?: boolean
}

/** What is absent stays. Values are absolute: sent twice, they change nothing twice. */
export type KeyChange = {
  disabled?: boolean
  limit?: NanoUsd
  reset?: ServiceReset | null
  /** Only where keys carry their list; none of them is every model. */
  models?: readonly string[]
}

/** One page of a list; `unreadable` items stand on it and are no keys of ours to read. */
export type KeyPage = { keys: ServiceKey[]; unreadable: number }
/** Why a credential was not accepted. */
export type CredentialProblem =
  | { code: 'address-missing' | 'address-not-used' | 'no-database' | AddressRefusal }
  | { code: 'provider-error'; details: ProviderErrorDetails }

/** What one key spent with one model on one completed UTC day, written as 2026-11-28. */
export type ModelSpend = { day: string; model: string; usage: NanoUsd; requests: number }

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
   * The request that makes something usable is sent once, never retried. An ambiguous ProviderError
   * means that a key may exist under this name. What is not declared is refused before any request.
   */
  createKey(
    credential: ServiceCredential,
    key: NewServiceKey,
  ): Promise<
    { id: string; label: string; plaintext: string; made: MadeKey } & Pick<
      ServiceReading,
      'meter' | 'perHour'
    >
  >
  /**
   * The key as the service knows it after the change, what it has used included; a disabled key can
   * still be read. Rejected as `not-found` for a key that is gone. More than one request only where
   * the service has no single one, what disables or lowers first. A limit that Keymint holds changes
   * nothing at the service.
   */
  changeKey(credential: ServiceCredential, id: string, change: KeyChange): Promise<ServiceKey>
  /** Done also when the key was gone already. */
  deleteKey(credential: ServiceCredential, id: string): Promise<void>
  /**
   * The keys of the credential page by page, disabled ones too, also those that are not ours, newest
   * first where the service can. Pages, bytes and rows are bounded: what goes over is a ProviderError
   * `list-too-large`. A key that moves while pages are read may be missing: ask `findKey` before
   * believing an absence. Where `readEverySeconds` is set, usage in a list counts for nothing.
   */
  listKeys(
    credential: ServiceCredential,
    options?: { signal?: AbortSignal },
  ): AsyncIterable<KeyPage>
  /** Null when the service says the key does not exist. `meter`: the note of the last reading. */
  findKey(
    credential: ServiceCredential,
    id: string,
    meter?: string | null,
  ): Promise<ServiceKey | null>
  /** What is left on the account, below zero where it owes; absent where the service tells none. */
  readBalance?(credential: ServiceCredential): Promise<NanoUsd>
  /**
   * What the key spent by model on the completed UTC days that the service still tells, 30 at most;
   * nothing of today. Absent where it tells none.
   */
  listModelSpend?(credential: ServiceCredential, id: string): Promise<ModelSpend[]>
  /** Present where `modelList` is 'guardrail'. */
  guardrails?(credential: ServiceCredential): ServiceGuardrails
  /** The models there are. `isPublic`: the same list for every credential, read without one. */
  readonly models?: {
    isPublic: boolean
    list(credential: ServiceCredential): Promise<ServiceModel[]>
  }
  /** The parts of a plaintext; absent where it is one text. Pure. */
  show?(plaintext: string): SecretPart[]
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
  if (key.expiresAt !== null && key.expiresAt.getTime() <= now.getTime())
    throw refuse('The key would expire at once.')
  if (key.models !== null && capabilities.modelList !== 'key')
    throw refuse(`${title} cannot limit a key to a list of models when it makes it.`)
  const unknown = Object.entries(key.options).find(
    ([name, value]) => !isChoice(capabilities.options, name, value),
  )
  if (unknown) throw refuse(`${title} does not offer ${unknown[0]} ${unknown[1]}.`.slice(0, 200))
}

/** Whether a service offers this choice of this option. */
export const isChoice = (options: readonly KeyOption[], name: string, value: string): boolean =>
  options.some(
    (option) => option.name === name && option.choices.some((choice) => choice.value === value),
  )

/**
 * What may be shown of a secret: its kind and its last four characters, and of a short one only
 * that it is there.
 */
export function maskOf(secret: string): string {
  if (secret.length < 20) return 'sk-…'
  const kind = /^(sk-or-v1-|sk-)/.exec(secret)?.[0] ?? ''
  return `${kind}…${secret.slice(-4)}`
}

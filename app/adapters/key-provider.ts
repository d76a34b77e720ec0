/**
 * The deployment's own OpenRouter account as the domain sees it: what may be asked of it, and what
 * comes back. Money is in nano-USD. Every failure is a ProviderError. openrouter.server.ts
 * implements it.
 */
import type { NanoUsd } from '~/money'

export type KeyReset = 'daily' | 'weekly' | 'monthly'

export type UpstreamKey = {
  hash: string
  label: string
  name: string
  disabled: boolean
  limit: NanoUsd | null
  limitRemaining: NanoUsd | null
  limitReset: string | null
  /** All that was served with it, whoever's endpoint served it: own provider keys (BYOK) included. */
  usage: NanoUsd
  /** The same, of the present UTC day, week and month; null where the provider does not say. */
  usageBy: { daily: NanoUsd | null; weekly: NanoUsd | null; monthly: NanoUsd | null }
  /** Whether inference by own provider keys counts towards the cap; null where it does not say. */
  includeByok: boolean | null
  createdAt: Date
  expiresAt: Date | null
}

/** What the provider says it made; what it did not say is absent. */
export type MadeTerms = {
  limit?: NanoUsd | null
  limitReset?: string | null
  expiresAt?: Date | null
  disabled?: boolean
  includeByok?: boolean
}

export type UpstreamGuardrail = {
  id: string
  name: string
  /** Whose it is stands in it. Null where there is none. */
  description: string | null
  createdAt: Date
  limitUsd: NanoUsd | null
  resetInterval: string | null
  allowedModels: string[] | null
}

export type GuardrailRules = {
  name: string
  description: string
  /** Null: the guardrail has no budget. */
  limit: NanoUsd | null
  allowedModels: string[]
}

export type KeySelfReading = {
  limit: NanoUsd | null
  limitRemaining: NanoUsd | null
  usage: NanoUsd
  expiresAt: Date | null
  isManagementKey: boolean
}

/**
 * What the account has bought and used since it was made, every workspace and every key together.
 */
export type AccountCredits = { bought: NanoUsd; used: NanoUsd }

/** One model on one completed UTC day. `date` is YYYY-MM-DD. */
export type ActivityRow = {
  date: string
  model: string
  usage: NanoUsd
  requests: number
  promptTokens: number
  completionTokens: number
}

/** `id` is what one asks for, `canonicalSlug` what a guardrail answers with. */
/**
 * `longestAnswer` is what the longest answer costs at list price, which the provider reserves for a
 * request without max_tokens; null where it names no price.
 */
export type UpstreamModel = { id: string; canonicalSlug: string; longestAnswer: NanoUsd | null }

export type KeyProvider = {
  /** POST /keys, once, 8 s. An ambiguous ProviderError means a key may exist under this name. */
  createKey(input: {
    name: string
    limit: NanoUsd
    limitReset: KeyReset | null
    expiresAt: Date | null
  }): Promise<{ hash: string; label: string; plaintext: string; made: MadeTerms }>
  /**
   * The keys of the workspace, disabled ones too, newest first, a page of 100 at a time and page 0
   * again at the end, because new keys shift the pages: in constant memory, however many there are.
   * A key that cannot be read is counted, unless none can be: so absence is no proof.
   */
  listKeyPages(options?: {
    signal?: AbortSignal
  }): AsyncIterable<{ keys: UpstreamKey[]; unreadable: number }>
  /** null when the provider says the key does not exist. */
  findKey(hash: string): Promise<UpstreamKey | null>
  /**
   * What is absent stays. Without a reset (null) the limit counts all that the key has ever used.
   * The answer is the key as it is now.
   */
  updateKey(
    hash: string,
    change: { disabled?: boolean; limit?: NanoUsd; limitReset?: KeyReset | null },
  ): Promise<UpstreamKey>
  /** True also when it was gone already. */
  deleteKey(hash: string): Promise<void>
  listGuardrails(): Promise<UpstreamGuardrail[]>
  /** Both answer with the guardrail as the provider says it is now. */
  createGuardrail(rules: GuardrailRules): Promise<UpstreamGuardrail>
  updateGuardrail(id: string, rules: GuardrailRules): Promise<UpstreamGuardrail>
  /** How many of the keys the provider says it assigned; compare it with what was sent. */
  assignKeys(guardrailId: string, hashes: string[]): Promise<number>
  /** Done also for keys that are not assigned to this guardrail. */
  unassignKeys(guardrailId: string, hashes: string[]): Promise<void>
  listAssignedHashes(guardrailId: string): Promise<Set<string>>
  /** GET /key with the given key itself: costs nothing. */
  readOwnKey(plaintext: string): Promise<KeySelfReading>
  /**
   * POST /chat/completions with the given key: one real request, answered with a few tokens and
   * paid from the key's budget.
   */
  tryOwnKey(plaintext: string, model: string): Promise<void>
  /** Whether the workspace that keys are made in exists: the one that is set, else the default one. */
  isWorkspaceThere(): Promise<boolean>
  /**
   * GET /credits. With a key that is not a management key the provider answers zeros, not a refusal.
   */
  readCredits(): Promise<AccountCredits>
  /**
   * GET /activity: what was spent by model on one completed UTC day of the last 30, by one key or
   * by all of the workspace. Today is not among them.
   */
  listActivity(input: { date?: string; keyHash?: string }): Promise<ActivityRow[]>
  /**
   * GET /key with our own key, and the provider's clock (whole seconds) from the Date header of the
   * answer.
   */
  readManagementKey(): Promise<{ isManagementKey: boolean; serverTime: Date | null }>
  /**
   * Every model there is. Guardrails answer with canonical slugs, files name ids: this maps one to
   * the other.
   */
  listModels(): Promise<UpstreamModel[]>
}

export const guardrailReset = 'monthly'

/** Every key of the workspace, newest first: for what needs all of them at once. */
export async function listAllKeys(
  provider: Pick<KeyProvider, 'listKeyPages'>,
): Promise<UpstreamKey[]> {
  const byHash = new Map<string, UpstreamKey>()
  for await (const { keys } of provider.listKeyPages())
    for (const key of keys) byHash.set(key.hash, key)
  return [...byHash.values()]
}

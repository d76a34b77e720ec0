/**
 * OpenRouter's management interface in our words, on the official SDK. One call each, no retries
 * (the SDK's own would mint duplicates), always a timeout. Every failure is a ProviderError; the
 * SDK's errors hold the management key and fresh plaintext, so they end in this file and are never
 * logged or rethrown.
 */
import { OpenRouterCore } from '@openrouter/sdk/core.js'
import { analyticsGetUserActivity } from '@openrouter/sdk/funcs/analyticsGetUserActivity.js'
import { apiKeysCreate } from '@openrouter/sdk/funcs/apiKeysCreate.js'
import { apiKeysDelete } from '@openrouter/sdk/funcs/apiKeysDelete.js'
import { apiKeysGet } from '@openrouter/sdk/funcs/apiKeysGet.js'
import { apiKeysGetCurrentKeyMetadata } from '@openrouter/sdk/funcs/apiKeysGetCurrentKeyMetadata.js'
import { apiKeysList } from '@openrouter/sdk/funcs/apiKeysList.js'
import { apiKeysUpdate } from '@openrouter/sdk/funcs/apiKeysUpdate.js'
import { creditsGetCredits } from '@openrouter/sdk/funcs/creditsGetCredits.js'
import { guardrailsBulkAssignKeys } from '@openrouter/sdk/funcs/guardrailsBulkAssignKeys.js'
import { guardrailsCreate } from '@openrouter/sdk/funcs/guardrailsCreate.js'
import { guardrailsList } from '@openrouter/sdk/funcs/guardrailsList.js'
import { guardrailsListGuardrailKeyAssignments } from '@openrouter/sdk/funcs/guardrailsListGuardrailKeyAssignments.js'
import { guardrailsUpdate } from '@openrouter/sdk/funcs/guardrailsUpdate.js'
import { modelsList } from '@openrouter/sdk/funcs/modelsList.js'
import { HTTPClient } from '@openrouter/sdk/lib/http.js'
import { z } from 'zod'
import { nanoFromUsdNumber, usdNumberFromNano, type NanoUsd } from '~/money'
import type { Log } from './log.server'
import {
  answerOf,
  errorFacts,
  objectOrEmpty,
  parseObject,
  providerErrorFrom,
  unwrap,
} from './openrouter-answers.server'
import { ProviderError } from './provider-error'

export type KeyReset = 'daily' | 'weekly' | 'monthly'

export type UpstreamKey = {
  hash: string
  label: string
  name: string
  disabled: boolean
  limit: NanoUsd | null
  limitRemaining: NanoUsd | null
  limitReset: string | null
  usage: NanoUsd
  createdAt: Date
  expiresAt: Date | null
}

export type UpstreamGuardrail = {
  id: string
  name: string
  createdAt: Date
  limitUsd: NanoUsd | null
  resetInterval: string | null
  allowedModels: string[] | null
}
export type GuardrailRules = {
  name: string
  description: string
  limit: NanoUsd
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
  }): Promise<{ hash: string; label: string; plaintext: string }>
  /**
   * Every key of the workspace, disabled ones too, newest first; pages of 100, page 0 read again at
   * the end because new keys shift the pages. A key that cannot be read is left out and logged,
   * unless none can be: so absence is no proof.
   */
  listKeys(): Promise<UpstreamKey[]>
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
  createGuardrail(rules: GuardrailRules): Promise<{ id: string }>
  updateGuardrail(id: string, rules: GuardrailRules): Promise<void>
  /** How many of the keys the provider says it assigned; compare it with what was sent. */
  assignKeys(guardrailId: string, hashes: string[]): Promise<number>
  listAssignedHashes(guardrailId: string): Promise<Set<string>>
  /** GET /key with the given key itself: costs nothing. */
  readOwnKey(plaintext: string): Promise<KeySelfReading>
  /**
   * GET /credits. With a key that is no management key the provider answers zeros, not a refusal.
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
const createTimeoutMs = 8_000
const timeoutMs = 10_000
const pageSize = 100
/** The most that GET /models gives at once. */
const modelPageSize = 1_000
/** A list that goes on for longer is an upstream that ignores `offset`. */
const maxPages = 500

/** `managementKey` is kept behind a function, so that inspecting the client prints no secret. */
export function createOpenRouter(config: {
  baseUrl: string
  managementKey: string
  workspaceId?: string | undefined
  log?: Pick<Log, 'warn'> | undefined
}): KeyProvider {
  const clientFor = (key: string, more: { httpClient?: HTTPClient } = {}) =>
    new OpenRouterCore({
      apiKey: () => Promise.resolve(key),
      serverURL: config.baseUrl,
      retryConfig: { strategy: 'none' },
      timeoutMs,
      ...more,
    })
  const client = clientFor(config.managementKey)
  const options = { retries: { strategy: 'none' as const }, timeoutMs }
  const workspace = config.workspaceId ? { workspaceId: config.workspaceId } : {}

  /**
   * The SDK refuses a page for one strange key, ours or anybody's: then its items are read one by
   * one.
   */
  async function keyPage(offset: number): Promise<KeyPage> {
    const result = await answerOf(
      apiKeysList(client, { offset, includeDisabled: true, ...workspace }, options),
    )
    if (result.ok)
      return { keys: result.value.data.flatMap(readKey), length: result.value.data.length }
    const items = rawItems(result.error)
    if (!items) throw providerErrorFrom('GET /keys', result.error)
    return {
      keys: items.flatMap((item) => rawKeySchema.safeParse(item).data ?? []).flatMap(readKey),
      length: items.length,
    }
  }
  const guardrailRequest = (rules: GuardrailRules) =>
    ({
      name: rules.name,
      description: rules.description,
      // The provider wants both or neither, and it has no lifetime interval: the pool is ours to
      // hold.
      limitUsd: usdNumberFromNano(rules.limit),
      resetInterval: guardrailReset,
      allowedModels: rules.allowedModels,
    }) as const

  return {
    async createKey({ name, limit, limitReset, expiresAt }) {
      const request = {
        requestBody: { name, limit: usdNumberFromNano(limit), limitReset, expiresAt, ...workspace },
      }
      const result = await answerOf(
        apiKeysCreate(client, request, { ...options, timeoutMs: createTimeoutMs }),
      )
      if (result.ok && result.value.key && result.value.data.hash)
        return {
          hash: result.value.data.hash,
          label: result.value.data.label,
          plaintext: result.value.key,
        }
      if (result.ok)
        throw new ProviderError({
          call: 'POST /keys',
          status: 201,
          kind: 'ambiguous',
          reason: 'unreadable-answer',
        })
      const rescued = rescueCreatedKey(result.error)
      if (rescued) return rescued
      throw providerErrorFrom('POST /keys', result.error)
    },
    async listKeys() {
      const byHash = new Map<string, UpstreamKey>()
      let listed = 0
      let unread = 0
      const take = ({ keys, length }: KeyPage) => {
        for (const key of keys) byHash.set(key.hash, key)
        unread += length - keys.length
        listed += length
      }
      await eachPage('GET /keys', async (offset) => {
        const page = await keyPage(offset)
        take(page)
        return page.length
      })
      // Every key strange is not a strange key: the provider has changed its answer.
      if (listed > 0 && byHash.size === 0)
        throw new ProviderError({
          call: 'GET /keys',
          kind: 'ambiguous',
          reason: 'unreadable-answer',
        })
      if (listed >= pageSize) for (const key of (await keyPage(0)).keys) byHash.set(key.hash, key)
      if (unread > 0)
        config.log?.warn({ unread, listed }, 'keys in the list could not be read and are left out')
      return [...byHash.values()]
    },
    async findKey(hash) {
      try {
        return await unwrap('GET /keys/{hash}', apiKeysGet(client, { hash }, options), ({ data }) =>
          keyFrom(data),
        )
      } catch (error) {
        if (isNotFound(error)) return null
        throw error
      }
    },
    async updateKey(hash, change) {
      const requestBody = {
        ...(change.disabled === undefined ? {} : { disabled: change.disabled }),
        ...(change.limit === undefined ? {} : { limit: usdNumberFromNano(change.limit) }),
        ...(change.limitReset === undefined ? {} : { limitReset: change.limitReset }),
      }
      return unwrap(
        'PATCH /keys/{hash}',
        apiKeysUpdate(client, { hash, requestBody }, options),
        ({ data }) => keyFrom(data),
      )
    },
    async deleteKey(hash) {
      try {
        await unwrap(
          'DELETE /keys/{hash}',
          apiKeysDelete(client, { hash }, options),
          () => undefined,
        )
      } catch (error) {
        if (!isNotFound(error)) throw error
      }
    },
    async listGuardrails() {
      const found: UpstreamGuardrail[] = []
      const call = 'GET /guardrails'
      const pageAt = (offset: number) =>
        unwrap(
          call,
          guardrailsList(client, { offset, limit: pageSize, ...workspace }, options),
          ({ result }) =>
            result.data.map((item): UpstreamGuardrail => ({
              id: item.id,
              name: item.name,
              createdAt: new Date(item.createdAt),
              limitUsd: nanoOrNull(item.limitUsd),
              resetInterval: item.resetInterval ?? null,
              allowedModels: item.allowedModels ?? null,
            })),
        )
      await eachPage(call, async (offset) => {
        const page = await pageAt(offset)
        found.push(...page)
        return page.length
      })
      return found
    },
    async createGuardrail(rules) {
      return unwrap(
        'POST /guardrails',
        guardrailsCreate(
          client,
          { createGuardrailRequest: { ...guardrailRequest(rules), ...workspace } },
          options,
        ),
        ({ data }) => ({ id: data.id }),
      )
    },
    async updateGuardrail(id, rules) {
      await unwrap(
        'PATCH /guardrails/{id}',
        guardrailsUpdate(client, { id, updateGuardrailRequest: guardrailRequest(rules) }, options),
        () => undefined,
      )
    },
    async assignKeys(guardrailId, hashes) {
      return unwrap(
        'POST /guardrails/{id}/assignments/keys',
        guardrailsBulkAssignKeys(
          client,
          { id: guardrailId, bulkAssignKeysRequest: { keyHashes: hashes } },
          options,
        ),
        (answer) => answer.assignedCount,
      )
    },
    async listAssignedHashes(guardrailId) {
      const hashes = new Set<string>()
      const call = 'GET /guardrails/{id}/assignments/keys'
      const pageAt = (offset: number) =>
        unwrap(
          call,
          guardrailsListGuardrailKeyAssignments(
            client,
            { id: guardrailId, offset, limit: pageSize },
            options,
          ),
          ({ result }) => result.data,
        )
      await eachPage(call, async (offset) => {
        const page = await pageAt(offset)
        for (const item of page) hashes.add(item.keyHash)
        return page.length
      })
      return hashes
    },
    async readOwnKey(plaintext) {
      return unwrap(
        'GET /key',
        apiKeysGetCurrentKeyMetadata(clientFor(plaintext), undefined, options),
        ({ data }) => ({
          limit: nanoOrNull(data.limit),
          limitRemaining: nanoOrNull(data.limitRemaining),
          usage: nanoFromUsdNumber(data.usage),
          expiresAt: data.expiresAt ?? null,
          isManagementKey: data.isManagementKey,
        }),
      )
    },
    async readCredits() {
      return unwrap('GET /credits', creditsGetCredits(client, undefined, options), ({ data }) => ({
        bought: nanoFromUsdNumber(data.totalCredits),
        used: nanoFromUsdNumber(data.totalUsage),
      }))
    },
    async listActivity({ date, keyHash }) {
      const request = {
        ...(date === undefined ? {} : { date }),
        ...(keyHash === undefined ? {} : { apiKeyHash: keyHash }),
        ...workspace,
      }
      return unwrap(
        'GET /activity',
        analyticsGetUserActivity(client, request, options),
        ({ data }) =>
          data.map((item): ActivityRow => ({
            date: item.date,
            model: item.model,
            usage: nanoFromUsdNumber(item.usage),
            requests: item.requests,
            promptTokens: item.promptTokens,
            completionTokens: item.completionTokens,
          })),
      )
    },
    async readManagementKey() {
      let date = Number.NaN
      const httpClient = new HTTPClient().addHook(
        'response',
        (response) => void (date = Date.parse(response.headers.get('date') ?? '')),
      )
      const isManagementKey = await unwrap(
        'GET /key',
        apiKeysGetCurrentKeyMetadata(
          clientFor(config.managementKey, { httpClient }),
          undefined,
          options,
        ),
        ({ data }) => data.isManagementKey,
      )
      return { isManagementKey, serverTime: Number.isNaN(date) ? null : new Date(date) }
    },
    async listModels() {
      const found: UpstreamModel[] = []
      const call = 'GET /models'
      await eachPage(
        call,
        async (offset) => {
          const page = await unwrap(
            call,
            modelsList(client, { offset, limit: modelPageSize }, options),
            ({ result }) =>
              result.data.map((model): UpstreamModel => ({
                id: model.id,
                canonicalSlug: model.canonicalSlug,
                longestAnswer: priceOfLongest(
                  model.pricing.completion,
                  model.topProvider.maxCompletionTokens ?? model.contextLength,
                ),
              })),
          )
          found.push(...page)
          return page.length
        },
        modelPageSize,
      )
      return found
    },
  }
}

/** Prices are decimal USD a token, finer than a nano-USD; a model that picks others names -1. */
function priceOfLongest(usdPerToken: string, tokens: number | null | undefined): NanoUsd | null {
  const price = Number(usdPerToken)
  if (!tokens || !Number.isFinite(price) || price < 0) return null
  return nanoFromUsdNumber(price * tokens)
}

/**
 * The SDK's own pages would retry as they please: these are asked for one by one. `takePage` says
 * how many items its page had.
 */
async function eachPage(
  call: string,
  takePage: (offset: number) => Promise<number>,
  size = pageSize,
): Promise<void> {
  for (let pages = 0; pages < maxPages; pages++) if ((await takePage(pages * size)) < size) return
  throw new ProviderError({ call, kind: 'ambiguous', reason: 'unreadable-answer' })
}

type KeyPage = { keys: UpstreamKey[]; /** With those that could not be read. */ length: number }

/** The items of a list whose 200 the SDK would not take, or null when it is no list. */
function rawItems(error: unknown): unknown[] | null {
  const { statusCode, body } = errorFacts(error)
  if (statusCode !== 200 || body === undefined) return null
  const { data } = parseObject(body)
  return Array.isArray(data) ? data : null
}

const rawKeySchema = z
  .object({
    hash: z.string().min(1),
    name: z.string(),
    label: z.string().catch(''),
    disabled: z.boolean(),
    limit: z.number().nullable(),
    limit_remaining: z.number().nullable(),
    limit_reset: z.string().nullable(),
    usage: z.number(),
    created_at: z.string().refine((text) => !Number.isNaN(Date.parse(text))),
    expires_at: z.string().nullish(),
  })
  .transform((key): SdkKey => ({
    ...key,
    limitRemaining: key.limit_remaining,
    limitReset: key.limit_reset,
    createdAt: key.created_at,
    expiresAt: key.expires_at ? new Date(key.expires_at) : null,
  }))

/** The key in our words, or nothing when it names an impossible amount or time. */
function readKey(item: SdkKey): UpstreamKey[] {
  try {
    const key = keyFrom(item)
    return Number.isNaN(key.createdAt.getTime()) || Number.isNaN(key.expiresAt?.getTime() ?? 0)
      ? []
      : [key]
  } catch {
    return []
  }
}

type SdkKey = Pick<
  import('@openrouter/sdk/models/operations').ListData,
  | 'hash'
  | 'label'
  | 'name'
  | 'disabled'
  | 'limit'
  | 'limitRemaining'
  | 'limitReset'
  | 'usage'
  | 'createdAt'
  | 'expiresAt'
>

function keyFrom(key: SdkKey): UpstreamKey {
  return {
    hash: key.hash,
    label: key.label,
    name: key.name,
    disabled: key.disabled,
    limit: nanoOrNull(key.limit),
    limitRemaining: nanoOrNull(key.limitRemaining),
    limitReset: key.limitReset,
    usage: nanoFromUsdNumber(key.usage),
    createdAt: new Date(key.createdAt),
    expiresAt: key.expiresAt ?? null,
  }
}

const nanoOrNull = (value: number | null | undefined) =>
  value === null || value === undefined ? null : nanoFromUsdNumber(value)

function isNotFound(error: unknown): boolean {
  return error instanceof ProviderError && error.details.reason === 'not-found'
}

/**
 * A 201 that lacks a field fails the SDK's validation although the key exists and its plaintext is
 * in the body: read what we need, so that a field removed upstream does not stop a workshop.
 */
function rescueCreatedKey(
  error: unknown,
): { hash: string; label: string; plaintext: string } | null {
  const { statusCode, body } = errorFacts(error)
  if (statusCode === undefined || statusCode < 200 || statusCode > 299 || body === undefined)
    return null
  const answer = parseObject(body)
  const data = objectOrEmpty(answer.data)
  if (typeof answer.key !== 'string' || typeof data.hash !== 'string' || !answer.key || !data.hash)
    return null
  return {
    hash: data.hash,
    label:
      typeof data.label === 'string'
        ? data.label
        : `${answer.key.slice(0, 12)}...${answer.key.slice(-3)}`,
    plaintext: answer.key,
  }
}

/**
 * OpenRouter's management interface in our words, on the official SDK. One call each, no retries (the SDK's
 * own would mint duplicates), always a timeout. Every failure is a ProviderError; the SDK's errors hold the
 * management key and fresh plaintext, so they end in this file and are never logged or rethrown.
 */
import { OpenRouterCore } from '@openrouter/sdk/core.js'
import { apiKeysCreate } from '@openrouter/sdk/funcs/apiKeysCreate.js'
import { apiKeysDelete } from '@openrouter/sdk/funcs/apiKeysDelete.js'
import { apiKeysGet } from '@openrouter/sdk/funcs/apiKeysGet.js'
import { apiKeysGetCurrentKeyMetadata } from '@openrouter/sdk/funcs/apiKeysGetCurrentKeyMetadata.js'
import { apiKeysList } from '@openrouter/sdk/funcs/apiKeysList.js'
import { apiKeysUpdate } from '@openrouter/sdk/funcs/apiKeysUpdate.js'
import { guardrailsBulkAssignKeys } from '@openrouter/sdk/funcs/guardrailsBulkAssignKeys.js'
import { guardrailsCreate } from '@openrouter/sdk/funcs/guardrailsCreate.js'
import { guardrailsList } from '@openrouter/sdk/funcs/guardrailsList.js'
import { guardrailsListGuardrailKeyAssignments } from '@openrouter/sdk/funcs/guardrailsListGuardrailKeyAssignments.js'
import { guardrailsUpdate } from '@openrouter/sdk/funcs/guardrailsUpdate.js'
import type { Result } from '@openrouter/sdk/types/fp.js'
import { nanoFromUsdNumber, usdNumberFromNano, type NanoUsd } from '~/money'
import { scrub } from './log.server'
import { ProviderError, retryAfterFrom, troubleFromStatus, type ProviderTrouble } from './provider-error'

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

export type UpstreamGuardrail = { id: string; name: string; createdAt: Date; limitUsd: NanoUsd | null; resetInterval: string | null; allowedModels: string[] | null }
export type GuardrailRules = { name: string; description: string; limit: NanoUsd; allowedModels: string[] }
export type KeySelfReading = { limit: NanoUsd | null; limitRemaining: NanoUsd | null; usage: NanoUsd; expiresAt: Date | null; isManagementKey: boolean }

export type KeyProvider = {
  /** POST /keys, once, 8 s. An ambiguous ProviderError means a key may exist under this name. */
  createKey(input: { name: string; limit: NanoUsd; limitReset: KeyReset | null; expiresAt: Date | null }): Promise<{ hash: string; label: string; plaintext: string }>
  /** Every key of the workspace, disabled ones too, newest first; pages of 100, page 0 read again at the end because new keys shift the pages. */
  listKeys(): Promise<UpstreamKey[]>
  /** null when the provider says the key does not exist. */
  findKey(hash: string): Promise<UpstreamKey | null>
  /** What is absent stays. Without a reset (null) the limit counts all that the key has ever used. The answer is the key as it is now. */
  updateKey(hash: string, change: { disabled?: boolean; limit?: NanoUsd; limitReset?: null }): Promise<UpstreamKey>
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
}

export const guardrailReset = 'monthly'
const createTimeoutMs = 8_000
const timeoutMs = 10_000
const pageSize = 100
/** A list that goes on for longer is an upstream that ignores `offset`. */
const mostPages = 500

/** `managementKey` is kept behind a function, so that inspecting the client prints no secret. */
export function createOpenRouter(config: { baseUrl: string; managementKey: string; workspaceId?: string | undefined }): KeyProvider {
  const clientFor = (key: string) => new OpenRouterCore({ apiKey: () => Promise.resolve(key), serverURL: config.baseUrl, retryConfig: { strategy: 'none' }, timeoutMs })
  const client = clientFor(config.managementKey)
  const options = { retries: { strategy: 'none' as const }, timeoutMs }
  const workspace = config.workspaceId ? { workspaceId: config.workspaceId } : {}

  async function keyPage(offset: number): Promise<UpstreamKey[]> {
    return unwrap('GET /keys', apiKeysList(client, { offset, includeDisabled: true, ...workspace }, options), (page) => page.data.map(keyFrom))
  }
  const guardrailRequest = (rules: GuardrailRules) => ({
    name: rules.name,
    description: rules.description,
    // The provider wants both or neither, and it has no lifetime interval: the pool is ours to hold.
    limitUsd: usdNumberFromNano(rules.limit),
    resetInterval: guardrailReset,
    allowedModels: rules.allowedModels,
  } as const)

  return {
    async createKey({ name, limit, limitReset, expiresAt }) {
      const request = { requestBody: { name, limit: usdNumberFromNano(limit), limitReset, expiresAt, ...workspace } }
      const result = await answerOf(apiKeysCreate(client, request, { ...options, timeoutMs: createTimeoutMs }))
      if (result.ok && result.value.key && result.value.data.hash) return { hash: result.value.data.hash, label: result.value.data.label, plaintext: result.value.key }
      if (result.ok) throw new ProviderError({ call: 'POST /keys', status: 201, kind: 'ambiguous', reason: 'unreadable-answer' })
      const rescued = rescueCreatedKey(result.error)
      if (rescued) return rescued
      throw providerErrorFrom('POST /keys', result.error)
    },
    async listKeys() {
      const byHash = new Map<string, UpstreamKey>()
      await eachPage('GET /keys', keyPage, (key) => void byHash.set(key.hash, key))
      if (byHash.size >= pageSize) for (const key of await keyPage(0)) byHash.set(key.hash, key)
      return [...byHash.values()]
    },
    async findKey(hash) {
      try {
        return await unwrap('GET /keys/{hash}', apiKeysGet(client, { hash }, options), ({ data }) => keyFrom(data))
      } catch (error) {
        if (isNotFound(error)) return null
        throw error
      }
    },
    async updateKey(hash, change) {
      const requestBody = { ...(change.disabled === undefined ? {} : { disabled: change.disabled }), ...(change.limit === undefined ? {} : { limit: usdNumberFromNano(change.limit) }), ...(change.limitReset === undefined ? {} : { limitReset: change.limitReset }) }
      return unwrap('PATCH /keys/{hash}', apiKeysUpdate(client, { hash, requestBody }, options), ({ data }) => keyFrom(data))
    },
    async deleteKey(hash) {
      try {
        await unwrap('DELETE /keys/{hash}', apiKeysDelete(client, { hash }, options), () => undefined)
      } catch (error) {
        if (!isNotFound(error)) throw error
      }
    },
    async listGuardrails() {
      const found: UpstreamGuardrail[] = []
      const call = 'GET /guardrails'
      const pageAt = (offset: number) => unwrap(call, guardrailsList(client, { offset, limit: pageSize, ...workspace }, options), ({ result }) => result.data.map((item): UpstreamGuardrail => ({
        id: item.id, name: item.name, createdAt: new Date(item.createdAt), limitUsd: nanoOrNull(item.limitUsd), resetInterval: item.resetInterval ?? null, allowedModels: item.allowedModels ?? null,
      })))
      await eachPage(call, pageAt, (guardrail) => void found.push(guardrail))
      return found
    },
    async createGuardrail(rules) {
      return unwrap('POST /guardrails', guardrailsCreate(client, { createGuardrailRequest: { ...guardrailRequest(rules), ...workspace } }, options), ({ data }) => ({ id: data.id }))
    },
    async updateGuardrail(id, rules) {
      await unwrap('PATCH /guardrails/{id}', guardrailsUpdate(client, { id, updateGuardrailRequest: guardrailRequest(rules) }, options), () => undefined)
    },
    async assignKeys(guardrailId, hashes) {
      return unwrap('POST /guardrails/{id}/assignments/keys', guardrailsBulkAssignKeys(client, { id: guardrailId, bulkAssignKeysRequest: { keyHashes: hashes } }, options), (answer) => answer.assignedCount)
    },
    async listAssignedHashes(guardrailId) {
      const hashes = new Set<string>()
      const call = 'GET /guardrails/{id}/assignments/keys'
      const pageAt = (offset: number) => unwrap(call, guardrailsListGuardrailKeyAssignments(client, { id: guardrailId, offset, limit: pageSize }, options), ({ result }) => result.data)
      await eachPage(call, pageAt, (item) => void hashes.add(item.keyHash))
      return hashes
    },
    async readOwnKey(plaintext) {
      return unwrap('GET /key', apiKeysGetCurrentKeyMetadata(clientFor(plaintext), undefined, options), ({ data }) => (
        { limit: nanoOrNull(data.limit), limitRemaining: nanoOrNull(data.limitRemaining), usage: nanoFromUsdNumber(data.usage), expiresAt: data.expiresAt ?? null, isManagementKey: data.isManagementKey }
      ))
    },
  }
}

/** The SDK returns most failures, and throws the rest: a body that breaks off, and JSON that is none, with a piece of it in the message. */
async function answerOf<T>(pending: PromiseLike<Result<T>>): Promise<Result<T>> {
  try {
    return await pending
  } catch (error) {
    return { ok: false, error }
  }
}

/** The answer in our words. What cannot be said in them, an impossible amount for one, is an unreadable answer. */
async function unwrap<T, Ours>(call: string, pending: PromiseLike<Result<T>>, inOurWords: (answer: T) => Ours): Promise<Ours> {
  const result = await answerOf(pending)
  if (!result.ok) throw providerErrorFrom(call, result.error)
  try {
    return inOurWords(result.value)
  } catch {
    throw new ProviderError({ call, kind: 'ambiguous', reason: 'unreadable-answer' })
  }
}

/** The SDK's own pages would retry as they please: these are asked for one by one. */
async function eachPage<Item>(call: string, pageAt: (offset: number) => Promise<Item[]>, take: (item: Item) => void): Promise<void> {
  for (let pages = 0; pages < mostPages; pages++) {
    const page = await pageAt(pages * pageSize)
    page.forEach(take)
    if (page.length < pageSize) return
  }
  throw new ProviderError({ call, kind: 'ambiguous', reason: 'unreadable-answer' })
}

type SdkKey = Pick<import('@openrouter/sdk/models/operations').ListData, 'hash' | 'label' | 'name' | 'disabled' | 'limit' | 'limitRemaining' | 'limitReset' | 'usage' | 'createdAt' | 'expiresAt'>

function keyFrom(key: SdkKey): UpstreamKey {
  return {
    hash: key.hash, label: key.label, name: key.name, disabled: key.disabled,
    limit: nanoOrNull(key.limit), limitRemaining: nanoOrNull(key.limitRemaining), limitReset: key.limitReset,
    usage: nanoFromUsdNumber(key.usage), createdAt: new Date(key.createdAt), expiresAt: key.expiresAt ?? null,
  }
}

const nanoOrNull = (value: number | null | undefined) => (value === null || value === undefined ? null : nanoFromUsdNumber(value))

function isNotFound(error: unknown): boolean {
  return error instanceof ProviderError && error.details.reason === 'not-found'
}

/**
 * A 201 that lacks a field fails the SDK's validation although the key exists and its plaintext is in the
 * body: read what we need, so that a field removed upstream does not stop a workshop.
 */
function rescueCreatedKey(error: unknown): { hash: string; label: string; plaintext: string } | null {
  const { statusCode, body } = errorFacts(error)
  if (statusCode === undefined || statusCode < 200 || statusCode > 299 || body === undefined) return null
  const answer = parseObject(body)
  const data = objectOrEmpty(answer.data)
  if (typeof answer.key !== 'string' || typeof data.hash !== 'string' || !answer.key || !data.hash) return null
  return { hash: data.hash, label: typeof data.label === 'string' ? data.label : `${answer.key.slice(0, 12)}...${answer.key.slice(-3)}`, plaintext: answer.key }
}

function providerErrorFrom(call: string, error: unknown): ProviderError {
  const { statusCode, body, headers, name } = errorFacts(error)
  if (statusCode === undefined) return new ProviderError({ call, ...troubleWithoutAnswer(error, name) })
  const answer = objectOrEmpty(parseObject(body ?? '').error)
  const providerMessage = typeof answer.message === 'string' ? scrub(answer.message).slice(0, 300) : undefined
  const retryAfterSeconds = retryAfterFrom(headers)
  return new ProviderError({
    call,
    status: statusCode,
    ...troubleFromStatus(statusCode),
    ...(providerMessage ? { providerMessage } : {}),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })
}

const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT', 'CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT'])

function troubleWithoutAnswer(error: unknown, name: string): ProviderTrouble {
  if (name === 'SDKValidationError' || name === 'InvalidRequestError') return { kind: 'rejected', reason: 'bad-request' }
  if (name === 'RequestTimeoutError') return { kind: 'ambiguous', reason: 'timeout' }
  if (error instanceof SyntaxError) return { kind: 'ambiguous', reason: 'unreadable-answer' }
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth++) {
    if ('code' in current && neverSent.has(String(current.code))) return { kind: 'retryable', reason: 'unreachable' }
    // Several addresses were tried and none answered: each error stands inside.
    if (current instanceof AggregateError && current.errors.length > 0 && current.errors.every((one) => neverSent.has(String((one as { code?: unknown }).code)))) return { kind: 'retryable', reason: 'unreachable' }
  }
  return { kind: 'ambiguous', reason: 'connection-lost' }
}

function errorFacts(error: unknown): { statusCode?: number; body?: string; headers?: Headers; name: string } {
  if (!(error instanceof Error)) return { name: 'unknown' }
  const facts = error as Error & { statusCode?: unknown; body?: unknown; headers?: unknown }
  return {
    name: error.name,
    ...(typeof facts.statusCode === 'number' ? { statusCode: facts.statusCode } : {}),
    ...(typeof facts.body === 'string' ? { body: facts.body } : {}),
    ...(facts.headers instanceof Headers ? { headers: facts.headers } : {}),
  }
}

function parseObject(text: string): Record<string, unknown> {
  try {
    return objectOrEmpty(JSON.parse(text))
  } catch {
    return {}
  }
}

function objectOrEmpty(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

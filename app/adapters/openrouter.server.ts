/**
 * OpenRouter's management API, on the official SDK. One request a call, no retries (the SDK's own
 * would make duplicate keys), always a timeout. Every failure is a ProviderError; the SDK's errors
 * hold the management key and fresh plaintext, so they are never logged or rethrown.
 */
import { OpenRouterCore } from '@openrouter/sdk/core.js'
import { analyticsGetUserActivity } from '@openrouter/sdk/funcs/analyticsGetUserActivity.js'
import { apiKeysCreate } from '@openrouter/sdk/funcs/apiKeysCreate.js'
import { apiKeysDelete } from '@openrouter/sdk/funcs/apiKeysDelete.js'
import { apiKeysGet } from '@openrouter/sdk/funcs/apiKeysGet.js'
import { apiKeysGetCurrentKeyMetadata } from '@openrouter/sdk/funcs/apiKeysGetCurrentKeyMetadata.js'
import { apiKeysUpdate } from '@openrouter/sdk/funcs/apiKeysUpdate.js'
import { chatSend } from '@openrouter/sdk/funcs/chatSend.js'
import { creditsGetCredits } from '@openrouter/sdk/funcs/creditsGetCredits.js'
import { guardrailsBulkAssignKeys } from '@openrouter/sdk/funcs/guardrailsBulkAssignKeys.js'
import { guardrailsBulkUnassignKeys } from '@openrouter/sdk/funcs/guardrailsBulkUnassignKeys.js'
import { guardrailsCreate } from '@openrouter/sdk/funcs/guardrailsCreate.js'
import { guardrailsList } from '@openrouter/sdk/funcs/guardrailsList.js'
import { guardrailsListGuardrailKeyAssignments } from '@openrouter/sdk/funcs/guardrailsListGuardrailKeyAssignments.js'
import { guardrailsUpdate } from '@openrouter/sdk/funcs/guardrailsUpdate.js'
import { modelsList } from '@openrouter/sdk/funcs/modelsList.js'
import { HTTPClient } from '@openrouter/sdk/lib/http.js'
import type { Result } from '@openrouter/sdk/types/fp.js'
import { nanoFromUsdNumber, usdNumberFromNano } from '~/money'
import { guardrailReset, type GuardrailRules, type KeyProvider } from './key-provider'
import type { Log } from './log.server'
import {
  allPages,
  answerOf,
  pageSize,
  providerErrorFrom,
  unwrap,
} from './openrouter-answers.server'
import {
  activityRowFrom,
  guardrailFrom,
  modelFrom,
  nanoOrNull,
  readKey,
  rescueCreatedKey,
  rescueKey,
  type SdkKey,
} from './openrouter-mapping.server'
import { keyPages } from './openrouter-key-lists.server'
import { isWorkspaceThere, listError, withWorkspaceCause } from './openrouter-workspace.server'
import { isNotFound, isProviderError, ProviderError } from './provider-error'

const createTimeoutMs = 8_000
const timeoutMs = 10_000
/** A real request of a test waits longer than a reading: models think. */
const inferenceTimeoutMs = 20_000
/** The smallest answer that every model accepts as a limit. */
const fewTokens = 16
/** The page size limit of GET /models. */
const modelPageSize = 1_000

/**
 * The account of one management key; without `workspaceId`, its default workspace. Each call takes
 * at most 10 s (8 s to create) and throws only ProviderErrors. Amounts in and out are nano-USD. The
 * key is behind a function, so that inspecting the client prints no secret.
 */
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

  const oneKey = async (call: string, pending: PromiseLike<Result<{ data: SdkKey }>>) => {
    const result = await answerOf(pending)
    const [key] = result.ok ? readKey(result.value.data) : rescueKey(result.error)
    if (key) return key
    if (result.ok) throw new ProviderError({ call, kind: 'ambiguous', reason: 'unreadable-answer' })
    throw providerErrorFrom(call, result.error)
  }

  const guardrailRequest = (rules: GuardrailRules) =>
    ({
      name: rules.name,
      description: rules.description,
      // The provider takes both or neither and has no lifetime interval: the pool is enforced by
      // our own ledger.
      limitUsd: rules.limit === null ? null : usdNumberFromNano(rules.limit),
      resetInterval: rules.limit === null ? null : guardrailReset,
      allowedModels: rules.allowedModels,
      includeByokInBudgets: true,
    }) as const

  return {
    async createKey({ name, limit, limitReset, expiresAt }) {
      const request = {
        requestBody: {
          name,
          limit: usdNumberFromNano(limit),
          limitReset,
          expiresAt,
          includeByokInLimit: true,
          ...workspace,
        },
      }
      const result = await answerOf(
        apiKeysCreate(client, request, { ...options, timeoutMs: createTimeoutMs }),
      )
      if (result.ok && result.value.key && result.value.data.hash)
        return {
          hash: result.value.data.hash,
          label: result.value.data.label,
          plaintext: result.value.key,
          made: {
            limit: nanoOrNull(result.value.data.limit),
            limitReset: result.value.data.limitReset,
            expiresAt: result.value.data.expiresAt ?? null,
            disabled: result.value.data.disabled,
            includeByok: result.value.data.includeByokInLimit,
          },
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
      throw await withWorkspaceCause(
        providerErrorFrom('POST /keys', result.error),
        client,
        workspace,
        options,
      )
    },
    listKeyPages: keyPages(client, workspace, options, config.log),
    async findKey(hash) {
      try {
        return await oneKey('GET /keys/{hash}', apiKeysGet(client, { hash }, options))
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
        ...(change.limit === undefined ? {} : { includeByokInLimit: true }),
      }
      return oneKey('PATCH /keys/{hash}', apiKeysUpdate(client, { hash, requestBody }, options))
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
    listGuardrails() {
      const call = 'GET /guardrails'
      return allPages(call, (offset) =>
        unwrap(
          call,
          guardrailsList(client, { offset, limit: pageSize, ...workspace }, options),
          ({ result }) => result.data.map(guardrailFrom),
        ),
      ).catch((error: unknown) => {
        throw listError(error)
      })
    },
    async createGuardrail(rules) {
      try {
        return await unwrap(
          'POST /guardrails',
          guardrailsCreate(
            client,
            { createGuardrailRequest: { ...guardrailRequest(rules), ...workspace } },
            options,
          ),
          ({ data }) => guardrailFrom(data),
        )
      } catch (error) {
        throw isProviderError(error)
          ? await withWorkspaceCause(error, client, workspace, options)
          : error
      }
    },
    async updateGuardrail(id, rules) {
      return unwrap(
        'PATCH /guardrails/{id}',
        guardrailsUpdate(client, { id, updateGuardrailRequest: guardrailRequest(rules) }, options),
        ({ data }) => guardrailFrom(data),
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
    async unassignKeys(guardrailId, hashes) {
      await unwrap(
        'POST /guardrails/{id}/assignments/keys/remove',
        guardrailsBulkUnassignKeys(
          client,
          { id: guardrailId, bulkUnassignKeysRequest: { keyHashes: hashes } },
          options,
        ),
        () => undefined,
      )
    },
    async listAssignedHashes(guardrailId) {
      const call = 'GET /guardrails/{id}/assignments/keys'
      const hashes = await allPages(call, (offset) =>
        unwrap(
          call,
          guardrailsListGuardrailKeyAssignments(
            client,
            { id: guardrailId, offset, limit: pageSize },
            options,
          ),
          ({ result }) => result.data.map((item) => item.keyHash),
        ),
      )
      return new Set(hashes)
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
    async tryOwnKey(plaintext, model) {
      const chatRequest = {
        model,
        messages: [{ role: 'user' as const, content: 'Say hello.' }],
        maxTokens: fewTokens,
      }
      await unwrap(
        'POST /chat/completions',
        chatSend(
          clientFor(plaintext),
          { chatRequest },
          { ...options, timeoutMs: inferenceTimeoutMs },
        ),
        () => undefined,
      )
    },
    isWorkspaceThere: () => isWorkspaceThere(client, workspace, options),
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
        ({ data }) => data.map(activityRowFrom),
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
    listModels() {
      const call = 'GET /models'
      return allPages(
        call,
        (offset) =>
          unwrap(
            call,
            modelsList(client, { offset, limit: modelPageSize }, options),
            ({ result }) => result.data.map(modelFrom),
          ),
        modelPageSize,
      )
    },
  }
}

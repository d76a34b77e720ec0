/**
 * A self-hosted LiteLLM proxy as a team's service, by its documented key management. One request a
 * call, always a timeout, no retries on what changes something. A key's id is its SHA-256
 * (LiteLLM's `token`), its name the `key_alias`. Answers hold keys and hashes of keys: no
 * error carries one.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { usdNumberFromNano } from '~/money'
import { addressOf, errorWithoutAnswer, refusalFrom, parseJson } from './litellm-answers.server'
import {
  createdSchema,
  durationOf,
  rowSchema,
  requestFor,
  differenceOf,
  isSameList,
  keyFrom,
  maskedName,
} from './litellm-keys'
import { type Outbound, OutboundError } from './outbound.server'
import { isNotFound, isProviderError, ProviderError } from './provider-error'
import {
  maskOf,
  refuseUndeclared,
  type ServiceAdapter,
  type ServiceCapabilities,
  type ServiceCredential,
  type KeyChange,
  type ServiceKey,
} from './service-adapter'

const title = 'LiteLLM'
const capabilities: ServiceCapabilities = {
  capBy: 'service',
  expiryBy: 'service',
  resets: ['daily', 'weekly', 'monthly'],
  modelList: 'key',
  rotation: true,
  keepsTotal: false,
  end: 'disable',
  readEverySeconds: null,
  settleSeconds: 0,
  fields: [
    {
      name: 'baseUrl',
      label: 'Address',
      hint: 'The address of your own server, such as https://llm.example.org',
      kind: 'address',
      required: true,
    },
    { name: 'secret', label: 'LiteLLM credential', kind: 'secret', required: true },
  ],
  options: [],
  texts: {
    noun: 'key',
    gets: 'A key for the models of your own LiteLLM proxy.',
    atCap: 'The provider stops the key at its cap.',
    remains: null,
    remained: null,
  },
  unit: 'usd',
}
const createTimeoutMs = 8_000
const usualTimeoutMs = 10_000
const pageSize = 100
/** A list that goes on for longer is a server that ignores `page`. */
const maxPages = 500
const maxRows = 50_000
/** A hundred rows of a proxy are a few hundred KB. */
const maxPageBytes = 2 * 1024 * 1024
const maxListBytes = 64 * 1024 * 1024
const infoSchema = z.object({ info: rowSchema })
const listedSchema = rowSchema.extend({ token: z.string() })
const pageSchema = z.object({ keys: z.array(z.unknown()), total_pages: z.number() })
const modelsSchema = z.object({ data: z.array(z.object({ id: z.string().min(1).max(200) })) })
const readinessSchema = z.object({ db: z.string() })

/**
 * The service behind any LiteLLM proxy; its address comes with each credential. Each call takes at
 * most 10 s (8 s to create), throws a ProviderError and is never retried. `timeoutMs` replaces both
 * times, for tests.
 */
export function createLiteLlm({
  outbound,
  now = () => new Date(),
  timeoutMs,
}: {
  outbound: Outbound
  now?: () => Date
  timeoutMs?: number
}): ServiceAdapter {
  /** One request; the answer in the shape of the schema, or a ProviderError. */
  async function ask<Schema extends z.ZodType>(
    credential: ServiceCredential,
    call: string,
    schema: Schema,
    options: {
      query?: Record<string, string>
      body?: object
      timeoutMs?: number
      anonymous?: boolean
      maxBytes?: number
      /** Told how long the answer was. */
      onBytes?: (bytes: number) => void
    } = {},
  ): Promise<z.output<Schema>> {
    const [method = 'GET', path = '/'] = call.split(' ')
    const url = addressOf(outbound, credential, call, path, options.query)
    const answer = await outbound
      .send({
        method: method === 'POST' ? 'POST' : 'GET',
        url,
        headers: options.anonymous ? {} : { authorization: `Bearer ${credential.secret}` },
        ...(options.body ? { body: JSON.stringify(options.body) } : {}),
        timeoutMs: timeoutMs ?? options.timeoutMs ?? usualTimeoutMs,
        ...(options.maxBytes ? { maxBytes: options.maxBytes } : {}),
      })
      .catch((error: unknown) =>
        Promise.reject(
          new ProviderError({
            call,
            ...(options.maxBytes && error instanceof OutboundError && error.reason === 'too-long'
              ? { kind: 'rejected', reason: 'list-too-large' }
              : errorWithoutAnswer(error)),
          }),
        ),
      )
    if (answer.status < 200 || answer.status > 299) throw refusalFrom(call, credential, answer)
    options.onBytes?.(answer.text.length)
    const parsed = schema.safeParse(parseJson(answer.text))
    if (!parsed.success)
      throw new ProviderError({
        call,
        status: answer.status,
        kind: 'ambiguous',
        reason: 'unreadable-answer',
      })
    return parsed.data
  }

  async function findKey(credential: ServiceCredential, id: string): Promise<ServiceKey | null> {
    try {
      const { info } = await ask(credential, 'GET /key/info', infoSchema, { query: { key: id } })
      return keyFrom(id, info)
    } catch (error) {
      if (isNotFound(error)) return null
      throw error
    }
  }

  /**
   * A change, and the key as it is afterwards. Versions differ in what they answer for an unknown
   * key, so the key itself is read.
   */
  async function change(
    credential: ServiceCredential,
    call: string,
    id: string,
    body: object,
    isDone: (key: ServiceKey) => boolean,
  ): Promise<ServiceKey> {
    const gone = () =>
      new ProviderError({ call, status: 404, kind: 'rejected', reason: 'not-found' })
    try {
      await ask(credential, call, z.unknown(), { body: { key: id, ...body } })
    } catch (error) {
      if (
        isProviderError(error) &&
        error.details.kind === 'rejected' &&
        (await findKey(credential, id)) === null
      )
        throw gone()
      throw error
    }
    const key = await findKey(credential, id)
    if (key === null) throw gone()
    if (!isDone(key))
      throw new ProviderError({
        call,
        kind: 'ambiguous',
        reason: 'unreadable-answer',
        providerMessage: 'LiteLLM accepted the change but does not show it.',
      })
    return key
  }

  async function deleteKey(credential: ServiceCredential, id: string): Promise<void> {
    try {
      await ask(credential, 'POST /key/delete', z.unknown(), { body: { keys: [id] } })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }

  return {
    service: 'litellm',
    title,
    capabilities,
    findKey,
    deleteKey,
    // Models are what the proxy's own configuration names; it tells no price that counts for a key.
    models: {
      isPublic: false,
      async list(credential) {
        const { data } = await ask(credential, 'GET /v1/models', modelsSchema)
        return [...new Set(data.map(({ id }) => id))].map((id) => ({
          id,
          canonicalId: id,
          promptPerMillion: null,
          completionPerMillion: null,
        }))
      },
    },

    async verifyCredential(credential) {
      if (credential.baseUrl === null) return { ok: false, problem: { code: 'address-missing' } }
      const refusal = outbound.refusalOf(credential.baseUrl)
      if (refusal !== null) return { ok: false, problem: { code: refusal } }
      try {
        // First without the credential: a mistyped address must not receive it.
        const { db } = await ask(credential, 'GET /health/readiness', readinessSchema, {
          anonymous: true,
        })
        if (!/^connected$/i.test(db)) return { ok: false, problem: { code: 'no-database' } }
        await ask(credential, 'GET /key/list', z.object({ keys: z.array(z.unknown()) }), {
          query: { page: '1', size: '1', return_full_object: 'true' },
        })
        return { ok: true, label: maskOf(credential.secret) }
      } catch (error) {
        if (!isProviderError(error)) throw error
        return { ok: false, problem: { code: 'provider-error', details: error.details } }
      }
    },

    async createKey(credential, key) {
      refuseUndeclared({ title, capabilities }, key, now())
      const created = await ask(credential, 'POST /key/generate', createdSchema, {
        timeoutMs: createTimeoutMs,
        body: requestFor(key, now()),
      })
      const id = createHash('sha256').update(created.key).digest('hex')
      const difference = differenceOf(key, created)
      if (difference === null)
        return {
          id,
          label: maskedName(created.key_name),
          plaintext: created.key,
          // differenceOf has compared it already.
          made: { cap: key.cap, reset: key.reset },
        }
      // The proxy's own configuration has changed what was asked for. Its delete is confirmed, or
      // somebody has to look for the key.
      await deleteKey(credential, id).catch(() => {
        throw new ProviderError({
          call: 'POST /key/generate',
          kind: 'ambiguous',
          reason: 'unreadable-answer',
          providerMessage: difference,
        })
      })
      throw new ProviderError({
        call: 'POST /key/generate',
        kind: 'rejected',
        reason: 'refused',
        providerMessage: difference,
      })
    },

    // What disables goes first, what enables last: a call that is lost in between leaves less.
    async changeKey(credential, id, { disabled, limit, reset, models }: KeyChange) {
      let key: ServiceKey | null = null
      if (disabled === true)
        key = await change(credential, 'POST /key/block', id, {}, (shown) => shown.disabled)
      const body = {
        ...(limit === undefined ? {} : { max_budget: usdNumberFromNano(limit) }),
        ...(reset === undefined
          ? {}
          : { budget_duration: reset === null ? null : durationOf[reset] }),
        // /key/unblock hashes what it is given in versions that are in use, a hash too; an update
        // takes the hash in all.
        ...(disabled === false ? { blocked: false } : {}),
        ...(models === undefined ? {} : { models }),
      }
      if (Object.keys(body).length > 0)
        key = await change(
          credential,
          'POST /key/update',
          id,
          body,
          (shown) =>
            (limit === undefined || shown.cap === limit) &&
            (disabled !== false || !shown.disabled) &&
            (models === undefined || isSameList(shown.models ?? [], models)),
        )
      key ??= await findKey(credential, id)
      if (key === null)
        throw new ProviderError({
          call: 'GET /key/info',
          status: 404,
          kind: 'rejected',
          reason: 'not-found',
        })
      return key
    },

    async *listKeys(credential, { signal } = {}) {
      let rows = 0
      let bytes = 0
      for (let page = 1; ; page++) {
        signal?.throwIfAborted()
        // Newest first, so that a pass may stop at the oldest key that still matters.
        const query = {
          page: String(page),
          size: String(pageSize),
          return_full_object: 'true',
          sort_by: 'created_at',
          sort_order: 'desc',
        }
        const answer = await ask(credential, 'GET /key/list', pageSchema, {
          query,
          maxBytes: maxPageBytes,
          onBytes: (length) => void (bytes += length),
        })
        rows += answer.keys.length
        // A page with more rows than were asked for, and a list without an end, are no lists of a proxy.
        if (
          answer.keys.length > pageSize ||
          rows > maxRows ||
          page > maxPages ||
          bytes > maxListBytes
        )
          throw new ProviderError({
            call: 'GET /key/list',
            kind: 'rejected',
            reason: 'list-too-large',
          })
        const keys = answer.keys.flatMap((row) => {
          const parsed = listedSchema.safeParse(row)
          return parsed.success ? [keyFrom(parsed.data.token, parsed.data)] : []
        })
        yield { keys, unreadable: answer.keys.length - keys.length }
        if (page >= answer.total_pages || answer.keys.length === 0) return
      }
    },
  }
}

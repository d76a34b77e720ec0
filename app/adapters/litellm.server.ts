/**
 * A self-hosted LiteLLM proxy as a team's service, by its documented key management. One request a
 * call, always a timeout, no retries on what changes something. A key's id is its SHA-256
 * (LiteLLM's `token`), its name the `key_alias`. Answers hold keys and hashes of keys: they end in
 * this file, and no error carries one.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { nanoFromUsdNumber, usdNumberFromNano, type NanoUsd } from '~/money'
import { scrub } from './log.server'
import { OutboundError, type Outbound } from './outbound.server'
import {
  isProviderError,
  ProviderError,
  retryAfterFrom,
  errorFromStatus,
  type ProviderErrorDetails,
  type ProviderFailure,
} from './provider-error'
import {
  maskOf,
  readUsageOf,
  refuseUndeclared,
  messageForError,
  type NewServiceKey,
  type ServiceAdapter,
  type ServiceCapabilities,
  type ServiceCredential,
  type ServiceKey,
  type ServiceReset,
} from './service-adapter'

const title = 'LiteLLM'
const capabilities: ServiceCapabilities = {
  hardCap: true,
  resets: ['daily', 'weekly', 'monthly'],
  expiry: true,
  modelList: true,
  ownAddress: true,
  unit: 'usd',
}
const createTimeoutMs = 8_000
const usualTimeoutMs = 10_000
const pageSize = 100
/** A list that goes on for longer is a server that ignores `page`. */
const maxPages = 500
/** A key may end this much earlier than asked, for clocks that differ. */
const expiryToleranceMs = 120_000

/**
 * LiteLLM's durations that start afresh with the UTC day, on Monday and on the first of the month.
 */
const durationOf: Record<ServiceReset, string> = { daily: '1d', weekly: '7d', monthly: '1mo' }
const resetOf: Record<string, ServiceReset> = {
  '1d': 'daily',
  '24h': 'daily',
  '7d': 'weekly',
  '1w': 'weekly',
  '30d': 'monthly',
  '1mo': 'monthly',
}

const time = z.string().transform((text, context) => {
  // Some versions print UTC without saying so.
  const at = new Date(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`)
  if (!Number.isNaN(at.getTime())) return at
  context.addIssue('not a time')
  return z.NEVER
})
const limitFields = {
  max_budget: z.number().nullish(),
  budget_duration: z.string().nullish(),
  expires: time.nullish(),
}
const createdSchema = z.object({
  key: z.string().min(8),
  key_name: z.string().nullish(),
  ...limitFields,
})
const rowSchema = z.object({
  key_name: z.string().nullish(),
  key_alias: z.string().nullish(),
  spend: z.number().nullish(),
  blocked: z.boolean().nullish(),
  budget_reset_at: time.nullish(),
  created_at: time.nullish(),
  ...limitFields,
})
const infoSchema = z.object({ info: rowSchema })
const pageSchema = z.object({
  keys: z.array(rowSchema.extend({ token: z.string() })),
  total_pages: z.number(),
})
const readinessSchema = z.object({ db: z.string() })
const errorSchema = z.object({ error: z.object({ message: z.string() }) })

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
      })
      .catch((error: unknown) =>
        Promise.reject(new ProviderError({ call, ...errorWithoutAnswer(error) })),
      )
    if (answer.status < 200 || answer.status > 299) throw refusalFrom(call, credential, answer)
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
   * A change, and the key as it is afterwards. Versions differ in what they answer to an unknown
   * key: the key itself is asked for.
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
        providerMessage: 'LiteLLM took the change and does not show it.',
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

    async verifyCredential(credential) {
      if (credential.baseUrl === null)
        return {
          ok: false,
          words: 'A LiteLLM proxy needs its address, such as https://litellm.example.org.',
        }
      const refusal = outbound.refusalOf(credential.baseUrl)
      if (refusal !== null) return { ok: false, words: refusal }
      try {
        // First without the credential: whoever answers at a mistyped address shall not have it.
        const { db } = await ask(credential, 'GET /health/readiness', readinessSchema, {
          anonymous: true,
        })
        if (!/^connected$/i.test(db))
          return {
            ok: false,
            words:
              'This LiteLLM proxy has no database, and without one it makes no keys. Nothing was stored.',
          }
        await ask(credential, 'GET /key/list', z.object({ keys: z.array(z.unknown()) }), {
          query: { page: '1', size: '1', return_full_object: 'true' },
        })
        return { ok: true, label: maskOf(credential.secret) }
      } catch (error) {
        if (!isProviderError(error)) throw error
        return { ok: false, words: messageForError(title, error.details) }
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
        return { id, label: maskedName(created.key_name), plaintext: created.key }
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

    updateLimit: (credential, id, cap) =>
      change(
        credential,
        'POST /key/update',
        id,
        { max_budget: usdNumberFromNano(cap) },
        (key) => key.cap === cap,
      ),
    async disableKey(credential, id) {
      await change(credential, 'POST /key/block', id, {}, (key) => key.disabled)
    },
    // /key/unblock hashes what it is given in versions that are in use, a hash too; an update takes
    // the hash in all.
    async enableKey(credential, id) {
      await change(credential, 'POST /key/update', id, { blocked: false }, (key) => !key.disabled)
    },

    async listKeys(credential) {
      const keys = new Map<string, ServiceKey>()
      for (let page = 1; page <= maxPages; page++) {
        // Oldest first: a key that is made meanwhile comes at the end and shifts no page.
        const query = {
          page: String(page),
          size: String(pageSize),
          return_full_object: 'true',
          sort_by: 'created_at',
          sort_order: 'asc',
        }
        const answer = await ask(credential, 'GET /key/list', pageSchema, { query })
        for (const row of answer.keys) keys.set(row.token, keyFrom(row.token, row))
        if (page >= answer.total_pages || answer.keys.length === 0) return [...keys.values()]
      }
      throw new ProviderError({
        call: 'GET /key/list',
        kind: 'ambiguous',
        reason: 'unreadable-answer',
      })
    },

    readUsage(credential, ids) {
      return readUsageOf(this, credential, ids)
    },
  }
}

function requestFor(key: NewServiceKey, now: Date): object {
  return {
    key_alias: key.name,
    max_budget: usdNumberFromNano(key.cap),
    ...(key.reset === null ? {} : { budget_duration: durationOf[key.reset] }),
    ...(key.expiresAt === null
      ? {}
      : {
          duration: `${Math.max(1, Math.floor((key.expiresAt.getTime() - now.getTime()) / 1_000))}s`,
        }),
    // An empty list is every model of the proxy.
    models: key.models ?? [],
    // A sub-key makes requests and manages nothing.
    key_type: 'llm_api',
    metadata: { made_by: 'keymint' },
  }
}

/**
 * In words, where the proxy's `default_key_generate_params` or the like have made another key than
 * was asked for. Fields that are not repeated are believed.
 */
function differenceOf(asked: NewServiceKey, given: z.output<typeof createdSchema>): string | null {
  const changed = (what: string) =>
    `The proxy changed ${what} of the key by its own configuration, so the key was deleted again. Look at default_key_generate_params and upperbound_key_generate_params.`
  if (
    given.max_budget !== undefined &&
    (given.max_budget === null || nanoFromUsdNumber(given.max_budget) !== asked.cap)
  )
    return changed('the budget')
  if (
    given.budget_duration !== undefined &&
    (given.budget_duration ?? null) !== (asked.reset === null ? null : durationOf[asked.reset])
  )
    return changed('the reset')
  if (given.expires !== undefined) {
    const tooEarly =
      given.expires !== null &&
      (asked.expiresAt === null ||
        given.expires.getTime() < asked.expiresAt.getTime() - expiryToleranceMs)
    if (tooEarly || (given.expires === null && asked.expiresAt !== null)) return changed('the end')
  }
  return null
}

function keyFrom(id: string, row: z.output<typeof rowSchema>): ServiceKey {
  const spend: NanoUsd = nanoFromUsdNumber(Math.max(0, row.spend ?? 0))
  const duration = row.budget_duration ?? null
  return {
    id,
    name: row.key_alias ?? '',
    label: maskedName(row.key_name),
    cap:
      row.max_budget === null || row.max_budget === undefined
        ? null
        : nanoFromUsdNumber(row.max_budget),
    reset: duration === null ? null : (resetOf[duration] ?? null),
    // `spend` goes back to zero with the budget: only where that never happens is it the whole of
    // it.
    usage: duration === null ? spend : null,
    usedInWindow: spend,
    windowEndsAt: duration === null ? null : (row.budget_reset_at ?? null),
    disabled: row.blocked === true,
    createdAt: row.created_at ?? null,
    expiresAt: row.expires ?? null,
  }
}

/** `sk-...abcd`, as LiteLLM abbreviates; anything longer might be a key. */
const maskedName = (name: string | null | undefined) =>
  name && /^sk-\.\.\.\S{1,4}$/.test(name) ? name : 'sk-…'

function addressOf(
  outbound: Outbound,
  credential: ServiceCredential,
  call: string,
  path: string,
  query: Record<string, string> = {},
): URL {
  const refusal =
    credential.baseUrl === null
      ? 'The proxy has no address.'
      : outbound.refusalOf(credential.baseUrl)
  if (refusal !== null || credential.baseUrl === null)
    throw new ProviderError({
      call,
      kind: 'rejected',
      reason: 'refused',
      providerMessage: refusal ?? '',
    })
  const url = new URL(`${credential.baseUrl.replace(/\/+$/, '')}${path}`)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return url
}

function errorWithoutAnswer(
  error: unknown,
): ProviderFailure & Pick<ProviderErrorDetails, 'providerMessage'> {
  if (!(error instanceof OutboundError)) throw error
  switch (error.reason) {
    case 'address-refused':
      return {
        kind: 'rejected',
        reason: 'refused',
        providerMessage: 'The address of this proxy is one that this Keymint does not call.',
      }
    case 'unreachable':
      return { kind: 'retryable', reason: 'unreachable' }
    case 'timeout':
      return { kind: 'ambiguous', reason: 'timeout' }
    case 'connection-lost':
      return { kind: 'ambiguous', reason: 'connection-lost' }
    case 'too-long':
      return { kind: 'ambiguous', reason: 'unreadable-answer' }
  }
}

function refusalFrom(
  call: string,
  credential: ServiceCredential,
  { status, headers, text }: { status: number; headers: Headers; text: string },
): ProviderError {
  if (status >= 300 && status < 400)
    return new ProviderError({
      call,
      status,
      kind: 'rejected',
      reason: 'refused',
      providerMessage: 'The address answers with a redirect, which is not followed.',
    })
  const retryAfterSeconds = retryAfterFrom(headers)
  const providerMessage = messageFrom(text, status, credential)
  return new ProviderError({
    call,
    status,
    ...errorFromStatus(status),
    ...(providerMessage ? { providerMessage } : {}),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })
}

/**
 * LiteLLM's own sentence. When it does not accept the key it repeats pieces and the hash of it:
 * those are not passed on.
 */
function messageFrom(text: string, status: number, { secret }: ServiceCredential): string | null {
  const parsed = errorSchema.safeParse(parseJson(text))
  if (!parsed.success || status === 401 || status === 403) return null
  return scrub(parsed.data.error.message.replaceAll(secret, '[secret]'))
    .replace(/\b[0-9a-f]{64}\b/g, '[key]')
    .slice(0, 300)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isNotFound = (error: unknown) =>
  isProviderError(error) && error.details.reason === 'not-found'

/**
 * RunPod as a team's service, by its REST v2: a key is a machine. RunPod can neither make API keys
 * nor cap them, but a pod bears our name, is listed and deleted, and what it costs an hour says when
 * its cap is reached. Keymint ends it then; RunPod knows no cap. Its answers repeat the password of
 * a machine, and no error carries one.
 */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { nanoFromUsdNumber, type NanoUsd } from '~/money'
import { cut } from '~/text'
import { errorWithoutAnswer, parseJson } from './litellm-answers.server'
import { scrub } from './log.server'
import type { Outbound } from './outbound.server'
import { errorFromAnswer, isNotFound, ProviderError, retryAfterFrom } from './provider-error'
import {
  diskGb,
  diskPerHour,
  isOff,
  nextMeter,
  parseMeter,
  timeOf,
  type Meter,
} from './runpod-meter'
import { capabilities, defaultImage, defaultProxy, title } from './runpod-offer'
import {
  maskOf,
  refuseUndeclared,
  type NewServiceKey,
  type ServiceAdapter,
  type ServiceCredential,
  type ServiceKey,
} from './service-adapter'

const usualAddress = 'https://api.runpod.io'
const timeoutMs = 8_000
const readTimeoutMs = 6_000
const pageSize = 100

const podSchema = z.object({
  id: z.string(),
  name: z.string(),
  status: z.string(),
  cost: z.number().nonnegative().nullish(),
  createdAt: z.string(),
  startedAt: z.string().nullish(),
})
type Pod = z.output<typeof podSchema>
const listSchema = z.object({ pods: z.array(z.unknown()) })
const accountSchema = z.object({ id: z.string() })
const gpusSchema = z.object({
  gpus: z.array(
    z.object({
      id: z.string(),
      price: z.object({ secure: z.number().nullish(), community: z.number().nullish() }),
    }),
  ),
})
const billingSchema = z.object({ records: z.array(z.object({ totalAmount: z.number() })) })
const problemSchema = z.object({ title: z.string().optional(), detail: z.string().optional() })
const nothing = z.unknown()
const secretSchema = z.object({ pod: z.string(), url: z.string(), password: z.string() })

export function createRunPod({
  outbound,
  now = () => new Date(),
}: {
  outbound: Outbound
  now?: () => Date
}): ServiceAdapter {
  /** One request, never retried; the answer in the shape of the schema, or a ProviderError. */
  async function ask<Schema extends z.ZodType>(
    credential: ServiceCredential,
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    schema: Schema,
    options: { query?: Record<string, string>; body?: object; call?: string } = {},
  ): Promise<z.output<Schema>> {
    const call = `${method} ${options.call ?? path}`
    const base = credential.baseUrl ?? usualAddress
    const refusal = outbound.refusalOf(base)
    if (refusal !== null) throw refused(call, `Requests to this address are refused: ${refusal}.`)
    const url = new URL(`${base.replace(/\/+$/, '')}${path}`)
    for (const [name, value] of Object.entries(options.query ?? {}))
      url.searchParams.set(name, value)
    const answer = await outbound
      .send({
        method,
        url,
        headers: { authorization: `Bearer ${credential.secret}` },
        ...(options.body ? { body: JSON.stringify(options.body) } : {}),
        timeoutMs: method === 'GET' ? readTimeoutMs : timeoutMs,
      })
      .catch((error: unknown) =>
        Promise.reject(new ProviderError({ call, ...errorWithoutAnswer(error) })),
      )
    const { status } = answer
    if (status < 200 || status > 299) throw refusalFrom(call, credential, answer)
    const parsed = schema.safeParse(parseJson(answer.text))
    if (!parsed.success)
      throw new ProviderError({ call, status, kind: 'ambiguous', reason: 'unreadable-answer' })
    return parsed.data
  }

  const podPath = (id: string, rest = '') => `/v2/pods/${encodeURIComponent(id)}${rest}`
  const removePod = (credential: ServiceCredential, id: string) =>
    ask(credential, 'DELETE', podPath(id), nothing, { call: '/v2/pods/{id}' })

  /** What one machine of the chosen kind costs an hour by the catalogue, its disk included. */
  async function listedPrice(credential: ServiceCredential, key: NewServiceKey): Promise<NanoUsd> {
    const { gpus } = await ask(credential, 'GET', '/v2/catalog/gpus', gpusSchema, {
      query: { include: 'AVAILABILITY', product: 'POD' },
    })
    const offer = gpus.find(({ id }) => id === key.options.gpu)?.price
    const price = key.options.cloud === 'COMMUNITY' ? offer?.community : offer?.secure
    if (price == null)
      throw refused('GET /v2/catalog/gpus', 'RunPod does not offer this GPU at present.')
    return nanoFromUsdNumber(price) + diskPerHour
  }

  async function findPod(credential: ServiceCredential, id: string): Promise<Pod | null> {
    try {
      const pod = await ask(credential, 'GET', podPath(id), podSchema, { call: '/v2/pods/{id}' })
      return pod.status === 'TERMINATED' ? null : pod
    } catch (error) {
      if (isNotFound(error)) return null
      throw error
    }
  }

  /** What RunPod has billed for it until its own now: our clock may be behind the one that made it. */
  async function billed(credential: ServiceCredential, pod: Pod): Promise<NanoUsd> {
    const { records } = await ask(credential, 'GET', '/v2/billing/pods', billingSchema, {
      query: {
        podId: pod.id,
        bucketSize: 'hour',
        startTime: pod.createdAt,
      },
    })
    return records.reduce((sum, { totalAmount }) => sum + nanoFromUsdNumber(totalAmount), 0n)
  }

  async function read(
    credential: ServiceCredential,
    pod: Pod,
    note: string | null,
  ): Promise<ServiceKey> {
    const at = now()
    const meter = nextMeter(pod, parseMeter(note), at)
    const total = await billed(credential, pod)
    const counted = BigInt(meter.used)
    const usage = total > counted ? total : counted
    return {
      ...keyFrom(pod),
      usage,
      usedInWindow: usage,
      meter: JSON.stringify(meter),
      perHour: meter.on ? BigInt(meter.rate) : null,
    }
  }

  return {
    service: 'runpod',
    title,
    capabilities,
    async verifyCredential(credential) {
      try {
        await ask(credential, 'GET', '/v2/account', accountSchema)
        await ask(credential, 'GET', '/v2/pods', listSchema)
        await ask(credential, 'GET', '/v2/billing/pods', billingSchema, {
          query: { bucketSize: 'hour', lastN: '1' },
        })
        return { ok: true, label: maskOf(credential.secret).replace(/^sk-/, '') }
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error
        return { ok: false, problem: { code: 'provider-error', details: error.details } }
      }
    },

    async createKey(credential, key) {
      const options = { ...firstChoices, ...key.options }
      const wanted = { ...key, options }
      refuseUndeclared({ title, capabilities }, wanted, now())
      const listed = await listedPrice(credential, wanted)
      if (key.cap < listed)
        throw refused('POST /v2/pods', 'The cap is under what the machine costs in one hour.')
      const password = randomBytes(18).toString('base64url')
      const pod = await ask(credential, 'POST', '/v2/pods', podSchema, {
        body: {
          name: key.name,
          image: credential.settings?.image ?? defaultImage,
          gpu: { id: options.gpu, count: 1 },
          cloud: options.cloud,
          disk: diskGb,
          ports: ['8888/http'],
          env: { JUPYTER_PASSWORD: password },
          startJupyter: true,
        },
      })
      const cost = nanoFromUsdNumber(pod.cost ?? 0) + diskPerHour
      // A dearer machine would end before its time.
      if (cost > listed + listed / 100n) {
        await removePod(credential, pod.id).catch((error: unknown) => {
          // Whatever became of it, a machine may run: it is found by its name and ended.
          if (!isNotFound(error)) throw stillThere()
        })
        throw refused('POST /v2/pods', 'RunPod asks more for this machine than it lists.')
      }
      const rate = cost > listed ? cost : listed
      const meter: Meter = { at: timeOf(pod), used: '0', on: true, rate: String(rate) }
      const url = (credential.settings?.proxy ?? defaultProxy).replaceAll('{pod}', pod.id)
      return {
        id: pod.id,
        label: `${pod.id.slice(0, 4)}…, ${options.gpu?.replace(/^NVIDIA /, '') ?? 'GPU'}`,
        plaintext: JSON.stringify({ pod: pod.id, url, password }),
        made: {},
        meter: JSON.stringify(meter),
        perHour: rate,
      }
    },

    async changeKey(credential, id, { disabled }) {
      if (disabled !== undefined)
        await ask(credential, 'POST', podPath(id, '/action'), nothing, {
          body: { action: disabled ? 'stop' : 'start' },
          call: '/v2/pods/{id}/action',
        }).catch((error: unknown) => {
          // Stopped already, or running already: what it is now says whether that is so.
          if (!(error instanceof ProviderError) || error.details.status !== 409) throw error
        })
      const call = 'GET /v2/pods/{id}'
      const pod = await findPod(credential, id)
      if (!pod)
        throw new ProviderError({ call, kind: 'rejected', reason: 'not-found', status: 404 })
      if (disabled !== undefined && isOff(pod) !== disabled)
        throw new ProviderError({ call, kind: 'ambiguous', reason: 'unreadable-answer' })
      return keyFrom(pod)
    },

    async deleteKey(credential, id) {
      await removePod(credential, id).catch((error: unknown) => {
        if (!isNotFound(error)) throw error
      })
    },

    async *listKeys(credential, { signal } = {}) {
      signal?.throwIfAborted()
      const { pods } = await ask(credential, 'GET', '/v2/pods', listSchema)
      const read = pods.map((pod) => podSchema.safeParse(pod))
      for (let from = 0; from === 0 || from < read.length; from += pageSize) {
        signal?.throwIfAborted()
        const page = read.slice(from, from + pageSize)
        yield {
          keys: page.flatMap(({ data }) => (data ? [keyFrom(data)] : [])),
          unreadable: page.filter(({ success }) => !success).length,
        }
      }
    },

    async findKey(credential, id, meter = null) {
      const pod = await findPod(credential, id)
      return pod && read(credential, pod, meter)
    },

    show(plaintext) {
      const { pod, url, password } = secretSchema.parse(JSON.parse(plaintext))
      return [
        { label: 'Address', value: url, secret: false },
        { label: 'Password', value: password, secret: true },
        { label: 'Machine', value: pod, secret: false },
      ]
    },
  }
}

const firstChoices: Record<string, string> = Object.fromEntries(
  capabilities.options.map(({ name, choices }) => [name, choices[0]?.value ?? '']),
)

/** What a list says of a machine; usage is read by itself. */
const keyFrom = (pod: Pod): ServiceKey => ({
  id: pod.id,
  name: pod.name,
  label: `${pod.id.slice(0, 4)}…`,
  cap: null,
  reset: null,
  usage: null,
  usedInWindow: 0n,
  windowEndsAt: null,
  disabled: isOff(pod),
  createdAt: new Date(pod.createdAt),
  expiresAt: null,
})

const stillThere = () =>
  new ProviderError({ call: 'DELETE /v2/pods/{id}', kind: 'ambiguous', reason: 'server-error' })

const refused = (call: string, providerMessage: string) =>
  new ProviderError({ call, kind: 'rejected', reason: 'refused', providerMessage })

/** RunPod's own sentence, without the credential; that of a 401 or 403 is not passed on. */
function refusalFrom(
  call: string,
  { secret }: ServiceCredential,
  { status, headers, text }: { status: number; headers: Headers; text: string },
): ProviderError {
  const problem = problemSchema.safeParse(parseJson(text))
  const isOwn = problem.success && (headers.get('content-type') ?? '').includes('json')
  const told = status === 401 || status === 403 ? undefined : problem.data?.detail
  const retryAfterSeconds = retryAfterFrom(headers)
  return new ProviderError({
    call,
    status,
    ...errorFromAnswer(status, isOwn),
    ...(told ? { providerMessage: cut(scrub(told.replaceAll(secret, '[secret]')), 300) } : {}),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })
}

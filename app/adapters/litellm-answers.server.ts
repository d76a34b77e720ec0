/**
 * The address of a call to a LiteLLM proxy, and its failures as ProviderErrors. LiteLLM repeats
 * keys and hashes of keys in its messages: none of them leaves this file.
 */
import { z } from 'zod'
import { scrub } from './log.server'
import { OutboundError, type Outbound } from './outbound.server'
import {
  errorFromAnswer,
  ProviderError,
  retryAfterFrom,
  type ProviderErrorDetails,
  type ProviderFailure,
} from './provider-error'
import type { ServiceCredential } from './service-adapter'
import { cut } from '~/text'

const errorSchema = z.object({ error: z.object({ message: z.string() }) })
const ownBodySchema = z.union([
  z.object({ error: z.union([z.string(), z.object({})]) }),
  z.object({ detail: z.unknown() }),
])

export function addressOf(
  outbound: Outbound,
  credential: ServiceCredential,
  call: string,
  path: string,
  query: Record<string, string> = {},
): URL {
  const refusal =
    credential.baseUrl === null ? 'address-missing' : outbound.refusalOf(credential.baseUrl)
  if (refusal !== null || credential.baseUrl === null)
    throw new ProviderError({
      call,
      kind: 'rejected',
      reason: 'refused',
      providerMessage: `Requests to this address are refused: ${refusal}.`,
    })
  const url = new URL(`${credential.baseUrl.replace(/\/+$/, '')}${path}`)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return url
}

export function errorWithoutAnswer(
  error: unknown,
): ProviderFailure & Pick<ProviderErrorDetails, 'providerMessage'> {
  if (!(error instanceof OutboundError)) throw error
  switch (error.reason) {
    case 'address-refused':
      return {
        kind: 'rejected',
        reason: 'refused',
        providerMessage: 'Requests to this address are refused: private-address.',
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

export function refusalFrom(
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
      providerMessage: 'The address answered with a redirect, which is not followed.',
    })
  const retryAfterSeconds = retryAfterFrom(headers)
  const providerMessage = messageFrom(text, status, credential)
  return new ProviderError({
    call,
    status,
    ...errorFromAnswer(status, isOwnBody(text)),
    ...(providerMessage ? { providerMessage } : {}),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })
}

/** LiteLLM's form, or that of the FastAPI it stands on. */
const isOwnBody = (text: string) => ownBodySchema.safeParse(parseJson(text)).success

/**
 * LiteLLM's own message. When it refuses the credential it repeats pieces and the hash of it, so
 * the message of a 401 or 403 is not passed on.
 */
function messageFrom(text: string, status: number, { secret }: ServiceCredential): string | null {
  const parsed = errorSchema.safeParse(parseJson(text))
  if (!parsed.success || status === 401 || status === 403) return null
  const message = scrub(parsed.data.error.message.replaceAll(secret, '[secret]'))
  return cut(message.replace(/\b[0-9a-f]{64}\b/g, '[key]'), 300)
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

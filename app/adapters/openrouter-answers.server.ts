/**
 * What OpenRouter's SDK gives back, turned into answers and ProviderErrors of ours. Its errors hold
 * requests and bodies with secrets in them: they never leave the openrouter files.
 */
import type { Result } from '@openrouter/sdk/types/fp.js'
import { scrub } from './log.server'
import { cut } from '~/text'
import {
  ProviderError,
  retryAfterFrom,
  errorFromAnswer,
  type ProviderFailure,
} from './provider-error'

/**
 * Every failure as a Result. The SDK throws some: a body that breaks off, and invalid JSON, a piece
 * of which is then in the message.
 */
export async function answerOf<T>(pending: PromiseLike<Result<T>>): Promise<Result<T>> {
  try {
    return await pending
  } catch (error) {
    return { ok: false, error }
  }
}

/**
 * The answer, mapped to our own type. One that cannot be mapped, because of an impossible amount
 * for example, is an unreadable answer.
 */
export async function unwrap<T, Ours>(
  call: string,
  pending: PromiseLike<Result<T>>,
  map: (answer: T) => Ours,
): Promise<Ours> {
  const result = await answerOf(pending)
  if (!result.ok) throw providerErrorFrom(call, result.error)
  try {
    return map(result.value)
  } catch {
    throw new ProviderError({ call, kind: 'ambiguous', reason: 'unreadable-answer' })
  }
}

/** A ProviderError with the provider's scrubbed message, and with nothing else of the error. */
export function providerErrorFrom(call: string, error: unknown): ProviderError {
  const { statusCode, body, headers, name } = errorFacts(error)
  if (statusCode === undefined)
    return new ProviderError({ call, ...errorWithoutAnswer(error, name) })
  const answer = objectOrEmpty(parseObject(body ?? '').error)
  const providerMessage =
    typeof answer.message === 'string' ? cut(scrub(answer.message), 300) : undefined
  const retryAfterSeconds = retryAfterFrom(headers)
  return new ProviderError({
    call,
    status: statusCode,
    ...errorFromAnswer(statusCode, typeof answer.message === 'string'),
    ...(providerMessage ? { providerMessage } : {}),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })
}

const neverSent = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
])

function errorWithoutAnswer(error: unknown, name: string): ProviderFailure {
  if (name === 'SDKValidationError' || name === 'InvalidRequestError')
    return { kind: 'rejected', reason: 'bad-request' }
  if (name === 'RequestTimeoutError') return { kind: 'ambiguous', reason: 'timeout' }
  if (error instanceof SyntaxError) return { kind: 'ambiguous', reason: 'unreadable-answer' }
  for (
    let current = error, depth = 0;
    current instanceof Error && depth < 5;
    current = current.cause, depth++
  ) {
    if ('code' in current && neverSent.has(String(current.code)))
      return { kind: 'retryable', reason: 'unreachable' }
    // Several addresses were tried and none answered: one error inside for each.
    if (
      current instanceof AggregateError &&
      current.errors.length > 0 &&
      current.errors.every((one) => neverSent.has(String((one as { code?: unknown }).code)))
    )
      return { kind: 'retryable', reason: 'unreachable' }
  }
  return { kind: 'ambiguous', reason: 'connection-lost' }
}

export function errorFacts(error: unknown): {
  statusCode?: number
  body?: string
  headers?: Headers
  name: string
} {
  if (!(error instanceof Error)) return { name: 'unknown' }
  const facts = error as Error & { statusCode?: unknown; body?: unknown; headers?: unknown }
  return {
    name: error.name,
    ...(typeof facts.statusCode === 'number' ? { statusCode: facts.statusCode } : {}),
    ...(typeof facts.body === 'string' ? { body: facts.body } : {}),
    ...(facts.headers instanceof Headers ? { headers: facts.headers } : {}),
  }
}

export function parseObject(text: string): Record<string, unknown> {
  try {
    return objectOrEmpty(JSON.parse(text))
  } catch {
    return {}
  }
}

export function objectOrEmpty(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}

export const pageSize = 100

/** A list that goes on for longer is an upstream that ignores `offset`. */
const maxPages = 500

/**
 * Every item of a list, page by page, because the SDK's own paging retries; an unreadable-answer error
 * for a list without an end.
 */
export async function allPages<Item>(
  call: string,
  pageAt: (offset: number) => Promise<Item[]>,
  size = pageSize,
): Promise<Item[]> {
  const found: Item[] = []
  for (let pages = 0; pages < maxPages; pages++) {
    const page = await pageAt(pages * size)
    found.push(...page)
    if (page.length < size) return found
  }
  throw new ProviderError({ call, kind: 'ambiguous', reason: 'unreadable-answer' })
}

/**
 * What went wrong at a provider, as codes. It never carries a request, a response or a body: those
 * hold keys. Recognised by `name`, because the web bundle and the server bundle each have their own
 * class.
 */
export type ProviderFailure =
  /** Nothing happened upstream, for certain; worth a retry later. */
  | {
      kind: 'retryable'
      reason:
        | 'rate-limited'
        | 'no-credit'
        | 'unauthorized'
        | 'forbidden'
        /** The workspace that keys are made in was deleted. */
        | 'no-workspace'
        | 'unreachable'
    }
  /** Nothing happened upstream, for certain; a retry is useless. */
  | { kind: 'rejected'; reason: 'bad-request' | 'not-found' | 'refused' | 'list-too-large' }
  /** It may have happened upstream. */
  | {
      kind: 'ambiguous'
      reason: 'timeout' | 'connection-lost' | 'server-error' | 'unreadable-answer'
    }

export type ProviderErrorDetails = ProviderFailure & {
  /** The call, such as "POST /keys". */
  call: string
  status?: number
  /** The provider's own sentence, scrubbed and cut to 300 characters. */
  providerMessage?: string
  retryAfterSeconds?: number
}

export class ProviderError extends Error {
  override name = 'ProviderError'
  readonly details: ProviderErrorDetails
  constructor(details: ProviderErrorDetails) {
    const status = details.status ? ` (${details.status})` : ''
    const message = details.providerMessage ? `: ${details.providerMessage}` : ''
    super(`${details.call}: ${details.reason}${status}${message}`)
    this.details = details
  }
}

/**
 * True for a ProviderError of any bundle. Use it instead of `instanceof`, which is false for one
 * thrown by another bundle.
 */
export function isProviderError(error: unknown): error is ProviderError {
  return error instanceof Error && error.name === 'ProviderError' && 'details' in error
}

/** True when the provider says that what was asked for does not exist. */
export function isNotFound(error: unknown): boolean {
  return isProviderError(error) && error.details.reason === 'not-found'
}

/**
 * The same for an answer whose body says who gave it: a refusal for good, "there is no such key"
 * included, is the provider's own only in the provider's own form. What a gateway in between says
 * for itself did not reach the provider, and passes.
 */
export function errorFromAnswer(status: number, isOwnBody: boolean): ProviderFailure {
  const failure = errorFromStatus(status)
  return failure.kind === 'rejected' && !isOwnBody
    ? { kind: 'retryable', reason: 'unreachable' }
    : failure
}

/** What an HTTP status means for the request that got it. */
function errorFromStatus(status: number): ProviderFailure {
  if (status === 429) return { kind: 'retryable', reason: 'rate-limited' }
  if (status === 402) return { kind: 'retryable', reason: 'no-credit' }
  if (status === 401) return { kind: 'retryable', reason: 'unauthorized' }
  if (status === 403) return { kind: 'retryable', reason: 'forbidden' }
  if (status === 404) return { kind: 'rejected', reason: 'not-found' }
  if (status === 408) return { kind: 'ambiguous', reason: 'timeout' }
  if (status >= 500) return { kind: 'ambiguous', reason: 'server-error' }
  if (status >= 400)
    return {
      kind: 'rejected',
      reason: status === 400 || status === 422 ? 'bad-request' : 'refused',
    }
  return { kind: 'ambiguous', reason: 'unreadable-answer' }
}

/** Seconds or an HTTP date, as RFC 9110 allows; capped at an hour. */
export function retryAfterFrom(headers: Headers | undefined): number | undefined {
  const text = headers?.get('retry-after')
  if (!text) return undefined
  const seconds = /^\d+$/.test(text.trim())
    ? Number(text)
    : (Date.parse(text) - Date.parse(headers?.get('date') ?? '')) / 1000
  return Number.isFinite(seconds) ? Math.min(Math.max(Math.ceil(seconds), 1), 3_600) : undefined
}

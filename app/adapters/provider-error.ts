/**
 * What went wrong at a provider, in our words. It never carries a request, a response or a body:
 * those hold keys. Recognised by `name`, because the web bundle and the server bundle each have their own class.
 */
export type ProviderTrouble =
  /** Certain that nothing happened upstream; worth asking again later. */
  | { kind: 'retryable'; reason: 'rate-limited' | 'no-credit' | 'unauthorized' | 'forbidden' | 'unreachable' }
  /** Certain that nothing happened upstream; asking again is useless. */
  | { kind: 'rejected'; reason: 'bad-request' | 'not-found' | 'refused' }
  /** It may have happened upstream. */
  | { kind: 'ambiguous'; reason: 'timeout' | 'connection-lost' | 'server-error' | 'unreadable-answer' }

export type ProviderErrorDetails = ProviderTrouble & {
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
    super(`${details.call}: ${details.reason}${details.status ? ` (${details.status})` : ''}${details.providerMessage ? `: ${details.providerMessage}` : ''}`)
    this.details = details
  }
}

export function isProviderError(error: unknown): error is ProviderError {
  return error instanceof Error && error.name === 'ProviderError' && 'details' in error
}

/**
 * What went wrong at the provider, in words for staff. Sentences without their full stop, so that a
 * status may follow.
 */
import type { ProviderErrorDetails } from '~/adapters/provider-error'
import type { JobError } from './job-outcome'

export const providerErrorMessage: Record<string, string> = {
  'rate-limited': 'The provider asked us to slow down',
  'no-credit': 'The provider says the account has no credit',
  unauthorized: 'The provider did not accept the management key',
  forbidden: 'The management key may not do this',
  unreachable: 'The provider could not be reached',
  timeout: 'The provider did not answer in time',
  'connection-lost': 'The connection to the provider broke',
  'server-error': 'The provider had an error of its own',
  'unreadable-answer': 'The provider answered with something unreadable',
  'upstream-trouble': 'The provider had trouble',
  'bad-request': 'The provider refused the request',
  'not-found': 'The provider does not know what was asked for',
  refused: 'The provider refused the request',
  'guardrail-gone': 'The provider no longer knows the guardrail',
  'key-gone': 'The provider has no key with this hash any more',
  undercount: 'The provider attached fewer keys than it was asked to',
}

/** The whole sentence: "The provider had an error of its own (503): come back later". */
export function errorMessage({ reason, status, message }: JobError): string {
  return `${providerErrorMessage[reason] ?? 'The provider refused'}${status ? ` (${status})` : ''}${message ? `: ${message}` : '.'}`
}

/** What the history of jobs keeps of a provider's error. */
export function jobErrorOf(details: ProviderErrorDetails): JobError {
  return {
    reason: details.reason,
    ...(details.status ? { status: details.status } : {}),
    ...(details.providerMessage ? { message: details.providerMessage } : {}),
  }
}

/** As above, of a ProviderError. */
export function providerErrorText(error: { details: ProviderErrorDetails }): string {
  return errorMessage(jobErrorOf(error.details))
}

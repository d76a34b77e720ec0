/**
 * What went wrong, as text for staff. It is on the ground and not among the messages because rows
 * keep it (bind_error, job_runs.reason, error_groups.sample_words): whoever looks later reads what
 * was true then.
 */
import type { ProviderErrorDetails } from '~/adapters/provider-error'
import type { JobError } from './job-outcome'

/** Sentences without their full stop, so that a status may follow. */
export const providerErrorMessage: Record<string, string> = {
  'rate-limited': 'The provider asked us to slow down',
  'no-credit': 'The provider says the account has no credit',
  unauthorized: 'The provider did not accept the management key',
  forbidden: 'The management key may not do this',
  'no-workspace': 'The workspace that keys are made in was deleted at the provider',
  unreachable: 'The provider could not be reached',
  timeout: 'The provider did not answer in time',
  'connection-lost': 'The connection to the provider broke',
  'server-error': 'The provider had an internal error',
  'unreadable-answer': 'The provider’s answer could not be read',
  'upstream-trouble': 'The provider keeps failing',
  'bad-request': 'The provider refused the request',
  'not-found': 'The provider does not know what was requested',
  refused: 'The provider refused the request',
  'guardrail-gone': 'The provider no longer knows the guardrail',
  'key-gone': 'The provider has no key with this hash any more',
  'foreign-name': 'The provider shows another name than ours, so the key is not deleted',
  'list-too-large': 'The provider’s list of keys is larger than Keymint reads',
  deadline: 'Reading the keys took longer than two minutes, so Keymint reads the rest later',
  'absurd-reading': 'The provider reports more usage than the key could have spent',
  undercount: 'The provider assigned fewer keys than requested',
}

const ownErrorMessage: Record<string, string> = {
  'expired-before-mint': 'The keys of the workshop ended before one could be created',
  banned: 'The person is banned from claiming',
  'gave-up': 'Many tries got no clear answer, so Keymint stopped trying',
  'unreadable-job': 'This version cannot read the job',
}

/** Of an error's kind, without a full stop. */
const errorTitle = (reason: string): string =>
  providerErrorMessage[reason] ?? ownErrorMessage[reason] ?? 'The program itself failed'

/** The whole sentence: "The provider had an internal error (503): come back later". */
export function errorMessage({ reason, status, message }: JobError): string {
  const title = providerErrorMessage[reason] ?? 'The provider refused'
  return `${title}${status ? ` (${status})` : ''}${message ? `: ${message}` : '.'}`
}

/** The same for errors of the provider and of our own. */
export function errorSentence(error: JobError): string {
  if (error.reason in providerErrorMessage) return errorMessage(error)
  return `${errorTitle(error.reason)}${error.message ? `: ${error.message}` : '.'}`
}

/** The headline of a group of errors, a sentence. */
export function errorGroupTitle(group: {
  class: string
  message: string | null
  status: number | null
}): string {
  const status = group.status ? ` (${group.status})` : ''
  return `${errorTitle(group.class)}${status}${group.message ? `: ${group.message}` : '.'}`
}

/** What the history of jobs keeps of a provider's error. */
export function jobErrorOf(details: ProviderErrorDetails): JobError {
  return {
    reason: details.reason,
    ...(details.status ? { status: details.status } : {}),
    ...(details.providerMessage ? { message: details.providerMessage } : {}),
  }
}

/** The whole sentence of a ProviderError. */
export function providerErrorText(error: { details: ProviderErrorDetails }): string {
  return errorMessage(jobErrorOf(error.details))
}

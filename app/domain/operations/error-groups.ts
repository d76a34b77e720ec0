/**
 * One error, however many jobs it hits. Everything that means "the provider is down" is one group,
 * whichever way the connection failed and whatever job it was; what waits behind a closed gate
 * counts to the error that closed it.
 */
import { createHash } from 'node:crypto'
import type { JobError } from '../job-outcome'
import { providerErrorMessage } from '../error-text'
import { cut } from '~/text'

export type ErrorGroupKey = {
  fingerprint: string
  class: string
  message: string | null
  status: number | null
}

const down = new Set(['unreachable', 'timeout', 'connection-lost'])
const gatewayStatus = new Set([502, 503, 504])
/**
 * Kinds whose message or status differs from answer to answer and means the same.
 */
const oneOfAKind = new Set([
  'rate-limited',
  'no-credit',
  'unauthorized',
  'forbidden',
  'no-workspace',
  'upstream-trouble',
  'guardrail-gone',
  'key-gone',
  'undercount',
  'unreadable-answer',
])

/**
 * The group of an error. An error of our own program keeps its job's name: two jobs with one
 * message are two bugs.
 */
export function errorGroupOf(jobName: string, error: JobError): ErrorGroupKey {
  if (
    down.has(error.reason) ||
    (error.reason === 'server-error' && gatewayStatus.has(error.status ?? 0))
  )
    return keyOf('unreachable', null, null)
  if (oneOfAKind.has(error.reason)) return keyOf(error.reason, null, null)
  if (error.reason === 'server-error') return keyOf(error.reason, null, error.status ?? null)
  const message = error.message ? normalised(error.message) : null
  if (error.reason in providerErrorMessage)
    return keyOf(error.reason, message, error.status ?? null)
  return keyOf(error.reason, message, error.status ?? null, jobName)
}

function keyOf(
  errorClass: string,
  message: string | null,
  status: number | null,
  jobName = '',
): ErrorGroupKey {
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([errorClass, message, status, jobName]))
    .digest('hex')
    .slice(0, 16)
  return { fingerprint, class: errorClass, message, status }
}

/** A message without what differs from job to job: ids, hashes, numbers and quoted text. */
export function normalised(message: string): string {
  const plain = message
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, '<id>')
    .replace(/"[^"]*"|'[^']*'|`[^`]*`/g, '<text>')
    .replace(/\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/gi, '<hash>')
    .replace(/\d+/g, '<n>')
    .replace(/\s+/g, ' ')
    .trim()
  return cut(plain, 200)
}

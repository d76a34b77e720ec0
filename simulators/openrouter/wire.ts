/** OpenRouter's forms on the wire: errors as the contract words them, and timestamps. */
import { Refusal, type JsonObject, type RefusalDetails } from '../shared/refusal.ts'

const usualMessages: Record<number, string> = {
  400: 'Invalid request parameters',
  401: 'Missing Authentication header',
  402: 'Insufficient credits. Add more using https://openrouter.ai/credits',
  403: 'Only management keys can perform this operation',
  404: 'Resource not found',
  405: 'Method not allowed',
  408: 'Request timed out',
  429: 'Rate limit exceeded',
  500: 'Internal Server Error',
  502: 'Provider returned error',
  503: 'No instances available',
}

export function messageOf(status: number): string {
  return usualMessages[status] ?? 'Request failed'
}

export function refuse(status: number, message?: string, details?: RefusalDetails): Refusal {
  return new Refusal(status, message ?? messageOf(status), details)
}

export function errorBody(refusal: Refusal, userId: string | null): JsonObject {
  const error: JsonObject = { code: refusal.status, message: refusal.message }
  if (refusal.details.metadata) error['metadata'] = refusal.details.metadata
  if (refusal.details.availability) error['availability'] = refusal.details.availability
  return userId === null ? { error } : { error, user_id: userId }
}

/** Anthropic's shape, for `POST /messages`. */
export function anthropicErrorBody(refusal: Refusal): JsonObject {
  const types: Record<number, string> = {
    400: 'invalid_request_error',
    401: 'authentication_error',
    402: 'billing_error',
    403: 'permission_error',
    404: 'not_found_error',
    413: 'request_too_large',
    429: 'rate_limit_error',
    529: 'overloaded_error',
  }
  return {
    type: 'error',
    error: { type: types[refusal.status] ?? 'api_error', message: refusal.message },
  }
}

/** The form seen on the wire, microseconds and an offset: `2025-02-19T20:52:27.363000+00:00`. */
export function wireTimestamp(at: number): string {
  return `${new Date(at).toISOString().slice(0, -1)}000+00:00`
}

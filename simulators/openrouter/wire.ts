/**
 * What travels: error bodies as the contract words them, and the readers of JSON bodies and
 * queries. Every reader either returns the right type or throws a Refusal with status 400.
 */
export type JsonObject = Record<string, unknown>

export interface RefusalDetails {
  metadata?: JsonObject
  retryAfterSeconds?: number
  headers?: Record<string, string>
}

export class Refusal extends Error {
  readonly status: number
  readonly details: RefusalDetails

  constructor(status: number, message: string, details: RefusalDetails = {}) {
    super(message)
    this.status = status
    this.details = details
  }
}

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

export function refuse(status: number, message?: string, details?: RefusalDetails): Refusal {
  return new Refusal(status, message ?? usualMessages[status] ?? 'Request failed', details)
}

export function errorBody(refusal: Refusal, userId: string | null): JsonObject {
  const error: JsonObject = { code: refusal.status, message: refusal.message }
  if (refusal.details.metadata) error['metadata'] = refusal.details.metadata
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

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function parseJsonObject(text: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw refuse(400, 'Invalid JSON in request body')
  }
  if (!isObject(value)) throw refuse(400, 'Request body must be a JSON object')
  return value
}

export function readString(
  body: JsonObject,
  field: string,
  { min = 0, max = Infinity } = {},
): string {
  const value = body[field]
  if (typeof value !== 'string') throw refuse(400, `${field}: expected a string`)
  if (value.length < min) throw refuse(400, `${field}: must have at least ${min} character(s)`)
  if (value.length > max) throw refuse(400, `${field}: must have at most ${max} characters`)
  return value
}

export function readBoolean(body: JsonObject, field: string): boolean {
  const value = body[field]
  if (typeof value !== 'boolean') throw refuse(400, `${field}: expected a boolean`)
  return value
}

export function readNumber(
  body: JsonObject,
  field: string,
  { min = -Infinity, max = Infinity } = {},
): number {
  const value = body[field]
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw refuse(400, `${field}: expected a number`)
  if (value < min) throw refuse(400, `${field}: must be at least ${min}`)
  if (value > max) throw refuse(400, `${field}: must be at most ${max}`)
  return value
}

export function readOneOf<T extends string>(
  body: JsonObject,
  field: string,
  allowed: readonly T[],
): T {
  const value = body[field]
  const found = allowed.find((one) => one === value)
  if (found === undefined) throw refuse(400, `${field}: expected one of ${allowed.join(', ')}`)
  return found
}

export function readStrings(body: JsonObject, field: string): string[] {
  const value = body[field]
  if (!Array.isArray(value)) throw refuse(400, `${field}: expected an array`)
  if (value.length === 0) throw refuse(400, `${field}: must contain at least 1 item(s)`)
  return value.map((item: unknown) => {
    if (typeof item !== 'string' || item.length === 0)
      throw refuse(400, `${field}: expected an array of non-empty strings`)
    return item
  })
}

/** Absent and null are different things in a PATCH: absent gives undefined, null gives null. */
export function optional<T>(
  body: JsonObject,
  field: string,
  read: (body: JsonObject, field: string) => T,
): T | null | undefined {
  const value = body[field]
  if (value === undefined || value === null) return value
  return read(body, field)
}

/** Absent gives undefined; null is refused, because the field is not nullable. */
export function ifPresent<T>(
  body: JsonObject,
  field: string,
  read: (body: JsonObject, field: string) => T,
): T | undefined {
  return body[field] === undefined ? undefined : read(body, field)
}

export function readQueryInteger(
  query: URLSearchParams,
  field: string,
  fallback: number,
  range: { min: number; max?: number },
): number {
  const text = query.get(field)
  if (text === null) return fallback
  const value = Number(text)
  if (
    !/^\d+$/.test(text) ||
    !Number.isSafeInteger(value) ||
    value < range.min ||
    value > (range.max ?? Infinity)
  ) {
    throw refuse(
      400,
      `${field}: expected an integer from ${range.min}${range.max === undefined ? '' : ` to ${range.max}`}`,
    )
  }
  return value
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
export function isUuid(text: string): boolean {
  return uuidPattern.test(text)
}

/**
 * Readers of JSON bodies and queries. Each either returns the right type or throws a Refusal with
 * status 400.
 */
import { Refusal, type JsonObject } from './refusal.ts'

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function parseJsonObject(text: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Refusal(400, 'Invalid JSON in request body')
  }
  if (!isObject(value)) throw new Refusal(400, 'Request body must be a JSON object')
  return value
}

export function readString(
  body: JsonObject,
  field: string,
  { min = 0, max = Infinity } = {},
): string {
  const value = body[field]
  if (typeof value !== 'string') throw new Refusal(400, `${field}: expected a string`)
  if (value.length < min) throw new Refusal(400, `${field}: must have at least ${min} character(s)`)
  if (value.length > max) throw new Refusal(400, `${field}: must have at most ${max} characters`)
  return value
}

export function readBoolean(body: JsonObject, field: string): boolean {
  const value = body[field]
  if (typeof value !== 'boolean') throw new Refusal(400, `${field}: expected a boolean`)
  return value
}

export function readNumber(
  body: JsonObject,
  field: string,
  { min = -Infinity, max = Infinity } = {},
): number {
  const value = body[field]
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new Refusal(400, `${field}: expected a number`)
  if (value < min) throw new Refusal(400, `${field}: must be at least ${min}`)
  if (value > max) throw new Refusal(400, `${field}: must be at most ${max}`)
  return value
}

export function readOneOf<T extends string>(
  body: JsonObject,
  field: string,
  allowed: readonly T[],
): T {
  const value = body[field]
  const found = allowed.find((one) => one === value)
  if (found === undefined) throw new Refusal(400, `${field}: expected one of ${allowed.join(', ')}`)
  return found
}

export function readStrings(body: JsonObject, field: string): string[] {
  const value = body[field]
  if (!Array.isArray(value)) throw new Refusal(400, `${field}: expected an array`)
  if (value.length === 0) throw new Refusal(400, `${field}: must contain at least 1 item(s)`)
  return value.map((item: unknown) => {
    if (typeof item !== 'string' || item.length === 0)
      throw new Refusal(400, `${field}: expected an array of non-empty strings`)
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
    throw new Refusal(
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

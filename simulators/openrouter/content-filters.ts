/** The content filters of a guardrail: checked and stored as the contract words them, never applied. */
import { ifPresent, isObject, optional, readOneOf, readString } from '../shared/reading.ts'
import type { JsonObject } from '../shared/refusal.ts'
import { refuse } from './wire.ts'

const builtinFilters = [
  'email',
  'phone',
  'ssn',
  'credit-card',
  'ip-address',
  'secrets',
  'person-name',
  'address',
  'regex-prompt-injection',
] as const
const filterActions = ['redact', 'block', 'flag'] as const
const scanScopes = ['user_only', 'all_messages'] as const

export function readFilters(body: JsonObject, field: string): JsonObject[] {
  return readObjects(body, field).map((filter) => {
    const pattern = readString(filter, 'pattern', { min: 1, max: 100_000 })
    if (!isPlainPattern(pattern))
      throw refuse(400, 'content_filters: invalid pattern', {
        metadata: { error_type: 'invalid_regex_pattern' },
      })
    return {
      pattern,
      action: readOneOf(filter, 'action', filterActions),
      label: optional(filter, 'label', readString) ?? null,
    }
  })
}

export function readBuiltinFilters(body: JsonObject, field: string): JsonObject[] {
  return readObjects(body, field).map((filter) => {
    const slug = readOneOf(filter, 'slug', builtinFilters)
    const scope = ifPresent(filter, 'scan_scope', (from, name) => readOneOf(from, name, scanScopes))
    return {
      slug,
      action: readOneOf(filter, 'action', filterActions),
      // The label is the system's own, whatever was sent.
      label: `[${slug.toUpperCase().replaceAll('-', '_')}]`,
      ...(scope === undefined ? {} : { scan_scope: scope }),
    }
  })
}

function readObjects(body: JsonObject, field: string): JsonObject[] {
  const value = body[field]
  if (!Array.isArray(value) || !value.every(isObject))
    throw refuse(400, `${field}: expected an array of objects`)
  return value
}

function isPlainPattern(pattern: string): boolean {
  if (/\(\?<?[=!]|\\[1-9]|\\k</.test(pattern)) return false
  try {
    new RegExp(pattern)
    return true
  } catch {
    return false
  }
}

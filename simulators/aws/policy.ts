/**
 * Policies of one shape alone: actions on the objects under a prefix, and listing under it, each
 * until a time. Any other document is refused as malformed, so that nothing is allowed by accident.
 */
import { isObject } from '../shared/reading.ts'

export interface Statement {
  actions: string[]
  resource: string
  /** For listing: what `prefix` must begin with. */
  prefix: string | null
  until: number | null
}
export type Policy = Statement[]

const objectActions = new Set([
  's3:GetObject',
  's3:PutObject',
  's3:DeleteObject',
  's3:AbortMultipartUpload',
  's3:ListMultipartUploadParts',
])
const bucketActions = new Set(['s3:ListBucket', 's3:ListBucketMultipartUploads'])
/** Of all inline policies of a user together. */
export const maxPolicyLength = 2_048
/** White space does not count. */
export const policyLength = (text: string) => text.replace(/\s/g, '').length

/** Null for a document that this account does not take. */
export function parsePolicy(text: string): Policy | null {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return null
  }
  if (!isObject(document)) return null
  const { Version: version, Statement: statements } = document
  if (version !== '2012-10-17' || !Array.isArray(statements) || statements.length === 0) return null
  const parsed = statements.map(parseStatement)
  return parsed.every((one) => one !== null) ? parsed : null
}

function parseStatement(value: unknown): Statement | null {
  if (!isObject(value) || value['Effect'] !== 'Allow') return null
  const { Action: actions, Resource: resource } = value
  const condition = value['Condition'] ?? {}
  const known = Object.keys(value).every((name) =>
    ['Effect', 'Action', 'Resource', 'Condition'].includes(name),
  )
  if (!known || !Array.isArray(actions) || typeof resource !== 'string' || !isObject(condition))
    return null
  const { DateLessThan: date, StringLike: like, ...others } = condition
  if (Object.keys(others).length > 0) return null
  const until = date === undefined ? null : oneText(date, 'aws:CurrentTime')
  const prefix = like === undefined ? null : oneText(like, 's3:prefix')
  if (until === undefined || prefix === undefined) return null
  const at = until === null ? null : Date.parse(until)
  if (at !== null && Number.isNaN(at)) return null
  const onObjects = /^arn:aws:s3:::[^/*]+\/[^*]+\/\*$/.test(resource)
  const onBucket = /^arn:aws:s3:::[^/*]+$/.test(resource)
  const allowed = onObjects ? objectActions : onBucket ? bucketActions : new Set<string>()
  if (!actions.every((action) => allowed.has(String(action)))) return null
  // Listing without a prefix would show everybody's objects.
  if (onBucket !== (prefix !== null) || (prefix !== null && !/^[^*]+\/\*$/.test(prefix)))
    return null
  return { actions: actions.map(String), resource, prefix, until: at }
}

function oneText(value: unknown, name: string): string | undefined {
  if (!isObject(value) || Object.keys(value).length !== 1) return undefined
  const text = value[name]
  return typeof text === 'string' ? text : undefined
}

/** Whether a policy allows an action; `prefix` is that of a list. */
export function allows(
  policy: Policy,
  action: string,
  resource: string,
  prefix: string | null,
  now: number,
): boolean {
  return policy.some(
    (one) =>
      one.actions.includes(action) &&
      (one.until === null || now < one.until) &&
      (one.prefix === null
        ? resource.startsWith(one.resource.slice(0, -1))
        : resource === one.resource && (prefix ?? '').startsWith(one.prefix.slice(0, -1))),
  )
}

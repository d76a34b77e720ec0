/** What a member's key may do: everything to the objects in its folder, until it ends. Pure. */
import { z } from 'zod'

export type KeyPolicy = { bucket: string; prefix: string; expiresAt: Date | null }

/** `prefix` is without its last slash. Allow statements only, which every server understands. */
export function policyFor({ bucket, prefix, expiresAt }: KeyPolicy): string {
  const until =
    expiresAt === null ? {} : { DateLessThan: { 'aws:CurrentTime': expiresAt.toISOString() } }
  const arn = `arn:aws:s3:::${bucket}`
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: [
          's3:GetObject',
          's3:PutObject',
          's3:DeleteObject',
          's3:AbortMultipartUpload',
          's3:ListMultipartUploadParts',
        ],
        Resource: `${arn}/${prefix}/*`,
        Condition: until,
      },
      {
        Effect: 'Allow',
        Action: ['s3:ListBucket', 's3:ListBucketMultipartUploads'],
        Resource: arn,
        Condition: { ...until, StringLike: { 's3:prefix': `${prefix}/*` } },
      },
    ],
  })
}

const statementSchema = z.object({
  Resource: z.string(),
  Condition: z
    .object({ DateLessThan: z.object({ 'aws:CurrentTime': z.string() }).optional() })
    .optional(),
})
const policySchema = z.object({ Statement: z.array(statementSchema).min(1) })

/** Bucket, prefix and end of a policy of ours; null for any other. `prefix` ends in a slash. */
export function readPolicy(text: string): KeyPolicy | null {
  const parsed = policySchema.safeParse(jsonOf(text))
  const [statement] = parsed.data?.Statement ?? []
  const found = /^arn:aws:s3:::([^/]+)\/(.+\/)\*$/.exec(statement?.Resource ?? '')
  if (!found) return null
  const until = statement?.Condition?.DateLessThan?.['aws:CurrentTime']
  return {
    bucket: found[1] ?? '',
    prefix: found[2] ?? '',
    expiresAt: until === undefined ? null : new Date(until),
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** AWS Signature Version 4, verified: the request as it was signed, by the rules of its documentation. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { AwsError } from './xml.ts'

export type Signed = {
  accessKeyId: string
  service: string
  region: string
  /** What the first chunk of a signed stream follows. */
  seed: { key: Buffer; scope: string; date: string; signature: string }
}
export type SignatureProblem =
  | 'MissingAuthenticationToken'
  | 'ExpiredPresign'
  | 'EarlyPresign'
  | 'AuthorizationQueryParametersError'
  | 'InvalidURI'
  | 'XAmzContentSHA256Mismatch'
  | 'IncompleteSignature'
  | 'SignatureDoesNotMatch'
  | 'RequestTimeTooSkewed'

const header = new RegExp(
  '^AWS4-HMAC-SHA256 Credential=([^/,]+)/(\\d{8})/([^/,]+)/([^/,]+)/aws4_request, ?' +
    'SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$',
)
const skewMs = 15 * 60_000

/** Who has signed; or the code of the refusal. `secretOf` gives null for an unknown key. */
export function verifySignature(
  request: IncomingMessage,
  body: Buffer,
  secretOf: (accessKeyId: string) => string | null,
): Signed | SignatureProblem | 'InvalidAccessKeyId' {
  const [path, query] = halves(request.url ?? '/', '?')
  const presigned = readPresigned(query)
  const { authorization } = request.headers
  if (authorization === undefined && !presigned) return 'MissingAuthenticationToken'
  const found = presigned ? header.exec(presigned.authorization) : header.exec(authorization ?? '')
  const date = presigned ? presigned.date : textOf(request.headers['x-amz-date'])
  if (!found || !/^\d{8}T\d{6}Z$/.test(date)) return 'IncompleteSignature'
  const [, accessKeyId = '', day = '', region = '', service = '', names = '', signature = ''] =
    found
  if (!date.startsWith(day)) return 'SignatureDoesNotMatch'
  if (presigned?.seconds === null) return 'AuthorizationQueryParametersError'
  if (presigned && Date.now() < timeOf(date) - skewMs) return 'EarlyPresign'
  if (!isEncoded(query)) return 'InvalidURI'
  if (presigned && Date.now() > timeOf(date) + presigned.seconds * 1_000) return 'ExpiredPresign'
  // The clock of the machine, however the account's own was moved.
  if (!presigned && Math.abs(timeOf(date) - Date.now()) > skewMs) return 'RequestTimeTooSkewed'
  const secret = secretOf(accessKeyId)
  if (secret === null) return 'InvalidAccessKeyId'
  const bodyHash = sha256(body)
  const claimed = presigned
    ? 'UNSIGNED-PAYLOAD'
    : textOf(request.headers['x-amz-content-sha256']) || bodyHash
  const signed = names.split(';')
  if (!signed.includes('host') || (!presigned && !signed.includes('x-amz-date')))
    return 'SignatureDoesNotMatch'
  const canonical = [
    request.method,
    path,
    canonicalQuery(presigned ? presigned.rest : query),
    ...signed.map((name) => `${name}:${textOf(request.headers[name]).trim().replace(/ +/g, ' ')}`),
    '',
    names,
    claimed,
  ].join('\n')
  const scope = `${day}/${region}/${service}/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n')
  const key = [day, region, service, 'aws4_request'].reduce<Buffer>(
    (last, part) => createHmac('sha256', last).update(part).digest(),
    Buffer.from(`AWS4${secret}`),
  )
  const expected = createHmac('sha256', key).update(toSign).digest()
  if (!timingSafeEqual(expected, Buffer.from(signature, 'hex'))) return 'SignatureDoesNotMatch'
  const isHashed = claimed !== 'UNSIGNED-PAYLOAD' && !claimed.startsWith('STREAMING-')
  if (isHashed && claimed !== bodyHash) return 'XAmzContentSHA256Mismatch'
  return { accessKeyId, service, region, seed: { key, scope, date, signature } }
}

/** An address that carries its signature: at most a week. Null for any other. */
function readPresigned(
  query: string,
): { authorization: string; date: string; seconds: number | null; rest: string } | null {
  const all = new URLSearchParams(query.replaceAll('+', '%2B'))
  const signature = all.get('X-Amz-Signature')
  if (signature === null) return null
  const seconds = Number(all.get('X-Amz-Expires'))
  return {
    authorization:
      `${all.get('X-Amz-Algorithm') ?? ''} Credential=${all.get('X-Amz-Credential') ?? ''}, ` +
      `SignedHeaders=${all.get('X-Amz-SignedHeaders') ?? ''}, Signature=${signature}`,
    date: all.get('X-Amz-Date') ?? '',
    seconds: seconds >= 1 && seconds <= 604_800 ? seconds : null,
    rest: query
      .split('&')
      .filter((pair) => !pair.startsWith('X-Amz-Signature='))
      .join('&'),
  }
}

function halves(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function canonicalQuery(query: string): string {
  if (query === '') return ''
  return query
    .split('&')
    .map((pair) => {
      const [name, value] = halves(pair, '=')
      return [encoded(name), encoded(value)] as const
    })
    .sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1))
    .map((pair) => pair.join('='))
    .join('&')
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

const encoded = (text: string) =>
  encodeURIComponent(decodeURIComponent(text)).replace(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  )

const textOf = (value: string | string[] | undefined) =>
  Array.isArray(value) ? value.join(',') : (value ?? '')
const sha256 = (value: Buffer | string) => createHash('sha256').update(value).digest('hex')
const timeOf = (date: string) =>
  Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))

export type Dialect = 'iam' | 's3' | 'cloudwatch'

/** IAM and S3 name an unknown key differently, and not every refusal is a 403. */
export function signatureError(problem: string, dialect: Dialect): AwsError {
  if (problem === 'EarlyPresign')
    return new AwsError(403, 'AccessDenied', 'Request is not yet valid')
  // IAM knows the old clock by another code than S3.
  if (problem === 'RequestTimeTooSkewed' && dialect !== 's3')
    return new AwsError(400, 'RequestExpired', 'The request has expired.')
  if (problem === 'ExpiredPresign') return new AwsError(403, 'AccessDenied', 'Request has expired')
  const code =
    problem === 'InvalidAccessKeyId' && dialect !== 's3'
      ? 'InvalidClientTokenId'
      : problem === 'MissingAuthenticationToken' && dialect === 's3'
        ? 'AccessDenied'
        : problem
  const status = badRequests.has(code) ? 400 : 403
  return new AwsError(status, code, 'The request could not be authenticated.')
}

const badRequests = new Set([
  'XAmzContentSHA256Mismatch',
  'IncompleteSignature',
  'AuthorizationQueryParametersError',
  'InvalidURI',
])

const servicesOf: Record<Dialect, string[]> = {
  iam: ['iam', 'sts'],
  s3: ['s3'],
  cloudwatch: ['monitoring'],
}
const region = 'us-east-1'

/** A key signs for one service in one region: the bucket's, and that of IAM. */
export function requireScope(signed: Signed, dialect: Dialect): void {
  if (signed.region === region && servicesOf[dialect].includes(signed.service)) return
  const message = `Credential should be scoped to ${region} and to this service.`
  throw dialect === 's3'
    ? new AwsError(400, 'AuthorizationHeaderMalformed', message, { more: { Region: region } })
    : new AwsError(403, 'SignatureDoesNotMatch', message)
}

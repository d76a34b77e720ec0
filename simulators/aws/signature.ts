/** AWS Signature Version 4, verified: the request as it was signed, by the rules of its documentation. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

export type Signed = { accessKeyId: string; service: string }
export type SignatureProblem =
  | 'MissingAuthenticationToken'
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
  const { authorization } = request.headers
  if (authorization === undefined) return 'MissingAuthenticationToken'
  const found = header.exec(authorization)
  const date = textOf(request.headers['x-amz-date'])
  if (!found || !/^\d{8}T\d{6}Z$/.test(date)) return 'IncompleteSignature'
  const [, accessKeyId = '', day = '', region = '', service = '', names = '', signature = ''] =
    found
  // The clock of the machine, however the account's own was moved.
  if (Math.abs(timeOf(date) - Date.now()) > skewMs) return 'RequestTimeTooSkewed'
  const secret = secretOf(accessKeyId)
  if (secret === null) return 'InvalidAccessKeyId'
  const bodyHash = sha256(body)
  const claimed = textOf(request.headers['x-amz-content-sha256']) || bodyHash
  if (claimed !== bodyHash && claimed !== 'UNSIGNED-PAYLOAD') return 'SignatureDoesNotMatch'
  const signed = names.split(';')
  if (!signed.includes('host') || !signed.includes('x-amz-date')) return 'SignatureDoesNotMatch'
  const [path = '/', query = ''] = (request.url ?? '/').split('?', 2)
  const canonical = [
    request.method,
    path,
    canonicalQuery(query),
    ...signed.map((name) => `${name}:${textOf(request.headers[name]).trim().replace(/ +/g, ' ')}`),
    '',
    names,
    claimed,
  ].join('\n')
  const scope = `${day}/${region}/${service}/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n')
  const key = [day, region, service, 'aws4_request'].reduce<Buffer | string>(
    (last, part) => createHmac('sha256', last).update(part).digest(),
    `AWS4${secret}`,
  )
  const expected = createHmac('sha256', key).update(toSign).digest()
  return timingSafeEqual(expected, Buffer.from(signature, 'hex'))
    ? { accessKeyId, service }
    : 'SignatureDoesNotMatch'
}

function canonicalQuery(query: string): string {
  if (query === '') return ''
  return query
    .split('&')
    .map((pair) => {
      const [name = '', value = ''] = pair.split('=', 2)
      return `${encoded(name)}=${encoded(value)}`
    })
    .sort()
    .join('&')
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

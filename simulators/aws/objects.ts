/** One object: written, copied, read in whole or by a range, under conditions, and deleted. */
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { S3Call } from './s3.ts'
import type { StoredObject } from './store.ts'
import { AwsError, element, type Xml, type XmlReply } from './xml.ts'

const maxDeletes = 1_000
const maxKeyBytes = 1_024

export const etagOf = (object: StoredObject) =>
  object.etag ?? createHash('md5').update(object.key).digest('hex')

export const md5Of = (body: Buffer) => createHash('md5').update(body).digest('hex')

/** Headers that are kept with an object and come back with it. */
const kept = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
]

export const typeOf = (headers: IncomingHttpHeaders) =>
  headers['content-type'] ?? 'binary/octet-stream'

export function metaOf(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => {
      if (!name.startsWith('x-amz-meta-') && !kept.includes(name)) return []
      // How the body came is no part of what it is.
      const text = String(value).replace(/^aws-chunked(, *)?/, '')
      return text === '' ? [] : [[name, text]]
    }),
  )
}

/** `own` is what an upload in parts, or a copy, brings with it. */
export async function put(
  { store, now, headers }: S3Call,
  key: string,
  body: Buffer,
  own: Pick<StoredObject, 'etag' | 'type' | 'meta'> = {},
): Promise<XmlReply> {
  const etag = own.etag ?? md5Of(body)
  if (Buffer.byteLength(key) > maxKeyBytes)
    throw new AwsError(400, 'KeyTooLongError', 'Your key is too long')
  const known = store.objects.get(key)
  if (headers['if-none-match'] === '*' && known) throw precondition()
  const match = headers['if-match']
  if (match !== undefined && !known) throw noSuchKey(key)
  if (match !== undefined && known && bare(match) !== etagOf(known)) throw precondition()
  const object: StoredObject = {
    key,
    size: body.length,
    content: body.toString('base64'),
    at: now,
    etag,
    type: own.type ?? typeOf(headers),
    meta: own.meta ?? metaOf(headers),
  }
  await store.record({ type: 'object', object })
  return { status: 200, body: '', headers: { etag: `"${etag}"` } }
}

/**
 * One that is not there is denied to who may not list it, as if its name were the prefix of a list: so
 * who may not look learns nothing.
 */
export function existing({ store, may }: S3Call, key: string): StoredObject {
  const object = store.objects.get(key)
  if (object) return object
  if (!may('s3:ListBucket', null, key)) throw new AwsError(403, 'AccessDenied', 'Access Denied')
  throw noSuchKey(key)
}

export function get(call: S3Call, key: string): XmlReply {
  const { headers, method, query } = call
  const object = existing(call, key)
  const etag = etagOf(object)
  const own = {
    etag: `"${etag}"`,
    'last-modified': new Date(object.at).toUTCString(),
    'accept-ranges': 'bytes',
    ...object.meta,
    ...overridden(query),
  }
  const refused = conditionOf(headers, etag, object.at)
  if (refused === 412) throw precondition()
  if (refused === 304) return { status: 304, body: '', headers: own }
  const type = query.get('response-content-type') ?? object.type ?? 'binary/octet-stream'
  if (object.content === null && method === 'HEAD')
    return {
      status: 200,
      body: '',
      type,
      headers: { ...own, 'content-length': String(object.size) },
    }
  if (object.content === null)
    throw new AwsError(403, 'InvalidObjectState', 'The object has a size only.')
  const whole = Buffer.from(object.content, 'base64')
  const range = rangeOf(headers.range, whole.length)
  if (!range) return { status: 200, body: whole, type, headers: own }
  const [from, to] = range
  return {
    status: 206,
    body: whole.subarray(from, to + 1),
    type,
    headers: { ...own, 'content-range': `bytes ${from}-${to}/${whole.length}` },
  }
}

/** What an address may ask the answer to say, as a link for a browser does. */
function overridden(query: URLSearchParams): Record<string, string> {
  return Object.fromEntries(
    kept.flatMap((name) => {
      const value = query.get(`response-${name}`)
      return value === null ? [] : [[name, value]]
    }),
  )
}

function conditionOf(headers: IncomingHttpHeaders, etag: string, at: number): 304 | 412 | null {
  const second = Math.floor(at / 1_000) * 1_000
  const match = headers['if-match']
  const unmodified = headers['if-unmodified-since']
  const none = headers['if-none-match']
  const modified = headers['if-modified-since']
  if (match !== undefined && match !== '*' && bare(match) !== etag) return 412
  if (match === undefined && unmodified !== undefined && second > Date.parse(unmodified)) return 412
  if (none !== undefined) return none === '*' || bare(none) === etag ? 304 : null
  return modified !== undefined && second <= Date.parse(modified) ? 304 : null
}

/** Null for none, or for one that is not understood, which S3 ignores. */
function rangeOf(range: string | undefined, size: number): [number, number] | null {
  const found = /^bytes=(\d*)-(\d*)$/.exec(range ?? '')
  const [, first = '', last = ''] = found ?? []
  if (!found || (first === '' && last === '')) return null
  const from = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const to = first === '' || last === '' ? size - 1 : Math.min(size - 1, Number(last))
  if (from >= size || (first === '' && Number(last) === 0))
    throw new AwsError(416, 'InvalidRange', 'The requested range is not satisfiable')
  return to < from ? null : [from, to]
}

export async function remove({ store }: S3Call, key: string): Promise<XmlReply> {
  await store.record({ type: 'object-gone', key })
  return { status: 204, body: '' }
}

/** DeleteObjects: each key by the right to it; a digest of the list is required. */
export async function removeMany(
  { store, headers, body }: S3Call,
  mayDelete: (key: string) => boolean,
): Promise<XmlReply> {
  const digests = Object.keys(headers).filter((name) => name.startsWith('x-amz-checksum-'))
  if (!headers['content-md5'] && digests.length === 0)
    throw new AwsError(
      400,
      'InvalidRequest',
      'Missing required header for this request: Content-MD5',
    )
  const text = body.toString('utf8')
  const keys = [...text.matchAll(/<Object>\s*<Key>([^<]*)<\/Key>/g)].map(([, key = '']) =>
    plain(key),
  )
  if (keys.length === 0 || keys.length > maxDeletes)
    throw new AwsError(400, 'MalformedXML', 'The XML you provided was not well-formed.')
  const quiet = /<Quiet>true<\/Quiet>/.test(text)
  const deleted: Xml[] = []
  const errors: Xml[] = []
  for (const Key of keys) {
    if (!mayDelete(Key)) errors.push({ Key, Code: 'AccessDenied', Message: 'Access Denied' })
    else {
      await store.record({ type: 'object-gone', key: Key })
      if (!quiet) deleted.push({ Key })
    }
  }
  return { status: 200, body: element('DeleteResult', { Deleted: deleted, Error: errors }) }
}

export const bare = (etag: string) => etag.replace(/^"|"$/g, '')
const plain = (text: string) =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replace(/&#(x?)([0-9a-f]+);/gi, (_, hex: string, code: string) =>
      String.fromCodePoint(Number.parseInt(code, hex ? 16 : 10)),
    )
    .replaceAll('&amp;', '&')
const precondition = () =>
  new AwsError(412, 'PreconditionFailed', 'At least one of the preconditions did not hold')
const noSuchKey = (Key: string) =>
  new AwsError(404, 'NoSuchKey', 'The specified key does not exist.', { more: { Key } })

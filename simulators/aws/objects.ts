/** One object: written, read in whole or by a range, under conditions, and deleted, alone or in a list. */
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { S3Call } from './s3.ts'
import type { Store, StoredObject } from './store.ts'
import { AwsError, element, type Xml, type XmlReply } from './xml.ts'

const maxDeletes = 1_000
const maxKeyBytes = 1_024

const etagOf = (object: StoredObject) =>
  object.etag ?? createHash('md5').update(object.key).digest('hex')

/** `etag` is that of an upload in parts. */
export async function put(
  { store, now, headers }: S3Call,
  key: string,
  body: Buffer,
  etag = createHash('md5').update(body).digest('hex'),
): Promise<XmlReply> {
  if (Buffer.byteLength(key) > maxKeyBytes)
    throw new AwsError(400, 'KeyTooLongError', 'Your key is too long')
  const known = store.objects.get(key)
  if (headers['if-none-match'] === '*' && known) throw precondition()
  const match = headers['if-match']
  if (match !== undefined && !known) throw noSuchKey()
  if (match !== undefined && known && bare(match) !== etagOf(known)) throw precondition()
  const object: StoredObject = {
    key,
    size: body.length,
    content: body.toString('base64'),
    at: now,
    etag,
    type: headers['content-type'] ?? 'binary/octet-stream',
    meta: Object.fromEntries(
      Object.entries(headers).flatMap(([name, value]) =>
        name.startsWith('x-amz-meta-') ? [[name, String(value)]] : [],
      ),
    ),
  }
  await store.record({ type: 'object', object })
  return { status: 200, body: '', headers: { etag: `"${etag}"` } }
}

export function get({ store, headers }: S3Call, key: string): XmlReply {
  const object = store.objects.get(key)
  if (object?.content == null) throw noSuchKey()
  const etag = etagOf(object)
  const own = {
    etag: `"${etag}"`,
    'last-modified': new Date(object.at).toUTCString(),
    'accept-ranges': 'bytes',
    ...object.meta,
  }
  const refused = conditionOf(headers, etag, object.at)
  if (refused === 412) throw precondition()
  if (refused === 304) return { status: 304, body: '', headers: own }
  const whole = Buffer.from(object.content, 'base64')
  const type = object.type ?? 'binary/octet-stream'
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

/**
 * ListObjectsV2: a page counts objects and folders together, and goes on after the last of them.
 */
export function listObjects(store: Store, query: URLSearchParams): Xml {
  if (query.get('list-type') !== '2')
    throw new AwsError(501, 'NotImplemented', 'This stand-in lists by ListObjectsV2 only.')
  const prefix = query.get('prefix') ?? ''
  const delimiter = query.get('delimiter') ?? ''
  const asked = query.get('max-keys') ?? '1000'
  if (!/^\d{1,9}$/.test(asked))
    throw new AwsError(400, 'InvalidArgument', 'Provided max-keys not an integer or within range')
  const size = Math.min(1_000, Number(asked))
  const token = query.get('continuation-token')
  const after = token === null ? (query.get('start-after') ?? '') : tokenText(token)
  const names = new Map<string, StoredObject | null>()
  const sorted = [...store.objects.values()].sort((a, b) => compareBytes(a.key, b.key))
  for (const object of sorted) {
    if (!object.key.startsWith(prefix)) continue
    const end = delimiter === '' ? -1 : object.key.indexOf(delimiter, prefix.length)
    const name = end < 0 ? object.key : object.key.slice(0, end + delimiter.length)
    if (compareBytes(name, after) > 0) names.set(name, end < 0 ? object : null)
  }
  const page = [...names].slice(0, size)
  const isTruncated = size > 0 && names.size > page.length
  const shown = query.get('encoding-type') === 'url' ? encodeKey : (text: string) => text
  return {
    Name: store.bucket,
    Prefix: shown(prefix),
    ...(delimiter ? { Delimiter: shown(delimiter) } : {}),
    ...(query.get('encoding-type') === 'url' ? { EncodingType: 'url' } : {}),
    ...(token === null ? {} : { ContinuationToken: token }),
    KeyCount: page.length,
    MaxKeys: size,
    IsTruncated: isTruncated,
    ...(isTruncated
      ? { NextContinuationToken: Buffer.from(page.at(-1)?.[0] ?? '').toString('base64url') }
      : {}),
    Contents: page.flatMap(([key, object]) =>
      object === null
        ? []
        : [
            {
              Key: shown(key),
              LastModified: new Date(object.at).toISOString(),
              ETag: `"${etagOf(object)}"`,
              Size: object.size,
              StorageClass: 'STANDARD',
            },
          ],
    ),
    CommonPrefixes: page.flatMap(([name, object]) =>
      object === null ? [{ Prefix: shown(name) }] : [],
    ),
  }
}

function tokenText(token: string): string {
  if (!/^[\w-]+$/.test(token))
    throw new AwsError(400, 'InvalidArgument', 'The continuation token provided is incorrect')
  return Buffer.from(token, 'base64url').toString('utf8')
}

/** In the order of S3: by the bytes of UTF-8. */
const compareBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))

const encodeKey = (text: string) =>
  encodeURIComponent(text).replaceAll('%2F', '/').replaceAll('%20', '+')
const bare = (etag: string) => etag.replace(/^"|"$/g, '')
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
const noSuchKey = () => new AwsError(404, 'NoSuchKey', 'The specified key does not exist.')

/**
 * ListObjectsV2 and its older form: a page counts objects and folders together, and goes on after the
 * last of them.
 */
import { etagOf } from './objects.ts'
import type { Store, StoredObject } from './store.ts'
import { AwsError, type Xml } from './xml.ts'

export function listObjects(store: Store, query: URLSearchParams): Xml {
  const isSecond = query.get('list-type') === '2'
  if (query.has('list-type') && !isSecond) throw invalid('Invalid List Type')
  const encoding = query.get('encoding-type')
  if (encoding !== null && encoding !== 'url') throw invalid('Invalid Encoding Method')
  const prefix = query.get('prefix') ?? ''
  const delimiter = query.get('delimiter') ?? ''
  const asked = query.get('max-keys') ?? '1000'
  if (!/^\d{1,9}$/.test(asked)) throw invalid('Provided max-keys not an integer or within range')
  const size = Math.min(1_000, Number(asked))
  const token = isSecond ? query.get('continuation-token') : null
  const marker = query.get(isSecond ? 'start-after' : 'marker') ?? ''
  const names = namesUnder(store, {
    prefix,
    delimiter,
    // A page goes on after a whole folder; a marker of the caller may stand within one.
    afterName: token === null ? (isSecond ? '' : marker) : tokenText(token),
    afterKey: token === null ? marker : '',
  })
  const page = [...names].slice(0, size)
  const isTruncated = size > 0 && names.size > page.length
  const last = page.at(-1)?.[0] ?? ''
  const shown = encoding === 'url' ? encodeKey : (text: string) => text
  return {
    Name: store.bucket,
    Prefix: shown(prefix),
    ...(delimiter ? { Delimiter: shown(delimiter) } : {}),
    ...(encoding === 'url' ? { EncodingType: 'url' } : {}),
    ...(isSecond ? secondHead(query, page.length, shown) : { Marker: shown(marker) }),
    MaxKeys: size,
    IsTruncated: isTruncated,
    ...(!isTruncated
      ? {}
      : isSecond
        ? { NextContinuationToken: Buffer.from(last).toString('base64url') }
        : delimiter
          ? { NextMarker: shown(last) }
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
              ...(!isSecond || query.get('fetch-owner') === 'true' ? { Owner: owner } : {}),
              StorageClass: 'STANDARD',
            },
          ],
    ),
    CommonPrefixes: page.flatMap(([name, object]) =>
      object === null ? [{ Prefix: shown(name) }] : [],
    ),
  }
}

export const owner = { ID: 'a'.repeat(64) }

function secondHead(query: URLSearchParams, count: number, shown: (text: string) => string) {
  const [token, after] = [query.get('continuation-token'), query.get('start-after')]
  return {
    ...(token === null ? {} : { ContinuationToken: token }),
    ...(after === null ? {} : { StartAfter: shown(after) }),
    KeyCount: count,
  }
}

function namesUnder(
  store: Store,
  sought: { prefix: string; delimiter: string; afterName: string; afterKey: string },
): Map<string, StoredObject | null> {
  const { prefix, delimiter, afterName, afterKey } = sought
  const names = new Map<string, StoredObject | null>()
  const sorted = [...store.objects.values()].sort((a, b) => compareBytes(a.key, b.key))
  for (const object of sorted) {
    if (!object.key.startsWith(prefix) || compareBytes(object.key, afterKey) <= 0) continue
    const end = delimiter === '' ? -1 : object.key.indexOf(delimiter, prefix.length)
    const name = end < 0 ? object.key : object.key.slice(0, end + delimiter.length)
    if (afterName === '' || compareBytes(name, afterName) > 0)
      names.set(name, end < 0 ? object : null)
  }
  return names
}

const invalid = (message: string) => new AwsError(400, 'InvalidArgument', message)

function tokenText(token: string): string {
  if (!/^[\w-]+$/.test(token)) throw invalid('The continuation token provided is incorrect')
  return Buffer.from(token, 'base64url').toString('utf8')
}

/** In the order of S3: by the bytes of UTF-8. */
export const compareBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))

const encodeKey = (text: string) =>
  encodeURIComponent(text)
    .replaceAll('%2F', '/')
    .replaceAll('%20', '+')
    .replace(/[!'()]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)

/** S3 with addresses by path or by host: objects, lists by pages, and uploads in parts. One bucket. */
import { createHash, randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { copiedPart, copy, isCopy } from './copies.ts'
import { compareBytes, listObjects, owner } from './lists.ts'
import { get, md5Of, metaOf, put, remove, removeMany, typeOf } from './objects.ts'
import { type Store, type Upload } from './store.ts'
import { AwsError, xml, type XmlReply } from './xml.ts'

export type S3Call = {
  store: Store
  now: number
  method: string
  /** The decoded key; null for the bucket itself. */
  key: string | null
  query: URLSearchParams
  headers: IncomingHttpHeaders
  body: Buffer
  /** Whether whoever asks may do this to that object. */
  may: (action: string, key: string | null, prefix?: string) => boolean
}

type Addressed = { url?: string; headers: IncomingHttpHeaders }

/** The bucket that stands in front of the address of S3; null where the path names it. */
export function hostBucket({ headers }: Addressed): string | null {
  const host = (headers.host ?? '').replace(/:\d+$/, '')
  const [, bucket = '', rest] =
    /^(.+?)\.((?:s3|localhost|\w+\.localhost)(?:\..+)?)$/.exec(host) ?? []
  return rest === undefined || bucket === 's3' ? null : bucket
}

/** As it was sent: two slashes and dots are part of a key. */
export function placeOf(request: Addressed): { bucket: string; key: string | null } {
  const path = ((request.url ?? '/').split('?', 1)[0] ?? '/').replace(/^\//, '')
  const host = hostBucket(request)
  const [bucket = '', ...rest] = path.split('/')
  try {
    const key = decodeURIComponent(host === null ? rest.join('/') : path)
    return { bucket: host ?? decodeURIComponent(bucket), key: key === '' ? null : key }
  } catch {
    throw new AwsError(400, 'InvalidURI', "Couldn't parse the specified URI.")
  }
}

/** What a call asks for, as a policy names it. */
export function actionOf({ method, key, query }: S3Call): string {
  if (key === null && query.has('metrics')) return 's3:PutMetricsConfiguration'
  if (key === null && query.has('location')) return 's3:GetBucketLocation'
  if (key === null && query.has('versioning')) return 's3:GetBucketVersioning'
  if (subresources.some((name) => query.has(name))) return 's3:GetObjectAcl'
  if (key === null && method !== 'GET' && method !== 'HEAD') return 's3:DeleteBucket'
  if (key === null) return query.has('uploads') ? 's3:ListBucketMultipartUploads' : 's3:ListBucket'
  switch (method) {
    case 'PUT':
    case 'POST':
      return 's3:PutObject'
    case 'DELETE':
      return query.has('uploadId') ? 's3:AbortMultipartUpload' : 's3:DeleteObject'
    default:
      return query.has('uploadId') ? 's3:ListMultipartUploadParts' : 's3:GetObject'
  }
}

export function answerS3(call: S3Call): Promise<XmlReply> | XmlReply {
  const { method, key, query, store } = call
  const asked = subresources.find((name) => query.has(name))
  if (key === null && method === 'GET' && asked === 'location') return xml('LocationConstraint', {})
  if (key === null && method === 'GET' && asked === 'versioning')
    return xml(
      'VersioningConfiguration',
      store.versioning === null ? {} : { Status: store.versioning },
    )
  // What a subresource says is no object, and never overwrites one.
  if (asked !== undefined) throw notImplemented()
  if (key === null) {
    if (method === 'POST' && query.has('delete'))
      return removeMany(call, (one) => call.may('s3:DeleteObject', one))
    if (method === 'HEAD')
      return { status: 200, body: '', headers: { 'x-amz-bucket-region': region } }
    if (method === 'DELETE') throw bucketNotEmpty(store)
    if (method !== 'GET') throw notImplemented()
    return query.has('uploads')
      ? listUploads(call)
      : xml('ListBucketResult', listObjects(store, query))
  }
  if (query.has('uploads') || query.has('uploadId')) return answerUpload(call, key)
  switch (method) {
    case 'PUT':
      return isCopy(call) ? copy(call, key) : put(call, key, call.body)
    case 'GET':
    case 'HEAD':
      return get(call, key)
    case 'DELETE':
      return remove(call, key)
    default:
      throw notImplemented()
  }
}

function listUploads({ store, query }: S3Call): XmlReply {
  const prefix = query.get('prefix') ?? ''
  const size = numberIn(query, 'max-uploads', 1_000)
  const after = [query.get('key-marker') ?? '', query.get('upload-id-marker') ?? '']
  const all = [...store.uploads.values()]
    .filter(({ key }) => key.startsWith(prefix))
    .filter(({ key, id }) => isAfter([key, id], after))
    .sort((a, b) => (isAfter([a.key, a.id], [b.key, b.id]) ? 1 : -1))
  const page = all.slice(0, size)
  const last = page.at(-1)
  const isTruncated = all.length > page.length
  return xml('ListMultipartUploadsResult', {
    Bucket: store.bucket,
    Prefix: prefix,
    MaxUploads: size,
    IsTruncated: isTruncated,
    ...(isTruncated && last ? { NextKeyMarker: last.key, NextUploadIdMarker: last.id } : {}),
    Upload: page.map(({ id, key, at }) => ({
      Key: key,
      UploadId: id,
      Initiator: owner,
      Owner: owner,
      StorageClass: 'STANDARD',
      Initiated: new Date(at ?? 0).toISOString(),
    })),
  })
}

function listParts(upload: Upload, query: URLSearchParams): XmlReply {
  const size = numberIn(query, 'max-parts', 1_000)
  const after = numberIn(query, 'part-number-marker', 0, 10_000)
  const all = Object.entries(upload.parts)
    .map(([number, part]) => ({
      PartNumber: Number(number),
      LastModified: new Date(part.at ?? 0).toISOString(),
      ETag: `"${part.etag ?? ''}"`,
      Size: part.size,
    }))
    .filter(({ PartNumber }) => PartNumber > after)
    .sort((a, b) => a.PartNumber - b.PartNumber)
  const page = all.slice(0, size)
  const isTruncated = all.length > page.length
  return xml('ListPartsResult', {
    Key: upload.key,
    UploadId: upload.id,
    PartNumberMarker: after,
    MaxParts: size,
    Initiator: owner,
    Owner: owner,
    StorageClass: 'STANDARD',
    IsTruncated: isTruncated,
    ...(isTruncated ? { NextPartNumberMarker: page.at(-1)?.PartNumber ?? 0 } : {}),
    Part: page,
  })
}

/** By key, then by upload: without a marker for the upload, all of that key come before. */
function isAfter([key = '', id = '']: string[], [marker = '', upload = '']: string[]): boolean {
  if (key !== marker) return compareBytes(key, marker) > 0
  return upload !== '' && id > upload
}

/** At most a thousand in a page; anything but a number is refused. */
function numberIn(query: URLSearchParams, name: string, usual: number, max = 1_000): number {
  const text = query.get(name) ?? String(usual)
  if (!/^\d{1,9}$/.test(text))
    throw new AwsError(400, 'InvalidArgument', `Argument ${name} must be an integer`)
  return Math.min(max, Number(text))
}

async function answerUpload(call: S3Call, key: string): Promise<XmlReply> {
  const { store, method, query, body } = call
  if (method === 'POST' && query.has('uploads')) {
    const { now, headers } = call
    const own = { type: typeOf(headers), meta: metaOf(headers) }
    const upload: Upload = { id: randomUUID(), key, at: now, ...own, parts: {} }
    await store.record({ type: 'upload', upload })
    return xml('InitiateMultipartUploadResult', {
      Bucket: store.bucket,
      Key: key,
      UploadId: upload.id,
    })
  }
  const upload = store.uploads.get(query.get('uploadId') ?? '')
  if (upload?.key !== key)
    throw new AwsError(404, 'NoSuchUpload', 'The specified upload does not exist.')
  switch (method) {
    case 'PUT': {
      const number = Number(query.get('partNumber'))
      if (!Number.isInteger(number) || number < 1 || number > 10_000)
        throw new AwsError(400, 'InvalidArgument', 'Part number must be from 1 to 10000')
      const bytes = isCopy(call) ? copiedPart(call) : body
      const etag = md5Of(bytes)
      const part = { size: bytes.length, content: bytes.toString('base64'), etag, at: call.now }
      const parts = { ...upload.parts, [number]: part }
      await store.record({ type: 'upload', upload: { ...upload, parts } })
      if (!isCopy(call)) return { status: 200, body: '', headers: { etag: `"${etag}"` } }
      const LastModified = new Date(call.now).toISOString()
      return xml('CopyPartResult', { LastModified, ETag: `"${etag}"` })
    }
    case 'GET':
      return listParts(upload, query)
    case 'DELETE':
      await store.record({ type: 'upload-gone', id: upload.id })
      return { status: 204, body: '' }
    case 'POST':
      return complete(call, upload)
    default:
      throw notImplemented()
  }
}

/** The parts that the caller names, in its order; each as it was uploaded, all but the last of 5 MiB. */
async function complete(call: S3Call, upload: Upload): Promise<XmlReply> {
  const { store, body } = call
  const wanted = [...body.toString('utf8').matchAll(/<Part>(.*?)<\/Part>/gs)].map(
    ([, part = '']) => ({
      number: Number(/<PartNumber>(\d+)<\/PartNumber>/.exec(part)?.[1]),
      etag: /<ETag>(?:"|&quot;)?([0-9a-f]+)/.exec(part)?.[1],
    }),
  )
  if (wanted.length === 0)
    throw new AwsError(400, 'MalformedXML', 'The XML you provided was not well-formed.')
  if (wanted.some(({ number }, index) => index > 0 && number <= (wanted[index - 1]?.number ?? 0)))
    throw new AwsError(400, 'InvalidPartOrder', 'The list of parts was not in ascending order.')
  const parts = wanted.map(({ number, etag }) => {
    const part = upload.parts[number]
    if (!part || part.etag !== etag)
      throw new AwsError(
        400,
        'InvalidPart',
        'One or more of the specified parts could not be found.',
      )
    return part
  })
  if (parts.slice(0, -1).some(({ size }) => size < minPartBytes))
    throw new AwsError(400, 'EntityTooSmall', 'Your proposed upload is smaller than allowed.')
  const all = parts.map(({ etag }) => Buffer.from(etag ?? '', 'hex'))
  const etag = `${createHash('md5').update(Buffer.concat(all)).digest('hex')}-${parts.length}`
  const content = Buffer.concat(parts.map((part) => Buffer.from(part.content, 'base64')))
  const { type, meta } = upload
  await put(call, upload.key, content, { etag, type, meta })
  await store.record({ type: 'upload-gone', id: upload.id })
  return xml('CompleteMultipartUploadResult', {
    Location: `/${store.bucket}/${encodeURIComponent(upload.key)}`,
    Bucket: store.bucket,
    Key: upload.key,
    ETag: `"${etag}"`,
  })
}

const minPartBytes = 5 * 1024 * 1024
/** The region of the account's bucket. */
const region = 'us-east-1'

/** What else an address may ask for, of a bucket or an object. */
const subresources = [
  'accelerate',
  'acl',
  'analytics',
  'attributes',
  'cors',
  'encryption',
  'intelligent-tiering',
  'inventory',
  'legal-hold',
  'lifecycle',
  'location',
  'logging',
  'notification',
  'object-lock',
  'ownershipControls',
  'policy',
  'policyStatus',
  'publicAccessBlock',
  'replication',
  'requestPayment',
  'restore',
  'retention',
  'select',
  'tagging',
  'torrent',
  'versionId',
  'versioning',
  'versions',
  'website',
]

/** All that an account without a bucket's name in its address may ask. */
export function listBuckets(store: Store, method: string, isRoot: boolean): XmlReply {
  if (!isRoot) throw new AwsError(403, 'AccessDenied', 'Access Denied')
  if (method !== 'GET') throw new AwsError(405, 'MethodNotAllowed', 'Not for this resource.')
  const CreationDate = new Date(0).toISOString()
  return xml('ListAllMyBucketsResult', {
    Owner: owner,
    Buckets: { Bucket: [{ Name: store.bucket, CreationDate }] },
  })
}

const bucketNotEmpty = (store: Store) =>
  store.objects.size > 0
    ? new AwsError(409, 'BucketNotEmpty', 'The bucket you tried to delete is not empty')
    : notImplemented()

const notImplemented = () =>
  new AwsError(501, 'NotImplemented', 'This stand-in does not implement this call.')

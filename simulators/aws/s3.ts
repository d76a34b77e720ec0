/** S3 with addresses by path: objects, lists by pages, and uploads in parts. One bucket. */
import { createHash, randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { get, listObjects, put, remove, removeMany } from './objects.ts'
import { type Store, type Upload } from './store.ts'
import { AwsError, element, type XmlReply } from './xml.ts'

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
  may: (action: string, key: string) => boolean
}

/** As it was sent: two slashes and dots are part of a key. */
export function placeOf({ url = '/' }: { url?: string }): { bucket: string; key: string | null } {
  const [, bucket = '', ...rest] = (url.split('?', 1)[0] ?? '/').split('/')
  try {
    const key = decodeURIComponent(rest.join('/'))
    return { bucket: decodeURIComponent(bucket), key: key === '' ? null : key }
  } catch {
    throw new AwsError(400, 'InvalidURI', "Couldn't parse the specified URI.")
  }
}

/** What a call asks for, as a policy names it. */
export function actionOf({ method, key, query }: S3Call): string {
  if (key === null && query.has('metrics')) return 's3:PutMetricsConfiguration'
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
  if (key === null) {
    if (method === 'POST' && query.has('delete'))
      return removeMany(call, (one) => call.may('s3:DeleteObject', one))
    if (method === 'HEAD')
      return { status: 200, body: '', headers: { 'x-amz-bucket-region': region } }
    if (method !== 'GET') throw notImplemented()
    return query.has('uploads')
      ? listUploads(call)
      : xml('ListBucketResult', listObjects(store, query))
  }
  if (query.has('uploads') || query.has('uploadId')) return answerUpload(call, key)
  switch (method) {
    case 'PUT':
      return put(call, key, call.body)
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
  const size = Math.min(1_000, Number(query.get('max-uploads') ?? 1_000))
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
    IsTruncated: isTruncated,
    ...(isTruncated && last ? { NextKeyMarker: last.key, NextUploadIdMarker: last.id } : {}),
    Upload: page.map(({ id, key }) => ({ Key: key, UploadId: id })),
  })
}

function listParts(upload: Upload, query: URLSearchParams): XmlReply {
  const size = Math.min(1_000, Number(query.get('max-parts') ?? 1_000))
  const after = Number(query.get('part-number-marker') ?? 0)
  const all = Object.entries(upload.parts)
    .map(([number, part]) => ({ PartNumber: Number(number), Size: part.size }))
    .filter(({ PartNumber }) => PartNumber > after)
    .sort((a, b) => a.PartNumber - b.PartNumber)
  const page = all.slice(0, size)
  const isTruncated = all.length > page.length
  return xml('ListPartsResult', {
    Key: upload.key,
    UploadId: upload.id,
    IsTruncated: isTruncated,
    ...(isTruncated ? { NextPartNumberMarker: page.at(-1)?.PartNumber ?? 0 } : {}),
    Part: page,
  })
}

/** By key, then by upload: without a marker for the upload, all of that key come before. */
function isAfter([key = '', id = '']: string[], [marker = '', upload = '']: string[]): boolean {
  if (key !== marker) return key > marker
  return upload !== '' && id > upload
}

async function answerUpload(call: S3Call, key: string): Promise<XmlReply> {
  const { store, method, query, body } = call
  if (method === 'POST' && query.has('uploads')) {
    const upload: Upload = { id: randomUUID(), key, parts: {} }
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
      const etag = createHash('md5').update(body).digest('hex')
      const part = { size: body.length, content: body.toString('base64'), etag }
      const parts = { ...upload.parts, [number]: part }
      await store.record({ type: 'upload', upload: { ...upload, parts } })
      return { status: 200, body: '', headers: { etag: `"${etag}"` } }
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
  await put(call, upload.key, content, etag)
  await store.record({ type: 'upload-gone', id: upload.id })
  return xml('CompleteMultipartUploadResult', {
    Bucket: store.bucket,
    Key: upload.key,
    ETag: `"${etag}"`,
  })
}

const minPartBytes = 5 * 1024 * 1024
/** The region of the account's bucket. */
const region = 'us-east-1'

const xml = (name: string, value: Parameters<typeof element>[1]): XmlReply => ({
  status: 200,
  body: `<?xml version="1.0" encoding="UTF-8"?>${element(name, value)}`,
})

const notImplemented = () =>
  new AwsError(501, 'NotImplemented', 'This stand-in does not implement this call.')

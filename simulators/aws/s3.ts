/** S3 with addresses by path: objects, lists by pages, and uploads in parts. One bucket. */
import { randomUUID } from 'node:crypto'
import { type Store, type Upload } from './store.ts'
import { AwsError, element, type XmlReply } from './xml.ts'

export type S3Call = {
  store: Store
  now: number
  method: string
  /** The decoded key; null for the bucket itself. */
  key: string | null
  query: URLSearchParams
  body: Buffer
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
  const { method, key, query } = call
  if (key === null) {
    if (method !== 'GET') throw notImplemented()
    return query.has('uploads') ? listUploads(call) : listObjects(call)
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

async function put({ store, now }: S3Call, key: string, body: Buffer): Promise<XmlReply> {
  const object = { key, size: body.length, content: body.toString('base64'), at: now }
  await store.record({ type: 'object', object })
  return { status: 200, body: '' }
}

function get({ store }: S3Call, key: string): XmlReply {
  const object = store.objects.get(key)
  if (object?.content == null)
    throw new AwsError(404, 'NoSuchKey', 'The specified key does not exist.')
  return {
    status: 200,
    body: Buffer.from(object.content, 'base64'),
    type: 'application/octet-stream',
  }
}

async function remove({ store }: S3Call, key: string): Promise<XmlReply> {
  await store.record({ type: 'object-gone', key })
  return { status: 204, body: '' }
}

function listObjects({ store, query }: S3Call): XmlReply {
  const prefix = query.get('prefix') ?? ''
  const size = Math.min(1_000, Number(query.get('max-keys') ?? 1_000))
  const after = query.get('continuation-token') ?? ''
  const all = [...store.objects.values()]
    .filter(({ key }) => key.startsWith(prefix) && key > after)
    .sort((a, b) => (a.key < b.key ? -1 : 1))
  const page = all.slice(0, size)
  const isTruncated = all.length > page.length
  return xml('ListBucketResult', {
    Name: store.bucket,
    Prefix: prefix,
    KeyCount: page.length,
    MaxKeys: size,
    IsTruncated: isTruncated,
    ...(isTruncated ? { NextContinuationToken: page.at(-1)?.key ?? '' } : {}),
    Contents: page.map(({ key, size: bytes, at }) => ({
      Key: key,
      LastModified: new Date(at).toISOString(),
      Size: bytes,
      StorageClass: 'STANDARD',
    })),
  })
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
      const part = { size: body.length, content: body.toString('base64') }
      const parts = { ...upload.parts, [query.get('partNumber') ?? '1']: part }
      await store.record({ type: 'upload', upload: { ...upload, parts } })
      return { status: 200, body: '' }
    }
    case 'GET':
      return listParts(upload, query)
    case 'DELETE':
      await store.record({ type: 'upload-gone', id: upload.id })
      return { status: 204, body: '' }
    case 'POST': {
      const parts = Object.entries(upload.parts).sort(([a], [b]) => Number(a) - Number(b))
      await put(
        call,
        key,
        Buffer.concat(parts.map(([, part]) => Buffer.from(part.content, 'base64'))),
      )
      await store.record({ type: 'upload-gone', id: upload.id })
      return xml('CompleteMultipartUploadResult', { Bucket: store.bucket, Key: key })
    }
    default:
      throw notImplemented()
  }
}

const xml = (name: string, value: Parameters<typeof element>[1]): XmlReply => ({
  status: 200,
  body: `<?xml version="1.0" encoding="UTF-8"?>${element(name, value)}`,
})

const notImplemented = () =>
  new AwsError(501, 'NotImplemented', 'This stand-in does not implement this call.')

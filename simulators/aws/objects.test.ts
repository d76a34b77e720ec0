/** The stand-in's S3, walked by AWS's own client in what Keymint itself never asks for. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  type S3ClientConfig,
} from '@aws-sdk/client-s3'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { startAws } from './server'

async function open() {
  const aws = await startAws()
  const client = (change: Partial<S3ClientConfig> = {}) =>
    new S3Client({
      region: 'us-east-1',
      endpoint: aws.baseUrl,
      forcePathStyle: true,
      maxAttempts: 1,
      credentials: { accessKeyId: aws.accessKeyId, secretAccessKey: aws.secretAccessKey },
      ...change,
    })
  const s3 = client()
  const put = (Key: string, Body = 'x') =>
    s3.send(new PutObjectCommand({ Bucket: aws.bucket, Key, Body }))
  return { aws, client, s3, put, Bucket: aws.bucket, [Symbol.asyncDispose]: () => aws.stop() }
}

test('keys with spaces, plus signs, dots, other scripts and two slashes come back as they were', async () => {
  await using world = await open()
  const { s3, Bucket, put } = world
  const keys = ['a b+c', 'a//b', 'ä/ö ü.txt', '日本/⚡', "q'(1)*!~", 'a&b<c>"', 'a/../b', '100%']
  for (const key of keys) await put(key, key)
  for (const Key of keys) {
    const got = await s3.send(new GetObjectCommand({ Bucket, Key }))
    expect(await got.Body!.transformToString()).toBe(Key)
  }
  const seen: string[] = []
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 3 }, { Bucket }))
    seen.push(...(page.Contents ?? []).map(({ Key }) => Key!))
  const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
  expect(seen).toEqual([...keys].sort(byBytes))
  const { Deleted } = await s3.send(
    new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }),
  )
  expect(Deleted?.length).toBe(keys.length)
  expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0)
})

test('a list by folders counts objects and folders together, page by page', async () => {
  await using world = await open()
  const { s3, Bucket, put } = world
  for (const key of ['p/a', 'p/b/1', 'p/b/2', 'p/c', 'p/d/1', 'other']) await put(key)
  const seen: string[][] = []
  const list = { Bucket, Prefix: 'p/', Delimiter: '/' }
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 1 }, list))
    seen.push([
      ...(page.Contents ?? []).map(({ Key }) => Key!),
      ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix!),
    ])
  expect(seen).toEqual([['p/a'], ['p/b/'], ['p/c'], ['p/d/']])
  const after = await s3.send(
    new ListObjectsV2Command({ Bucket, StartAfter: 'p/b/1', Prefix: 'p/' }),
  )
  expect(after.Contents?.map(({ Key }) => Key)).toEqual(['p/b/2', 'p/c', 'p/d/1'])
  const none = await s3.send(new ListObjectsV2Command({ Bucket, MaxKeys: 0 }))
  expect(none).toMatchObject({ KeyCount: 0, IsTruncated: false })
  await expect(
    s3.send(new ListObjectsV2Command({ Bucket, ContinuationToken: 'not ours!' })),
  ).rejects.toMatchObject({ name: 'InvalidArgument' })
})

test('heads, ranges and conditions are answered as documented', async () => {
  await using world = await open()
  const { s3, Bucket } = world
  const Key = 'note'
  const put = { Bucket, Key, Body: 'hello', ContentType: 'text/plain', Metadata: { from: 'me' } }
  const { ETag } = await s3.send(new PutObjectCommand(put))
  expect(ETag).toBe(`"${createHash('md5').update('hello').digest('hex')}"`)
  expect(await s3.send(new HeadObjectCommand({ Bucket, Key }))).toMatchObject({
    ContentLength: 5,
    ContentType: 'text/plain',
    ETag,
    Metadata: { from: 'me' },
  })
  const range = async (Range: string) => {
    const got = await s3.send(new GetObjectCommand({ Bucket, Key, Range }))
    return [await got.Body!.transformToString(), got.ContentRange]
  }
  expect(await range('bytes=1-2')).toEqual(['el', 'bytes 1-2/5'])
  expect(await range('bytes=3-')).toEqual(['lo', 'bytes 3-4/5'])
  expect(await range('bytes=-2')).toEqual(['lo', 'bytes 3-4/5'])
  await expect(range('bytes=9-')).rejects.toMatchObject({ name: 'InvalidRange' })
  const get = (change: object) => s3.send(new GetObjectCommand({ Bucket, Key, ...change }))
  await expect(get({ IfMatch: '"other"' })).rejects.toMatchObject({
    $metadata: { httpStatusCode: 412 },
  })
  await expect(get({ IfNoneMatch: ETag })).rejects.toMatchObject({
    $metadata: { httpStatusCode: 304 },
  })
  await expect(
    s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x', IfNoneMatch: '*' })),
  ).rejects.toMatchObject({ name: 'PreconditionFailed' })
  await expect(s3.send(new HeadObjectCommand({ Bucket, Key: 'none' }))).rejects.toMatchObject({
    $metadata: { httpStatusCode: 404 },
  })
})

test('an upload in parts is checked part by part, and one that is aborted leaves nothing', async () => {
  await using world = await open()
  const { s3, Bucket } = world
  const Key = 'large'
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }))
  const upload = { Bucket, Key, UploadId }
  const part = async (PartNumber: number, Body: string) => ({
    PartNumber,
    ETag: (await s3.send(new UploadPartCommand({ ...upload, PartNumber, Body }))).ETag!,
  })
  const small = await part(1, 'x')
  const last = await part(2, 'y')
  const complete = (Parts: { PartNumber: number; ETag: string }[]) =>
    s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }))
  await expect(complete([small, last])).rejects.toMatchObject({ name: 'EntityTooSmall' })
  await expect(complete([last, small])).rejects.toMatchObject({ name: 'InvalidPartOrder' })
  await expect(complete([{ ...small, ETag: last.ETag }])).rejects.toMatchObject({
    name: 'InvalidPart',
  })
  await expect(part(0, 'x')).rejects.toMatchObject({ name: 'InvalidArgument' })
  const full = await part(1, 'x'.repeat(5 * 1024 * 1024))
  expect((await complete([full, last])).ETag).toMatch(/^"[0-9a-f]{32}-2"$/)
  const { ContentLength } = await s3.send(new HeadObjectCommand({ Bucket, Key }))
  expect(ContentLength).toBe(5 * 1024 * 1024 + 1)
  const second = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'other' }))
  const other = { Bucket, Key: 'other', UploadId: second.UploadId }
  await s3.send(new AbortMultipartUploadCommand(other))
  await expect(s3.send(new AbortMultipartUploadCommand(other))).rejects.toMatchObject({
    name: 'NoSuchUpload',
  })
  expect((await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads).toBeUndefined()
})

test('a body that arrived changed is refused, by every digest that came with it', async () => {
  await using world = await open()
  const { s3, Bucket } = world
  const md5 = (text: string) => createHash('md5').update(text).digest('base64')
  const put = (change: object) =>
    s3.send(new PutObjectCommand({ Bucket, Key: 'sum', Body: 'hello', ...change }))
  await put({ ContentMD5: md5('hello') })
  await put({ ChecksumAlgorithm: 'SHA256' })
  await put({ ChecksumAlgorithm: 'CRC32' })
  await expect(put({ ContentMD5: md5('other') })).rejects.toMatchObject({ name: 'BadDigest' })
  await expect(put({ ContentMD5: 'short' })).rejects.toMatchObject({ name: 'InvalidDigest' })
  await expect(put({ ChecksumSHA256: 'A'.repeat(43) + '=' })).rejects.toMatchObject({
    name: 'BadDigest',
  })
  // A stream is sent in chunks, its checksum behind them; only the last may be a small one.
  const stream = () => Readable.from([Buffer.from('he'), Buffer.from('llo')])
  const sum = { ContentLength: 5, ChecksumAlgorithm: 'CRC32' }
  await expect(put({ ...sum, Body: stream() })).rejects.toMatchObject({
    name: 'InvalidChunkSizeError',
  })
  const buffered = world.client({ requestStreamBufferSize: 65_536 })
  const input = { Bucket, Key: 'sum', Body: stream(), ContentLength: 5 }
  await buffered.send(new PutObjectCommand({ ...input, ChecksumAlgorithm: 'CRC32' }))
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'sum' }))
  expect(await got.Body!.transformToString()).toBe('hello')
})

test('a wrong region, signature, key or clock is refused by its own code', async () => {
  await using world = await open()
  const { aws, client, Bucket } = world
  const list = (change: Partial<S3ClientConfig>) =>
    client(change).send(new ListObjectsV2Command({ Bucket }))
  const { accessKeyId, secretAccessKey } = aws
  for (const [change, name] of [
    [{ region: 'eu-west-1' }, 'AuthorizationHeaderMalformed'],
    [{ credentials: { accessKeyId, secretAccessKey: 'wrong' } }, 'SignatureDoesNotMatch'],
    [{ credentials: { accessKeyId: 'AKIANONE', secretAccessKey } }, 'InvalidAccessKeyId'],
    [{ systemClockOffset: -20 * 60_000 }, 'RequestTimeTooSkewed'],
  ] as [Partial<S3ClientConfig>, string][])
    await expect(list(change), name).rejects.toMatchObject({ name })
  expect((await fetch(`${aws.baseUrl}/${Bucket}?list-type=2`)).status).toBe(403)
})

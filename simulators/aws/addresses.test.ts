/** What people's own tools ask of S3: links, hosts, copies, streams, older lists, subresources. */
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
  UploadPartCopyCommand,
  type S3ClientConfig,
} from '@aws-sdk/client-s3'
import { createHash, createHmac } from 'node:crypto'
import { Agent } from 'node:http'
import { expect, test } from 'vitest'
import { checksums } from './checksums'
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
  const Bucket = aws.bucket
  const put = (Key: string, Body: string, change: object = {}) =>
    s3.send(new PutObjectCommand({ Bucket, Key, Body, ...change }))
  const read = async (Key: string) => {
    const got = await s3.send(new GetObjectCommand({ Bucket, Key }))
    return got.Body!.transformToString()
  }
  return { aws, client, s3, put, read, Bucket, [Symbol.asyncDispose]: () => aws.stop() }
}
type Bench = Awaited<ReturnType<typeof open>>

/** A link by AWS's own signer. */
async function linkOf({ aws, s3, Bucket }: Bench, method: string, key: string, query = {}) {
  type Wire = { path: string; query: Record<string, string> }
  type Presigner = { presign(request: object, options: object): Promise<Wire> }
  const signer = (await (s3.config.signer as (scheme?: object) => Promise<unknown>)()) as Presigner
  const { hostname, port, host } = new URL(aws.baseUrl)
  const path = `/${Bucket}/${key.split('/').map(encodeURIComponent).join('/')}`
  const headers = { host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }
  const wire = { protocol: 'http:', hostname, port: Number(port), method, path, query, headers }
  const signed = await signer.presign(wire, { expiresIn: 60, signingRegion: 'us-east-1' })
  return `${aws.baseUrl}${path}?${new URLSearchParams(signed.query).toString().replaceAll('+', '%20')}`
}

test('a link reads and writes one object, for its method alone, as the link was signed', async () => {
  await using bench = await open()
  const key = 'a b/ä+1.txt'
  const putLink = await linkOf(bench, 'PUT', key)
  expect((await fetch(putLink, { method: 'PUT', body: 'by a link' })).status).toBe(200)
  const asked = { 'response-content-disposition': 'attachment; filename="x y.txt"' }
  const getLink = await linkOf(bench, 'GET', key, asked)
  const got = await fetch(getLink)
  expect([got.status, await got.text()]).toEqual([200, 'by a link'])
  expect(got.headers.get('content-disposition')).toBe('attachment; filename="x y.txt"')
  expect((await fetch(getLink, { method: 'DELETE' })).status).toBe(403)
  expect((await fetch(getLink.replace('x%20y', 'z'))).status).toBe(403)
  expect((await fetch(getLink.replace('X-Amz-Expires=60', 'X-Amz-Expires=700000'))).status).toBe(
    400,
  )
  expect((await fetch(`${getLink}&x=%E0`)).status).toBe(400)
})

test('a bucket is addressed by host as by path, in lists, objects and deletions of many', async () => {
  await using bench = await open()
  const { aws, client, Bucket, put } = bench
  await put('folder/a', 'x')
  const lookup: NonNullable<ConstructorParameters<typeof Agent>[0]>['lookup'] = (
    _host,
    options,
    done,
  ) =>
    options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)
  const byHost = client({
    endpoint: aws.baseUrl.replace('127.0.0.1', 's3.localhost'),
    forcePathStyle: false,
    requestHandler: { httpAgent: new Agent({ lookup }) },
  })
  const listed = await byHost.send(new ListObjectsV2Command({ Bucket }))
  expect(listed.Contents?.map(({ Key }) => Key)).toEqual(['folder/a'])
  await byHost.send(new PutObjectCommand({ Bucket, Key: 'a b', Body: 'y' }))
  expect(await bench.read('a b')).toBe('y')
  await expect(
    byHost.send(new ListObjectsV2Command({ Bucket: 'another-bucket' })),
  ).rejects.toMatchObject({ name: 'NoSuchBucket' })
})

test('a copy keeps its type and metadata or replaces them, and parts are copied by range', async () => {
  await using bench = await open()
  const { s3, Bucket, put, read } = bench
  await put('from/ä 1', 'hello', { ContentType: 'text/plain', Metadata: { by: 'me' } })
  const CopySource = `${Bucket}/${encodeURIComponent('from/ä 1')}`
  const copy = (change: object) =>
    s3.send(new CopyObjectCommand({ Bucket, Key: 'to', CopySource, ...change }))
  const { CopyObjectResult: result } = await copy({})
  expect(result?.ETag).toBe(`"${createHash('md5').update('hello').digest('hex')}"`)
  const head = () => s3.send(new HeadObjectCommand({ Bucket, Key: 'to' }))
  expect(await head()).toMatchObject({ ContentType: 'text/plain', Metadata: { by: 'me' } })
  await copy({ MetadataDirective: 'REPLACE', ContentType: 'text/html', CacheControl: 'no-store' })
  expect(await head()).toMatchObject({
    ContentType: 'text/html',
    Metadata: {},
    CacheControl: 'no-store',
  })
  await expect(copy({ CopySource: `${Bucket}/none` })).rejects.toMatchObject({ name: 'NoSuchKey' })
  await expect(copy({ Key: 'from/ä 1' })).rejects.toMatchObject({ name: 'InvalidRequest' })
  const upload = { Bucket, Key: 'whole' }
  const { UploadId } = await s3.send(
    new CreateMultipartUploadCommand({ ...upload, ContentType: 'text/x' }),
  )
  const part = await s3.send(
    new UploadPartCopyCommand({
      ...upload,
      UploadId,
      PartNumber: 1,
      CopySource,
      CopySourceRange: 'bytes=1-3',
    }),
  )
  const { ETag } = part.CopyPartResult!
  const { Parts } = await s3.send(new ListPartsCommand({ ...upload, UploadId }))
  expect(Parts).toMatchObject([{ PartNumber: 1, Size: 3, ETag }])
  const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket }))
  expect(Uploads?.[0]?.Initiated).toBeInstanceOf(Date)
  await s3.send(
    new CompleteMultipartUploadCommand({
      ...upload,
      UploadId,
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
    }),
  )
  expect(await read('whole')).toBe('ell')
  expect(await s3.send(new HeadObjectCommand(upload))).toMatchObject({ ContentType: 'text/x' })
})

test('what a subresource says never becomes an object, and never shows one', async () => {
  await using bench = await open()
  const { s3, Bucket, put, read } = bench
  await put('a', 'kept')
  const Key = 'a'
  await expect(
    s3.send(new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet: [] } })),
  ).rejects.toMatchObject({ name: 'NotImplemented' })
  await expect(s3.send(new GetObjectTaggingCommand({ Bucket, Key }))).rejects.toMatchObject({
    name: 'NotImplemented',
  })
  expect(await read('a')).toBe('kept')
  const { Buckets } = await s3.send(new ListBucketsCommand({}))
  expect(Buckets?.map(({ Name }) => Name)).toEqual([Bucket])
  expect(
    (await s3.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint,
  ).toBeUndefined()
  expect((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBeUndefined()
})

test('the older list pages by a marker, and a start within a folder shows the rest of it', async () => {
  await using bench = await open()
  const { s3, Bucket, put } = bench
  for (const key of ['p/a', 'p/b/1', 'p/b/2', 'p/c']) await put(key, 'x')
  const older = await s3.send(new ListObjectsCommand({ Bucket, Prefix: 'p/', MaxKeys: 2 }))
  expect(older.Contents?.map(({ Key }) => Key)).toEqual(['p/a', 'p/b/1'])
  const rest = await s3.send(new ListObjectsCommand({ Bucket, Prefix: 'p/', Marker: 'p/b/1' }))
  expect(rest.Contents?.map(({ Key }) => Key)).toEqual(['p/b/2', 'p/c'])
  const within = { Bucket, Prefix: 'p/', Delimiter: '/', StartAfter: 'p/b/1' }
  const seen = await s3.send(new ListObjectsV2Command(within))
  expect(seen.CommonPrefixes).toEqual([{ Prefix: 'p/b/' }])
  expect(seen).toMatchObject({ StartAfter: 'p/b/1', KeyCount: 2 })
  const encoded = await s3.send(new ListObjectsV2Command({ Bucket, EncodingType: 'url' }))
  expect(encoded.EncodingType).toBe('url')
})

test('an object that has a size only says so to who asks for its head', async () => {
  await using bench = await open()
  const { aws, s3, Bucket } = bench
  const size = 5 * 2 ** 40
  await fetch(`${aws.baseUrl}/__sim/objects`, {
    method: 'POST',
    body: JSON.stringify({ key: 'huge', size }),
  })
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'huge' }))
  expect(head.ContentLength).toBe(size)
})

test('every checksum of S3 is the documented one', () => {
  const told = (name: string) => checksums[name]!(Buffer.from('123456789')).toString('hex')
  expect(told('x-amz-checksum-crc32')).toBe('cbf43926')
  expect(told('x-amz-checksum-crc32c')).toBe('e3069283')
  expect(told('x-amz-checksum-crc64nvme')).toBe('ae8b14860a799888')
})

test('chunks that are signed one by one are verified one by one', async () => {
  await using bench = await open()
  const { aws, Bucket, read } = bench
  const send = async (bytes: Buffer, spoil = false) => {
    const { host } = new URL(aws.baseUrl)
    const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '')
    const scope = `${date.slice(0, 8)}/us-east-1/s3/aws4_request`
    const hash = (data: string | Buffer) => createHash('sha256').update(data).digest('hex')
    const key = scope
      .split('/')
      .reduce<Buffer>(
        (last, part) => createHmac('sha256', last).update(part).digest(),
        Buffer.from(`AWS4${aws.secretAccessKey}`),
      )
    const sign = (text: string) => createHmac('sha256', key).update(text).digest('hex')
    const claimed = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'
    const headers: Record<string, string> = {
      'content-encoding': 'aws-chunked',
      host,
      'x-amz-content-sha256': claimed,
      'x-amz-date': date,
      'x-amz-decoded-content-length': String(bytes.length),
    }
    const names = Object.keys(headers).join(';')
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}`)
    const canonical = ['PUT', `/${Bucket}/chunked`, '', ...lines, '', names, claimed].join('\n')
    let last = sign(['AWS4-HMAC-SHA256', date, scope, hash(canonical)].join('\n'))
    const credential = `Credential=${aws.accessKeyId}/${scope}`
    const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names}, Signature=${last}`
    const parts: Buffer[] = []
    for (const chunk of [bytes.subarray(0, 8_192), bytes.subarray(8_192), Buffer.alloc(0)]) {
      last = sign(['AWS4-HMAC-SHA256-PAYLOAD', date, scope, last, hash(''), hash(chunk)].join('\n'))
      parts.push(Buffer.from(`${chunk.length.toString(16)};chunk-signature=${last}\r\n`))
      parts.push(spoil ? Buffer.from(chunk).fill('y') : chunk, Buffer.from('\r\n'))
    }
    const { host: _, ...sent } = headers
    const body = Buffer.concat(parts)
    const answer = await fetch(`${aws.baseUrl}/${Bucket}/chunked`, {
      method: 'PUT',
      headers: { ...sent, authorization },
      body,
    })
    return answer.status
  }
  expect(await send(Buffer.alloc(10_000, 'x'))).toBe(200)
  expect(await read('chunked')).toBe('x'.repeat(10_000))
  expect(await send(Buffer.alloc(10_000, 'x'), true)).toBe(403)
})

/**
 * Whether our client of S3 works at a server that nobody here wrote: `@20minutes/s3rver`, which
 * verifies signatures. It has no IAM. Today's AWS client asks for a list at `/bucket/` and signs that;
 * this server signs `/bucket` whatever was asked, so it refuses each list, of AWS's own client too.
 * Without that slash the same requests are accepted, and what is stored is counted. Its version is
 * pinned in bench/tools, and only the proofs install it.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { createOutbound } from '~/adapters/outbound.server'
import { isProviderError } from '~/adapters/provider-error'
import { createClients, one } from '~/adapters/s3-clients.server'
import { bytesUnder } from '~/adapters/s3-storage.server'
import { thisMachine } from '../../tests/this-machine'
import type { Count, Proof } from './proof'

export const storageServerProofs: Proof[] = [{ name: 'tools', run }]

const name = '@20minutes/s3rver'
const Bucket = 'bucket-of-proofs'

type Server = { run(): Promise<{ port: number }>; close(): Promise<void> }
type ServerClass = new (options: object) => Server

async function run(): Promise<Count[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'keymint-s3-'))
  const Server = install(folder)
  const server = new Server({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory: path.join(folder, 'objects'),
    configureBuckets: [{ name: Bucket }],
  })
  try {
    const { port } = await server.run()
    const baseUrl = `http://127.0.0.1:${port}`
    return [...(await tryCalls(baseUrl)), await tryWrongSecret(baseUrl)]
  } finally {
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

function install(folder: string): ServerClass {
  const file = readFileSync(path.resolve('bench/tools/package.json'), 'utf8')
  const { dependencies } = JSON.parse(file) as { dependencies: Record<string, string> }
  mkdirSync(path.join(folder, 'objects'))
  const wanted = `${name}@${dependencies[name] ?? ''}`
  const args = ['install', '--no-package-lock', '--no-audit', '--no-fund', '--prefix', folder]
  const { status } = spawnSync('npm', [...args, wanted], { cwd: folder, stdio: 'ignore' })
  if (status !== 0) throw new Error(`${wanted} could not be installed`)
  return createRequire(path.join(folder, 'x.js'))(name) as ServerClass
}

const clientsAt = (baseUrl: string, secret: string) =>
  createClients(createOutbound({ networks: thisMachine }), {
    secret,
    baseUrl,
    settings: { accessKeyId: 'S3RVER', region: 'us-east-1' },
  })

/** The same calls by AWS's client with its own way of sending: whatever differs is ours. */
async function tryCalls(baseUrl: string): Promise<Count[]> {
  const { s3 } = clientsAt(baseUrl, 'S3RVER')
  const own = new S3Client({
    region: 'us-east-1',
    endpoint: baseUrl,
    forcePathStyle: true,
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
  })
  const keys = ['folder/n', 'folder/a b+c', 'folder/ä/ö', "folder/q'(1)!"]
  const statusOf = (work: Promise<{ $metadata: { httpStatusCode?: number } }>) =>
    work.then(
      ({ $metadata }) => $metadata.httpStatusCode,
      (error: unknown) =>
        isProviderError(error)
          ? error.details.status
          : (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode,
    )
  const put = (client: S3Client, Key: string) =>
    statusOf(client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' })))
  const list = (client: S3Client) =>
    statusOf(client.send(new ListObjectsV2Command({ Bucket, Prefix: 'folder/' })))
  let failed = 0
  for (const key of keys) if ((await put(s3, key)) !== 200) failed++
  const [ours, theirs] = [await list(s3), await list(own)]
  const plain = withoutSlash(clientsAt(baseUrl, 'S3RVER').s3)
  for (const [Key, size] of Object.entries(sizes))
    await plain.send(new PutObjectCommand({ Bucket, Key, Body: 'x'.repeat(size) }))
  const bytes = await bytesUnder({ s3: plain, one }, Bucket, 'counted/')
  return [
    { what: `${name}: objects are written, whatever their names`, tried: keys.length, failed },
    {
      what: `${name}: a list is answered as AWS's client alone is (${theirs})`,
      tried: 1,
      failed: ours === theirs ? 0 : 1,
    },
    {
      what: `${name}: a folder is counted to the byte, at the address that it signs`,
      tried: 1,
      failed: bytes === 1_234_567n ? 0 : 1,
    },
  ]
}

const sizes = { 'counted/a': 234_567, 'counted/b c/ä': 1_000_000, 'counted-beside/a': 5 }

/** The same client, whose addresses end as this server signs them. */
function withoutSlash(s3: S3Client): S3Client {
  s3.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { path: string }
      request.path = request.path.replace(/\/$/, '')
      return next(args)
    },
    { step: 'build', name: 'withoutSlash', priority: 'low' },
  )
  return s3
}

async function tryWrongSecret(baseUrl: string): Promise<Count> {
  const { s3 } = clientsAt(baseUrl, 'another secret')
  const put = new PutObjectCommand({ Bucket, Key: 'folder/n', Body: 'x' })
  const refused = await one('PutObject', s3.send(put)).then(
    () => false,
    (error: unknown) => isProviderError(error) && error.details.reason === 'unauthorized',
  )
  return { what: `${name}: a wrong secret is told as one`, tried: 1, failed: refused ? 0 : 1 }
}

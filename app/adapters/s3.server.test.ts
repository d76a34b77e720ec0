/** S3 storage as a team's service, against the stand-in, which AWS's own clients walk here. */
import { CreateAccessKeyCommand, IAMClient } from '@aws-sdk/client-iam'
import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { thisMachine } from '../../tests/this-machine'
import { freePort } from '../../simulators/free-port'
import { startAws } from '../../simulators/aws/server'
import { failureOf, keyOf, type ServiceBench } from '../../tests/service-bench'
import { conformanceOf } from '../../tests/service-conformance'
import { createOutbound } from './outbound.server'
import { createS3 } from './s3.server'

const pathOf = {
  create: 'POST /iam/CreateAccessKey',
  update: 'POST /iam/UpdateAccessKey',
  delete: 'POST /iam/DeleteUser',
  find: 'POST /iam/GetUser',
  list: 'POST /iam/ListUsers',
}
const outbound = createOutbound({ networks: thisMachine })

/** AWS's client with the parts of a revealed key, as its holder would use it. */
function clientOf(plaintext: string) {
  const secret = JSON.parse(plaintext) as Record<string, string>
  const s3 = new S3Client({
    region: secret.region!,
    endpoint: secret.address!,
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: secret.accessKeyId!, secretAccessKey: secret.secretAccessKey! },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  return { s3, Bucket: secret.bucket!, folder: secret.prefix! }
}
const works = (work: Promise<unknown>) =>
  work.then(
    () => true,
    () => false,
  )

async function open() {
  const aws = await startAws()
  let offsetMs = 0
  const adapter = createS3({ outbound, now: () => new Date(Date.now() + offsetMs) })
  const credential = {
    secret: aws.secretAccessKey,
    baseUrl: aws.baseUrl,
    settings: {
      accessKeyId: aws.accessKeyId,
      bucket: aws.bucket,
      prefix: 'team',
      region: 'us-east-1',
      priceStored: '0.023',
    },
  }
  const sim = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(`${aws.baseUrl}/__sim/${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    if (!response.ok) throw new Error(await response.text())
    return (await response.json()) as T
  }
  const counts = async () => (await sim<{ counts: Record<string, number> }>('GET', 'calls')).counts
  return {
    adapter,
    credential,
    sim,
    aws,
    silent: true,
    unreachable: async () => ({
      adapter,
      credential: { ...credential, baseUrl: `http://127.0.0.1:${await freePort()}` },
    }),
    /** So much stored that it costs this in one hour. */
    spend: async (_id: string, amount: number) => {
      const size = Math.round((amount / 0.023) * 2 ** 30 * 730)
      await sim('POST', 'objects', { key: `team/${keyOf().keyId}/large`, size })
    },
    use: async (plaintext: string) => {
      const { s3, Bucket, folder } = clientOf(plaintext)
      const Key = `${folder}note`
      return works(s3.send(new PutObjectCommand({ Bucket, Key, Body: 'hello' })))
    },
    moveTo: async (at: Date) => {
      offsetMs = at.getTime() - Date.now()
      await sim('POST', 'clock', { offsetMs })
    },
    strike: async ({ call, ...rule }: { call: keyof typeof pathOf; fault: string }) => {
      await sim('POST', 'faults', { rules: [{ match: pathOf[call], ...rule }] })
    },
    requests: async () => Object.values(await counts()).reduce((sum, count) => sum + count, 0),
    creates: async () => (await counts())['POST /iam/CreateAccessKey'] ?? 0,
    plaintexts: async () =>
      (await sim<{ keys: { secret: string }[] }>('GET', 'keys?plaintext=1')).keys.map(
        ({ secret }) => secret,
      ),
    [Symbol.asyncDispose]: () => aws.stop(),
  } satisfies ServiceBench & { sim: unknown; aws: unknown }
}

conformanceOf('S3', open)

test('a key reads, lists and writes in its folder, and nothing anywhere else', async () => {
  await using bench = await open()
  const made = await bench.adapter.createKey(bench.credential, keyOf())
  const { s3, Bucket, folder } = clientOf(made.plaintext)
  const Key = `${folder}deep/note (1).txt`
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'hello' }))
  const got = await s3.send(new GetObjectCommand({ Bucket, Key }))
  expect(await got.Body!.transformToString()).toBe('hello')
  const listed = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: folder }))
  expect(listed.Contents?.map((object) => object.Key)).toEqual([Key])
  await bench.sim('POST', 'objects', { key: 'team/another/secret', size: 5 })
  for (const refused of [
    () => s3.send(new GetObjectCommand({ Bucket, Key: 'team/another/secret' })),
    () => s3.send(new PutObjectCommand({ Bucket, Key: 'team/another/mine', Body: 'x' })),
    () =>
      s3.send(new PutObjectCommand({ Bucket, Key: `${folder.slice(0, -1)}-beside/x`, Body: 'x' })),
    () => s3.send(new GetObjectCommand({ Bucket, Key: 'team/another/none' })),
    () => s3.send(new ListObjectsV2Command({ Bucket })),
    () => s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'team/' })),
  ])
    await expect(refused()).rejects.toMatchObject({ name: 'AccessDenied' })
  await s3.send(new DeleteObjectCommand({ Bucket, Key }))
  // Its own folder it may list, so there it learns what is missing.
  await expect(s3.send(new GetObjectCommand({ Bucket, Key }))).rejects.toMatchObject({
    name: 'NoSuchKey',
  })
  // A key of a member makes no keys.
  const secret = JSON.parse(made.plaintext) as Record<string, string>
  const mere = {
    ...bench.credential,
    secret: secret.secretAccessKey!,
    settings: { ...bench.credential.settings, accessKeyId: secret.accessKeyId! },
  }
  expect(await bench.adapter.verifyCredential(mere)).toMatchObject({
    ok: false,
    problem: { details: { reason: 'forbidden' } },
  })
})

test('unfinished uploads and lists of many pages are counted', async () => {
  await using bench = await open()
  const { adapter, credential } = bench
  const startedAt = Date.now()
  const made = await adapter.createKey(credential, keyOf())
  const { s3, Bucket, folder } = clientOf(made.plaintext)
  await bench.sim('POST', 'objects', { key: folder, size: 10_000_000_000, count: 1_005 })
  const Key = `${folder}upload`
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }))
  const part = { Bucket, Key, UploadId, PartNumber: 1, Body: 'x'.repeat(1_000) }
  await s3.send(new UploadPartCommand(part))
  await bench.moveTo(new Date(startedAt + 3_600_000))
  const seen = (await adapter.findKey(credential, made.id, made.meter))!
  const bytes = 1_005 * 10_000_000_000 + 1_000
  expect(Number(seen.usage) / 1e9).toBeCloseTo((bytes / 2 ** 30 / 730) * 0.023, 4)
}, 30_000)

test('the parts of an upload are counted beyond the first thousand', async () => {
  await using bench = await open()
  const { adapter, credential } = bench
  const startedAt = Date.now()
  const made = await adapter.createKey(credential, keyOf())
  const { s3, Bucket, folder } = clientOf(made.plaintext)
  const Key = `${folder}upload`
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }))
  const put = (PartNumber: number, Body: string) =>
    s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }))
  for (let first = 1; first <= 1_000; first += 20)
    await Promise.all(Array.from({ length: 20 }, (_, index) => put(first + index, 'x')))
  await put(1_001, 'x'.repeat(5_000_000))
  await bench.moveTo(new Date(startedAt + 3_600_000))
  const seen = (await adapter.findKey(credential, made.id, made.meter))!
  const bytes = 5_001_000
  expect(Number(seen.usage) / 1e9).toBeCloseTo((bytes / 2 ** 30 / 730) * 0.023, 8)
}, 60_000)

test('an IAM that S3 follows five seconds late changes no promise', async () => {
  await using bench = await open()
  const { adapter, credential } = bench
  await bench.sim('POST', 'lag', { lagMs: 5_000 })
  const startedAt = Date.now()
  const made = await adapter.createKey(credential, keyOf())
  expect(await bench.use(made.plaintext)).toBe(false)
  expect((await adapter.findKey(credential, made.id))?.disabled).toBe(false)
  await bench.moveTo(new Date(startedAt + 6_000))
  expect(await bench.use(made.plaintext)).toBe(true)
  // What IAM has confirmed is what counts; S3 serves for a moment more.
  expect((await adapter.changeKey(credential, made.id, { disabled: true })).disabled).toBe(true)
  expect(await bench.use(made.plaintext)).toBe(true)
  await bench.moveTo(new Date(startedAt + 20_000))
  expect(await bench.use(made.plaintext)).toBe(false)
  await adapter.deleteKey(credential, made.id)
  expect(await adapter.findKey(credential, made.id)).toBeNull()
})

test('a failure before the access key leaves no user behind, and one in doubt leaves no key', async () => {
  await using bench = await open()
  const { adapter, credential, sim } = bench
  await sim('POST', 'faults', {
    rules: [{ match: 'POST /iam/PutUserPolicy', fault: '403', times: 1 }],
  })
  expect((await failureOf(adapter.createKey(credential, keyOf()))).details).toMatchObject({
    kind: 'retryable',
    reason: 'forbidden',
  })
  const names = async () => {
    const all: string[] = []
    for await (const page of adapter.listKeys(credential))
      all.push(...page.keys.map(({ id }) => id))
    return all
  }
  expect(await names()).toEqual([])
  const wanted = keyOf()
  await sim('POST', 'faults', { rules: [{ match: pathOf.create, fault: 'reset-after', times: 1 }] })
  expect((await failureOf(adapter.createKey(credential, wanted))).details.kind).toBe('ambiguous')
  // Reconcile finds it by its name and deletes it, the key that nobody has seen included.
  const [id] = await names()
  await adapter.deleteKey(credential, id!)
  expect(await names()).toEqual([])
  const { keys } = await sim<{ keys: { status: string }[] }>('GET', 'keys')
  expect(keys.map(({ status }) => status)).toEqual(['Deleted'])
})

test('a user that IAM does not know yet is tried again later, and nothing is left of it', async () => {
  await using bench = await open()
  const { adapter, credential, sim } = bench
  for (const call of ['PutUserPolicy', 'CreateAccessKey']) {
    const rule = { match: `POST /iam/${call}`, fault: 'refuse', status: 404, times: 1 }
    await sim('POST', 'faults', { rules: [{ ...rule, message: 'cannot be found' }] })
    expect((await failureOf(adapter.createKey(credential, keyOf()))).details).toMatchObject({
      kind: 'retryable',
      call,
    })
    for await (const page of adapter.listKeys(credential)) expect(page.keys).toEqual([])
  }
})

test('a key is taken back with every access key of its user, however many its server allows', async () => {
  await using bench = await open()
  const { adapter, credential, sim } = bench
  await sim('POST', 'quota', { accessKeys: 250 })
  const made = await adapter.createKey(credential, keyOf())
  const iam = new IAMClient({
    region: 'us-east-1',
    endpoint: bench.aws.baseUrl,
    credentials: { accessKeyId: bench.aws.accessKeyId, secretAccessKey: bench.aws.secretAccessKey },
  })
  for (let index = 0; index < 120; index++)
    await iam.send(new CreateAccessKeyCommand({ UserName: made.id }))
  const statuses = async () => {
    const { keys } = await sim<{ keys: { status: string }[] }>('GET', 'keys')
    return [...new Set(keys.map(({ status }) => status))]
  }
  await adapter.changeKey(credential, made.id, { disabled: true })
  expect(await statuses()).toEqual(['Inactive'])
  await adapter.deleteKey(credential, made.id)
  expect(await statuses()).toEqual(['Deleted'])
  expect(await adapter.findKey(credential, made.id)).toBeNull()
}, 30_000)

test('a key goes though its folder holds objects and unfinished uploads, and both stay', async () => {
  await using bench = await open()
  const { adapter, credential, sim } = bench
  const made = await adapter.createKey(credential, keyOf())
  const { s3, Bucket, folder } = clientOf(made.plaintext)
  await s3.send(new PutObjectCommand({ Bucket, Key: `${folder}a`, Body: 'x' }))
  await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: `${folder}b` }))
  // Lost answers on the way: each step is done again and harms nothing.
  for (const call of ['DeleteAccessKey', 'DeleteUserPolicy', 'DeleteUser']) {
    await sim('POST', 'faults', {
      rules: [{ match: `POST /iam/${call}`, fault: 'reset-after', times: 1 }],
    })
    expect((await failureOf(adapter.deleteKey(credential, made.id))).details.kind).toBe('ambiguous')
  }
  await adapter.deleteKey(credential, made.id)
  expect(await adapter.findKey(credential, made.id)).toBeNull()
  const { objects } = await sim<{ objects: { key: string }[] }>('GET', 'objects')
  expect(objects.map(({ key }) => key)).toEqual([`${folder}a`])
})

test('a bucket that keeps old versions is refused, one that stopped to is not', async () => {
  await using bench = await open()
  const { adapter, credential, sim } = bench
  await sim('POST', 'versioning', { status: 'Enabled' })
  expect(await adapter.verifyCredential(credential)).toMatchObject({
    ok: false,
    problem: { details: { reason: 'refused', call: 'GetBucketVersioning' } },
  })
  for (const status of ['Suspended', null]) {
    await sim('POST', 'versioning', { status })
    expect(await adapter.verifyCredential(credential)).toMatchObject({ ok: true })
  }
})

test('AWS itself needs a permissions boundary, and a price is an amount', async () => {
  await using bench = await open()
  const { adapter, credential } = bench
  for (const bad of [
    { ...credential, baseUrl: null },
    { ...credential, settings: { ...credential.settings, priceStored: 'cheap' } },
    { ...credential, settings: { ...credential.settings, prefix: 'a*' } },
  ])
    expect(await adapter.verifyCredential(bad)).toMatchObject({
      ok: false,
      problem: { details: { reason: 'refused' } },
    })
  expect(await bench.requests()).toBe(0)
})

/** Downloads and requests of a key, by the request metrics of the stand-in. */
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { startAws } from '../../simulators/aws/server'
import { failureOf, keyOf } from '../../tests/service-bench'
import { thisMachine } from '../../tests/this-machine'
import { createOutbound } from './outbound.server'
import { createS3 } from './s3.server'

async function open() {
  const aws = await startAws()
  const adapter = createS3({ outbound: createOutbound({ networks: thisMachine }) })
  const settings = {
    accessKeyId: aws.accessKeyId,
    bucket: aws.bucket,
    prefix: 'team',
    region: 'us-east-1',
    priceStored: '0',
    traffic: 'yes',
  }
  const credential = { secret: aws.secretAccessKey, baseUrl: aws.baseUrl, settings }
  const sim = async (path: string, body: object) => {
    const answer = await fetch(`${aws.baseUrl}/__sim/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(await answer.text())
  }
  const clientWith = (accessKeyId: string, secretAccessKey: string) =>
    new S3Client({
      region: 'us-east-1',
      endpoint: aws.baseUrl,
      forcePathStyle: true,
      maxAttempts: 1,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      credentials: { accessKeyId, secretAccessKey },
    })
  return {
    aws,
    adapter,
    credential,
    sim,
    clientOf: (plaintext: string) => {
      const secret = JSON.parse(plaintext) as Record<string, string>
      const s3 = clientWith(secret.accessKeyId!, secret.secretAccessKey!)
      return { s3, Bucket: secret.bucket!, folder: secret.prefix! }
    },
    owner: clientWith(aws.accessKeyId, aws.secretAccessKey),
    [Symbol.asyncDispose]: () => aws.stop(),
  }
}

test('what a key downloads and asks for is counted once, and that of others is not', async () => {
  await using bench = await open()
  const { adapter, credential, owner } = bench
  expect(await adapter.verifyCredential(credential)).toMatchObject({ ok: true })
  const made = await adapter.createKey(credential, keyOf())
  const { s3, Bucket, folder } = bench.clientOf(made.plaintext)
  const note = { Bucket, Key: `${folder}note` }
  await s3.send(new PutObjectCommand({ ...note, Body: 'x'.repeat(100_000) }))
  for (let times = 0; times < 3; times++)
    await (await s3.send(new GetObjectCommand(note))).Body!.transformToByteArray()
  await s3.send(new HeadObjectCommand(note))
  await s3.send(new ListObjectsV2Command({ Bucket, Prefix: folder }))
  await owner.send(new PutObjectCommand({ Bucket, Key: 'team/another/note', Body: 'x' }))
  const listed = BigInt(await sizeOfList(bench, folder, Bucket))
  const read = async (meter?: string) => (await adapter.findKey(credential, made.id, meter))!
  const first = await read(made.meter)
  // A PUT, two lists and the reading's own; three GETs and a HEAD.
  const least = (300_000n * 90_000_000n) / 2n ** 30n + (3n * 5_000_000n + 4n * 400_000n) / 1_000n
  expect(first.usage).toBeGreaterThanOrEqual(least)
  expect(first.usage! - least).toBeLessThan(200_000n + (listed * 90_000_000n) / 2n ** 30n)
  const second = await read(first.meter)
  // The readings list the folder too; AWS counts those, and so does this.
  expect(second.usage! - first.usage!).toBeLessThan(100_000n)
  expect((await read(first.meter)).usage! - second.usage!).toBeLessThan(100_000n)
})

async function sizeOfList(
  { owner }: Awaited<ReturnType<typeof open>>,
  Prefix: string,
  Bucket: string,
): Promise<number> {
  const answer = await owner.send(new ListObjectsV2Command({ Bucket, Prefix }))
  return JSON.stringify(answer).length * 2
}

test('terabytes that AWS reports late reach the cap when they come, and are counted once', async () => {
  await using bench = await open()
  const { adapter, credential, sim } = bench
  const made = await adapter.createKey(credential, keyOf())
  const { folder } = bench.clientOf(made.plaintext)
  await sim('lag', { metricsLagMs: 600_000 })
  await sim('traffic', { key: folder, metric: 'BytesDownloaded', value: 2 ** 40 })
  const before = (await adapter.findKey(credential, made.id, made.meter))!
  expect(before.usage).toBe(0n)
  await sim('lag', { metricsLagMs: 0 })
  const after = (await adapter.findKey(credential, made.id, before.meter))!
  expect(Number(after.usage) / 1e9).toBeCloseTo(92.16, 2)
  const once = (await adapter.findKey(credential, made.id, after.meter))!
  expect(Number(once.usage) / 1e9).toBeCloseTo(92.16, 2)
  // A lost note begins from the sums since the key was made.
  const lost = (await adapter.findKey(credential, made.id))!
  expect(Number(lost.usage) / 1e9).toBeCloseTo(92.16, 2)
})

test('a configuration goes with its key, and one that cannot be made leaves no user', async () => {
  await using bench = await open()
  const { adapter, credential, sim, aws } = bench
  const made = await adapter.createKey(credential, keyOf())
  const { owner } = bench
  const { ListBucketMetricsConfigurationsCommand } = await import('@aws-sdk/client-s3')
  const ids = async () =>
    (
      await owner.send(new ListBucketMetricsConfigurationsCommand({ Bucket: aws.bucket }))
    ).MetricsConfigurationList?.map(({ Id }) => Id) ?? []
  expect(await ids()).toEqual([made.id])
  await adapter.deleteKey(credential, made.id)
  await adapter.deleteKey(credential, made.id)
  expect(await ids()).toEqual([])
  await sim('faults', {
    rules: [{ match: `PUT /${aws.bucket}/`, fault: '403', times: 1 }],
  })
  expect((await failureOf(adapter.createKey(credential, keyOf()))).details).toMatchObject({
    kind: 'retryable',
    reason: 'forbidden',
  })
  const names: string[] = []
  for await (const page of adapter.listKeys(credential))
    names.push(...page.keys.map(({ id }) => id))
  expect(names).toEqual([])
  expect(await ids()).toEqual([])
})

test('a credential without the right to CloudWatch is refused, and nothing of the answer leaks', async () => {
  await using bench = await open()
  const { adapter, credential, sim } = bench
  await sim('faults', {
    rules: [{ match: 'POST /cloudwatch/GetMetricData', fault: '403', times: 1 }],
  })
  expect(await adapter.verifyCredential(credential)).toMatchObject({
    ok: false,
    problem: { details: { call: 'GetMetricData', reason: 'forbidden' } },
  })
  await sim('faults', {
    rules: [{ match: 'POST /cloudwatch/GetMetricData', fault: 'unreadable', times: 1 }],
  })
  expect(await adapter.verifyCredential(credential)).toMatchObject({
    ok: false,
    problem: { details: { reason: 'unreadable-answer' } },
  })
})

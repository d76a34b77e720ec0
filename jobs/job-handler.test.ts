/**
 * What pg-boss makes of our outcomes, asked of a real pg-boss: no job runs twice at once, none is
 * lost, none tells a secret.
 */
import { expect, test } from 'vitest'
import type { JobWithMetadata, PgBoss } from 'pg-boss'
import { createWorkingBoss } from '~/adapters/queue.server'
import { openWorld, type World } from '../tests/world'
import { eachAlone, runBatch, type JobHandler } from './job-handler'

async function bossOf(world: World): Promise<PgBoss> {
  const boss = await createWorkingBoss(
    world.database.url,
    { onError: () => undefined, onWarning: () => undefined },
    'a-test',
  )
  world.onClose(() => boss.stop({ graceful: false, timeout: 1_000 }))
  return boss
}

async function send(world: World, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => crypto.randomUUID())
  await world.db.$transaction(async (tx) => {
    for (const mintId of ids)
      await world.ctx.queue.enqueue(tx, 'mint-key', { mintId }, { singletonKey: mintId })
  })
  return ids
}

type Row = { key: string; state: string; inSeconds: number; output: unknown }
const jobs = (world: World) => world.db.$queryRaw<Row[]>`
  select singleton_key as key, state::text, extract(epoch from start_after - now())::float8 as "inSeconds",
    output from pgboss.job where name = 'mint-key' order by created_on, id`

/** Works the queue as a worker does, in batches, with whatever each mint's handler answers. */
async function work(world: World, boss: PgBoss, handler: JobHandler<'mint-key'>) {
  const options = {
    batchSize: 5,
    pollingIntervalSeconds: 0.5,
    notifyPollingIntervalSeconds: 0.5,
    includeMetadata: true,
    perJobResults: true,
  } as const
  await boss.work<object, void, typeof options>(
    'mint-key',
    options,
    (batch: JobWithMetadata<object>[]) =>
      runBatch(boss, world.ctx, 'mint-key', eachAlone('mint-key', handler), batch),
  )
}

test('in one batch, done is done, a snooze waits its time, and a throw is retried alone', async () => {
  await using world = await openWorld()
  const boss = await bossOf(world)
  const [done, snoozed, failed] = await send(world, 3)
  await work(world, boss, (_ctx, { mintId }) => {
    if (mintId === done) return Promise.resolve({ kind: 'done' })
    if (mintId === snoozed)
      return Promise.resolve({ kind: 'snooze', seconds: 40, reason: 'paused' })
    return Promise.reject(new Error(`broke with sk-or-v1-${'ab'.repeat(32)}`))
  })
  await expect
    .poll(async () => (await jobs(world)).map((job) => job.state).sort(), { timeout: 10_000 })
    .toEqual(expect.arrayContaining(['completed', 'retry', 'retry']))
  const rows = new Map((await jobs(world)).map((job) => [job.key, job]))
  expect(rows.size).toBe(3)
  expect(rows.get(done!)?.state).toBe('completed')
  expect(rows.get(snoozed!)?.inSeconds).toBeGreaterThan(35)
  expect(rows.get(snoozed!)?.inSeconds).toBeLessThan(41)
  expect(rows.get(failed!)?.inSeconds).toBeLessThan(16)
  expect(JSON.stringify([...rows.values()])).not.toContain('abababab')
})

test('a job that snoozes runs again at its time, once at a time, until it is done', async () => {
  await using world = await openWorld()
  const [first, second] = [await bossOf(world), await bossOf(world)]
  const runs = new Map<string, number[]>()
  const running = new Set<string>()
  let overlaps = 0
  const handler: JobHandler<'mint-key'> = async (_ctx, { mintId }) => {
    if (running.has(mintId)) overlaps++
    running.add(mintId)
    await world.db.$queryRaw`select pg_sleep(0.05)::text`
    running.delete(mintId)
    const times = [...(runs.get(mintId) ?? []), performance.now()]
    runs.set(mintId, times)
    return times.length < 3
      ? { kind: 'snooze', seconds: 2, reason: 'rate-limited' }
      : { kind: 'done' }
  }
  await Promise.all([work(world, first, handler), work(world, second, handler)])
  await send(world, 12)
  await expect
    .poll(async () => (await jobs(world)).filter((job) => job.state === 'completed').length, {
      timeout: 20_000,
    })
    .toBe(12)
  expect(overlaps).toBe(0)
  expect([...runs.values()].map((times) => times.length)).toEqual(
    Array.from({ length: 12 }, () => 3),
  )
  for (const [one, two] of runs.values()) expect(two! - one!).toBeGreaterThan(1_900)
}, 60_000)

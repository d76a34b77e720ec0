/** A worker that is gone is missed at once; one that is frozen or cut off by the heartbeat and the fence. */
import type { ChildProcess } from 'node:child_process'
import { expect, test } from 'vitest'
import { readHealth } from '~/domain/staff/queue/health.server'
import { readAll } from '../tests/engine'
import { claimFor } from '../tests/queue'
import { startTcpProxy } from '../tests/tcp-proxy'
import { openWorld, type World } from '../tests/world'

const claims = 4
/**
 * A second and what a machine that does much else adds; a missed heartbeat takes ten at least.
 * `npm run bench -- kill` measures it.
 */
const atOnceMs = 5_000
const soon = { timeout: 30_000, interval: 20 }

const kill = (child: ChildProcess) =>
  new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })

const attempts = (world: World, state: string) => world.db.mintAttempt.count({ where: { state } })
const ready = (world: World) => world.db.workshopAttendance.count({ where: { state: 'ready' } })

/** A second worker, frozen between two jobs: it holds no lock of a row, and fetches nothing. */
async function frozenHeir(world: World): Promise<ChildProcess> {
  const heir = await world.spawnWorker()
  const atRest = async () => {
    await expect.poll(() => isAtRest(world), soon).toBe(true)
    heir.kill('SIGSTOP')
    const rests = await isAtRest(world)
    if (!rests) heir.kill('SIGCONT')
    return rests
  }
  await expect.poll(atRest, soon).toBe(true)
  return heir
}

async function isAtRest(world: World): Promise<boolean> {
  const [row] = await world.db.$queryRaw<{ rests: boolean }[]>`
    select not exists (select 1 from pgboss.job where state = 'active')
      and not exists (select 1 from pg_stat_activity where datname = current_database()
        and application_name like 'keymint-worker%' and state <> 'idle') as rests`
  return row?.rests ?? false
}

/** The worker is in the middle of a call for each claim. Further calls are quick. */
async function allCalling(world: World) {
  await world.faults({ rules: [{ match: 'POST /keys', fault: 'latency', delayMs: 7_500 }] })
  await claimFor(world, claims)
  await expect.poll(() => attempts(world, 'sent'), soon).toBe(claims)
  await world.clearFaults()
}

/** Milliseconds until no mint waits for the attempt that was out, and how many were taken over. */
async function takenUpAgain(world: World): Promise<{ ms: number; takenOver: number }> {
  const startedAt = performance.now()
  const out = await world.db.mintAttempt.findMany({
    where: { state: 'sent' },
    select: { id: true },
  })
  const ids = out.map(({ id }) => id)
  await expect
    .poll(() => world.db.mintAttempt.count({ where: { id: { in: ids }, state: 'sent' } }), soon)
    .toBe(0)
  const ms = performance.now() - startedAt
  const takenOver = await world.db.mintAttempt.count({ where: { outcome: 'taken-over' } })
  expect(takenOver).toBeGreaterThan(0)
  return { ms, takenOver }
}

/** Each claim has one key, and no other key of ours lives once the last late call has landed. */
async function expectHeldKeysAlone(world: World) {
  const held = (await world.db.workshopAttendance.findMany()).map((claim) => claim.orKeyHash).sort()
  expect(held).toHaveLength(claims)
  const living = async () => {
    await world.db.$executeRaw`
      update keymint.mint_attempts set sent_at = sent_at - interval '2 min'`
    await readAll(world)
    return (await world.liveKeys()).map((key) => key.hash).sort()
  }
  await expect.poll(living, { timeout: 30_000, interval: 500 }).toEqual(held)
}

test('a killed worker has its jobs and mints taken over at once by one that runs', async () => {
  await using world = await openWorld()
  const heir = await frozenHeir(world)
  const killed = await world.spawnWorker()
  await allCalling(world)
  heir.kill('SIGCONT')
  await kill(killed)
  expect((await takenUpAgain(world)).ms).toBeLessThan(atOnceMs)
  await expect.poll(() => ready(world), soon).toBe(claims)
  await expectHeldKeysAlone(world)
  const { workers } = await readHealth(world.ctx)
  const gone = workers.find((worker) => worker.gone !== null)
  const other = workers.find((worker) => worker.seen)
  expect(workers).toHaveLength(2)
  expect(gone).toMatchObject({ seen: false, locked: false, jobs: [], gone: { by: other?.id } })
  expect(gone?.gone?.jobs).toBeGreaterThan(0)
}, 180_000)

test('the only worker killed: the next one that starts takes over at once', async () => {
  await using world = await openWorld()
  const killed = await world.spawnWorker()
  await allCalling(world)
  await kill(killed)
  await world.spawnWorker()
  expect((await takenUpAgain(world)).ms).toBeLessThan(atOnceMs)
  await expect.poll(() => ready(world), soon).toBe(claims)
  await expectHeldKeysAlone(world)
}, 180_000)

test('a frozen worker is not gone: its jobs run again within twenty seconds, and nothing is saved twice', async () => {
  await using world = await openWorld()
  const frozen = await world.spawnWorker()
  await allCalling(world)
  const [before] = (await readHealth(world.ctx)).workers
  frozen.kill('SIGSTOP')
  await world.spawnWorker()
  expect((await takenUpAgain(world)).ms).toBeLessThan(20_000)
  await expect.poll(() => ready(world), soon).toBe(claims)
  const after = (await readHealth(world.ctx)).workers.find((worker) => worker.id === before?.id)
  expect(after).toMatchObject({ locked: true, gone: null })
  frozen.kill('SIGCONT')
  await expect.poll(() => attempts(world, 'sent'), soon).toBe(0)
  await expectHeldKeysAlone(world)
}, 180_000)

test('a worker whose session is cut and comes back keeps its jobs, unless they were taken over', async () => {
  await using world = await openWorld()
  const proxy = await startTcpProxy(world.database.url)
  world.onClose(() => proxy.stop())
  await world.spawnWorker({ DIRECT_DATABASE_URL: proxy.urlFor(world.database.url) })
  await world.spawnWorker()
  await world.faults({ rules: [{ match: 'POST /keys', fault: 'latency', delayMs: 7_500 }] })
  await claimFor(world, claims)
  await expect.poll(() => attempts(world, 'sent'), soon).toBeGreaterThan(0)
  proxy.cut()
  await expect.poll(() => ready(world), soon).toBe(claims)
  // On a machine that does much else it may come back too late for its neighbour's patience.
  const takenOver = await world.db.mintAttempt.count({ where: { outcome: 'taken-over' } })
  expect((await world.calls())['POST /keys']).toBe(claims + takenOver)
  const locks = async () =>
    (await readHealth(world.ctx)).workers.map(({ locked, gone }) => ({ locked, gone }))
  await expect.poll(locks, soon).toEqual([
    { locked: true, gone: null },
    { locked: true, gone: null },
  ])
}, 180_000)

test('a worker cut off from the queue is replaced at once, and what it still makes is not kept', async () => {
  await using world = await openWorld()
  const proxy = await startTcpProxy(world.database.url)
  const heir = await frozenHeir(world)
  await world.spawnWorker({ DIRECT_DATABASE_URL: proxy.urlFor(world.database.url) })
  await allCalling(world)
  heir.kill('SIGCONT')
  await proxy.stop()
  const { ms, takenOver } = await takenUpAgain(world)
  expect(ms).toBeLessThan(atOnceMs)
  await expect.poll(() => ready(world), soon).toBe(claims)
  // The cut-off worker gets its answers, loses each save, and deletes what it made.
  await expect
    .poll(
      () => world.db.mintAttempt.count({ where: { state: 'condemned', deletedAt: { not: null } } }),
      soon,
    )
    .toBe(takenOver)
  await expectHeldKeysAlone(world)
}, 180_000)

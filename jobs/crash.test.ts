/** Crashes as crashes: worker processes killed and frozen, Postgres restarted in a burst. */
import type { ChildProcess } from 'node:child_process'
import pg from 'pg'
import { expect, test } from 'vitest'
import { claimKey } from '~/domain/claim/claim.server'
import { readAll } from '../tests/engine'
import { openWorld, type World } from '../tests/world'

const workshopSlug = 'test-workshop'

async function claimOne(world: World) {
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug, person: person!, optIn: false })
  return person!
}

/**
 * Holds the claim's row, so that a worker that holds a fresh key waits in the middle of its
 * save.
 */
async function holdClaims(world: World): Promise<{ release(): Promise<void> }> {
  const client = new pg.Client({ connectionString: world.database.url })
  await client.connect()
  await client.query('begin')
  await client.query('select 1 from keymint.workshop_attendance for update')
  return {
    release: async () => {
      await client.query('rollback')
      await client.end()
    },
  }
}

async function keyExistsUpstream(world: World, count = 1) {
  await expect
    .poll(async () => (await world.liveKeys()).length, { timeout: 30_000, interval: 50 })
    .toBe(count)
}

async function becomesReady(world: World, patienceMs: number) {
  await expect
    .poll(() => world.db.workshopAttendance.count({ where: { state: 'ready' } }), {
      timeout: patienceMs,
      interval: 100,
    })
    .toBe(1)
}

/** One key that its owner holds, and no other key of ours that lives. */
async function expectExactlyTheHeldKey(world: World) {
  await readAll(world)
  const claim = await world.db.workshopAttendance.findFirstOrThrow()
  expect((await world.liveKeys()).map((key) => key.hash)).toEqual([claim.orKeyHash])
}

const kill = (child: ChildProcess) =>
  new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })

test('a worker killed between the answer and the commit: one spendable key, within thirty seconds', async () => {
  await using world = await openWorld()
  const worker = await world.spawnWorker()
  await world.faults({ rules: [{ match: 'POST /keys', fault: 'latency', delayMs: 400 }] })
  await claimOne(world)
  const held = await holdClaims(world)
  await keyExistsUpstream(world)
  await expect.poll(() => waitingForLock(world), { timeout: 10_000, interval: 20 }).toBe(true)
  await kill(worker)
  await held.release()
  await world.spawnWorker()
  await becomesReady(world, 30_000)
  await expectExactlyTheHeldKey(world)
}, 90_000)

test('a worker frozen before it reads the answer and continued after the takeover saves nothing', async () => {
  await using world = await openWorld()
  const frozen = await world.spawnWorker()
  await world.faults({ rules: [{ match: 'POST /keys', fault: 'late', delayMs: 1_500, times: 1 }] })
  await claimOne(world)
  await keyExistsUpstream(world)
  frozen.kill('SIGSTOP')
  await world.spawnWorker()
  await becomesReady(world, 30_000)
  const before = await world.db.workshopAttendance.findFirstOrThrow()
  frozen.kill('SIGCONT')
  await expect
    .poll(() => world.db.mintAttempt.count({ where: { state: 'sent' } }), { timeout: 15_000 })
    .toBe(0)
  await expectExactlyTheHeldKey(world)
  expect((await world.db.workshopAttendance.findFirstOrThrow()).orKeyHash).toBe(before.orKeyHash)
}, 90_000)

test('a worker frozen in the middle of its save loses the race, and its key is deleted upstream', async () => {
  await using world = await openWorld()
  const frozen = await world.spawnWorker()
  await claimOne(world)
  const held = await holdClaims(world)
  await expect.poll(() => waitingForLock(world), { timeout: 20_000, interval: 20 }).toBe(true)
  frozen.kill('SIGSTOP')
  await held.release()
  await world.spawnWorker()
  // The frozen session holds the row until Postgres ends it; only then can the other worker save.
  await becomesReady(world, 60_000)
  frozen.kill('SIGCONT')
  await expect
    .poll(
      () => world.db.mintAttempt.count({ where: { state: 'condemned', deletedAt: { not: null } } }),
      { timeout: 40_000, interval: 200 },
    )
    .toBe(1)
  const claim = await world.db.workshopAttendance.findFirstOrThrow()
  expect((await world.liveKeys()).map((key) => key.hash)).toEqual([claim.orKeyHash])
}, 150_000)

async function waitingForLock(world: World): Promise<boolean> {
  const [row] = await world.db.$queryRaw<{ waiting: boolean }[]>`
    select exists (select 1 from pg_stat_activity where datname = current_database()
      and application_name = 'keymint-worker' and wait_event_type = 'Lock') as waiting`
  return row?.waiting ?? false
}

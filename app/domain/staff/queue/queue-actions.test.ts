/** The queue as staff repair it: a real Postgres, the stand-in, and a worker. */
import { expect, test } from 'vitest'
import { findClaimView } from '../../claim/claim-view.server'
import { openWorld } from '../../../../tests/harness'
import { cancelJob, redriveJob, retryJob } from './actions.server'
import { actOnJobs } from './bulk-jobs.server'
import { readQueuePage } from './queue-page.server'
import {
  actorUserId,
  bound,
  claimFor,
  onlyJob,
  soon,
  states,
  workshopSlug,
} from '../../../../tests/queue'

test('cancelling the job of a mint refuses its claim with the reason and gives money and seat back', async () => {
  await using world = await openWorld()
  const [person] = await claimFor(world, 2)
  const page = await readQueuePage(world.ctx, { tab: 'waiting', text: person!.displayName })
  const job = page.list.rows.find((row) => row.claim?.userId === person!.userId)!
  expect((await world.db.pool.findFirstOrThrow()).seats).toBe(2)
  expect(
    await cancelJob(world.ctx, { jobId: job.id, actorUserId, reason: 'You have left the room.' }),
  ).toMatchObject({ kind: 'done' })
  expect(await cancelJob(world.ctx, { jobId: job.id, actorUserId, reason: 'again' })).toMatchObject(
    { kind: 'nothing' },
  )
  const view = await findClaimView(world.ctx, { workshopSlug, userId: person!.userId })
  expect(view).toMatchObject({
    state: 'refused',
    refusal: { reason: 'cancelled', detail: 'You have left the room.' },
  })
  const pool = await world.db.pool.findFirstOrThrow()
  expect([pool.seats, Number(pool.committedUsd)]).toEqual([1, 2])
  await world.startWorkerHere()
  await expect.poll(() => states(world), soon).toEqual({ ready: 1, refused: 1 })
  expect(await world.liveKeys()).toHaveLength(1)
  const [row] = (await readQueuePage(world.ctx, { tab: 'cancelled' })).list.rows
  expect(row).toMatchObject({ id: job.id, can: { retry: true } })
  expect(await retryJob(world.ctx, { jobId: job.id, actorUserId })).toMatchObject({ kind: 'done' })
  await expect.poll(() => states(world), soon).toEqual({ ready: 2 })
})

test('a key that is under way when its mint is cancelled is not given out, and is deleted upstream', async () => {
  await using world = await openWorld()
  await world.faults({ rules: [{ match: 'POST /keys', fault: 'late', delayMs: 1_500 }] })
  const [person] = await claimFor(world, 1)
  await world.startWorkerHere()
  await expect.poll(async () => (await world.liveKeys()).length, soon).toBe(1)
  expect(
    await cancelJob(world.ctx, {
      jobId: await onlyJob(world, 'mint-key'),
      actorUserId,
      reason: 'Too late.',
    }),
  ).toMatchObject({ kind: 'done' })
  await expect.poll(async () => (await world.liveKeys()).length, soon).toBe(0)
  expect(await findClaimView(world.ctx, { workshopSlug, userId: person!.userId })).toMatchObject({
    state: 'refused',
    refusal: { reason: 'cancelled' },
  })
})

test('a mint that the provider refuses is among the failed, and a retry creates its key', async () => {
  await using world = await openWorld()
  await world.faults({
    rules: [
      { match: 'POST /keys', fault: 'refuse', status: 400, message: 'No such model.', times: 1 },
    ],
  })
  await claimFor(world, 1)
  await world.startWorkerHere()
  await expect
    .poll(async () => (await readQueuePage(world.ctx, { tab: 'failed' })).list.rows.length, soon)
    .toBe(1)
  const page = await readQueuePage(world.ctx, { tab: 'failed' })
  expect(page.counts.failed).toEqual({ count: 1, more: false })
  expect(page.list.rows[0]).toMatchObject({
    name: 'mint-key',
    reason: 'The provider refused the request (400): No such model.',
    can: { retry: true, cancel: false },
  })
  expect(await retryJob(world.ctx, { jobId: page.list.rows[0]!.id, actorUserId })).toMatchObject({
    kind: 'done',
  })
  await expect.poll(() => states(world), soon).toEqual({ ready: 1 })
})

test('a cancelled bind stays unbound until somebody asks, and the sweep leaves it alone', async () => {
  await using world = await openWorld()
  await world.faults({ bindFails: true })
  await claimFor(world, 1)
  await world.startWorkerHere()
  await expect
    .poll(
      async () =>
        (await readQueuePage(world.ctx, { tab: 'retrying', job: 'bind-guardrail' })).list.rows
          .length,
      soon,
    )
    .toBe(1)
  const jobId = await onlyJob(world, 'bind-guardrail')
  expect(
    await cancelJob(world.ctx, { jobId, actorUserId, reason: 'Looked into by hand.' }),
  ).toMatchObject({ kind: 'done' })
  await world.clearFaults()
  expect(await world.db.workshopAttendance.findFirst()).toMatchObject({
    bindSetAside: true,
    bindError: 'Looked into by hand.',
  })
  expect(await retryJob(world.ctx, { jobId, actorUserId })).toMatchObject({ kind: 'done' })
  await expect.poll(() => bound(world), soon).toBe(1)
})

test('an unreadable job becomes a dead letter alone, and can go back to its queue', async () => {
  await using world = await openWorld()
  await world.db.$executeRaw`
      insert into pgboss.job (name, data, policy, dead_letter, retry_limit, singleton_key)
        values ('mint-key', '{"mintId": "nonsense"}', 'exclusive', 'mint-key-dead', 100000, 'x')`
  await claimFor(world, 3)
  await world.startWorkerHere()
  await expect.poll(() => states(world), soon).toEqual({ ready: 3 })
  const dead = () => readQueuePage(world.ctx, { tab: 'dead' })
  await expect.poll(async () => (await dead()).list.rows.length, soon).toBe(1)
  expect((await dead()).counts.dead.count).toBe(1)
  expect((await dead()).list.rows[0]).toMatchObject({
    name: 'mint-key-dead',
    reason: 'The job holds something that this version cannot read.',
    can: { redrive: true, retry: false },
  })
  expect(
    await redriveJob(world.ctx, { jobId: (await dead()).list.rows[0]!.id, actorUserId }),
  ).toMatchObject({ kind: 'done' })
  // Still unreadable: it comes back instead of being lost.
  await expect.poll(async () => (await dead()).list.rows.length, soon).toBe(1)
})

test('a dead letter of a pending mint sends it again; one of an ended mint is removed', async () => {
  await using world = await openWorld()
  await claimFor(world, 2)
  const [first, second] = await world.db.mint.findMany({ orderBy: { queuedAt: 'asc' } })
  await world.db.$executeRaw`delete from pgboss.job where name = 'mint-key'`
  await world.db
    .$executeRaw`update keymint.mints set state = 'refused' where id = ${second!.id}::uuid`
  const letter = (mintId: string) =>
    world.db.$queryRaw<{ id: string }[]>`
      insert into pgboss.job (name, data, source_name)
        values ('mint-key-dead', ${JSON.stringify({ mintId })}::jsonb, 'mint-key') returning id`.then(
      (rows) => rows[0]!.id,
    )
  const [one, two] = [await letter(first!.id), await letter(second!.id)]
  expect(await redriveJob(world.ctx, { jobId: two, actorUserId })).toMatchObject({
    kind: 'nothing',
  })
  const started = await actOnJobs(world.ctx, {
    action: 'redrive-job',
    selection: { jobIds: [one] },
    reason: null,
    actorUserId,
  })
  expect(started.kind).toBe('started')
  await world.startWorkerHere()
  await expect.poll(() => world.db.mint.count({ where: { state: 'done' } }), soon).toBe(1)
  await expect
    .poll(async () => (await readQueuePage(world.ctx, { tab: 'dead' })).counts.dead.count, soon)
    .toBe(0)
})

test('a retry runs now what would have waited, and a bulk retry spreads a crowd over time', async () => {
  await using world = await openWorld()
  await claimFor(world, 45)
  await world.db
    .$executeRaw`update pgboss.job set start_after = now() + interval '1 hour' where name = 'mint-key'`
  await world.db.$executeRaw`
      update keymint.mints set not_before = now() + interval '1 hour', delay_reason = 'rate-limited'`
  const jobId = await onlyJob(world, 'mint-key')
  expect(await retryJob(world.ctx, { jobId, actorUserId })).toMatchObject({ kind: 'done' })
  const waits = () =>
    world.db.$queryRaw<{ seconds: number }[]>`
      select extract(epoch from start_after - now())::float8 as seconds from pgboss.job where name = 'mint-key'
        order by start_after`
  expect((await waits())[0]!.seconds).toBeLessThanOrEqual(0.5)
  expect((await waits())[1]!.seconds).toBeGreaterThan(3_000)
  expect(
    await world.db.auditEvent.count({ where: { action: 'job.retried', subject: `job:${jobId}` } }),
  ).toBe(1)

  const started = await actOnJobs(world.ctx, {
    action: 'retry-job',
    selection: { filter: { tab: 'unfinished', job: 'mint-key' } },
    reason: null,
    actorUserId,
  })
  if (started.kind !== 'started') throw new Error('it starts')
  const { runBulk } = await import('../../bulk/run-bulk.server')
  const { bulkKinds } = await import('../kinds.server')
  expect(await runBulk(world.ctx, started.bulkId, bulkKinds)).toMatchObject({ kind: 'done' })
  const seconds = (await waits()).map((wait) => Math.ceil(wait.seconds / 5) * 5)
  expect(
    [0, 5, 10].map((step) => seconds.filter((wait) => Math.max(0, wait) === step).length),
  ).toEqual([20, 20, 5])
})

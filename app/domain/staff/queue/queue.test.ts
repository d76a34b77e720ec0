/** The queue as staff see it: a real Postgres, the stand-in, and a worker. */
import { expect, test } from 'vitest'
import { findClaimView } from '../../claim/claim-view.server'
import { findWorkshopView } from '../../workshop/view.server'
import { pauseMinting, resumeMinting } from '../../keys/pause.server'
import { readBulk } from '../../bulk/bulk.server'
import { openWorld } from '../../../../tests/world'
import { actOnJobs } from './bulk-jobs.server'
import { readJobPage, readQueuePage, readQueueThroughput } from './queue-page.server'
import { pruneHistory, recordRuns, type JobRun } from '../../operations/job-history.server'
import { actorUserId, bound, claimFor, soon, states, workshopSlug } from '../../../../tests/queue'

test('failed assignments are one error with a count and a sample, and one action retries them all', async () => {
  await using world = await openWorld()
  await world.faults({ bindFails: true })
  await claimFor(world, 12)
  await world.startWorkerHere()
  await expect.poll(() => states(world), soon).toEqual({ ready: 12 })
  await expect
    .poll(
      async () =>
        (await readQueuePage(world.ctx, { tab: 'retrying', job: 'bind-guardrail' })).list.rows
          .length,
      soon,
    )
    .toBe(12)
  const page = await readQueuePage(world.ctx, { tab: 'unfinished' })
  const [group] = page.errors
  expect(page.errors).toHaveLength(1)
  expect(group).toMatchObject({
    class: 'server-error',
    status: 500,
    jobNames: ['bind-guardrail'],
    jobsNow: { count: 12, more: false },
  })
  expect(group!.count).toBeGreaterThanOrEqual(12)
  const filter = { tab: 'unfinished', error: group!.fingerprint } as const
  const hit = await readQueuePage(world.ctx, filter)
  expect(hit.list.rows).toHaveLength(12)
  expect(
    hit.list.rows.every(
      (row) =>
        row.claim?.workshop === workshopSlug && row.reason?.includes('(500)') && row.can.retry,
    ),
  ).toBe(true)
  const runs = (await readJobPage(world.ctx, hit.list.rows[0]!.id))!.runs
  expect(runs.at(-1)).toMatchObject({
    run: 1,
    outcome: 'retry',
    httpStatus: 500,
    errorGroup: group!.fingerprint,
  })
  expect(runs[0]?.workerId).toMatch(/^[0-9a-f-]{36}$/)

  await world.clearFaults()
  const started = await actOnJobs(world.ctx, {
    action: 'retry-job',
    selection: { filter },
    reason: null,
    actorUserId,
  })
  expect(started).toMatchObject({ kind: 'started', count: 12 })
  await expect.poll(() => bound(world), soon).toBe(12)
  if (started.kind !== 'started') return
  await expect
    .poll(async () => (await readBulk(world.ctx, started.bulkId))?.state, soon)
    .toBe('done')
  const event = await world.db.auditEvent.findFirstOrThrow({ where: { action: 'bulk.started' } })
  expect(event).toMatchObject({
    actor: `user:${actorUserId}`,
    details: {
      kind: 'retry-job',
      selection: { filter: { tab: 'unfinished', error: group!.fingerprint } },
    },
  })
  await expect
    .poll(async () => (await readQueuePage(world.ctx, filter)).list.rows.length, soon)
    .toBe(0)
})

test('an outage is one error for all jobs it delays, and the queue drains after it', async () => {
  await using world = await openWorld()
  await world.faults({ rules: [{ match: '*', fault: '503' }] })
  const people = await claimFor(world, 25)
  await world.startWorkerHere()
  await expect
    .poll(
      async () =>
        (await readQueuePage(world.ctx, { tab: 'retrying', job: 'mint-key' })).list.rows.filter(
          (row) => row.errorGroup !== null,
        ).length,
      soon,
    )
    .toBe(25)
  const { errors, health } = await readQueuePage(world.ctx, { tab: 'unfinished' })
  expect(
    errors
      .filter((group) => group.jobNames.includes('mint-key'))
      .map((group) => [group.class, group.jobsNow.count]),
  ).toEqual([['unreachable', 25]])
  expect(health.gate.kind).toBe('cooling-down')
  expect(health.tone).toBe('error')
  expect(health.recent.errors).toBeGreaterThan(0)
  const view = await findClaimView(world.ctx, { workshopSlug, userId: people[3]!.userId })
  expect(view?.waiting?.delay?.reason).toMatch(/upstream-trouble|unreachable/)
  await world.clearFaults()
  await expect.poll(() => states(world), { timeout: 60_000, interval: 200 }).toEqual({ ready: 25 })
  await expect
    .poll(
      async () =>
        (await readQueuePage(world.ctx, { tab: 'unfinished', job: 'mint-key' })).list.rows.length,
      soon,
    )
    .toBe(0)
}, 120_000)

test('a pause holds all mints with its reason; resuming starts them soon, not all in one instant', async () => {
  await using world = await openWorld()
  const people = await claimFor(world, 60)
  expect(await pauseMinting(world.ctx, { actorUserId, reason: 'Lunch is served.' })).toBe('paused')
  await world.startWorkerHere()
  const waiting = () => world.db.mint.count({ where: { state: 'pending', delayReason: 'paused' } })
  await expect.poll(waiting, soon).toBe(60)
  const { health, errors } = await readQueuePage(world.ctx, { tab: 'unfinished' })
  expect(health.gate).toMatchObject({ kind: 'paused', reason: 'Lunch is served.', by: actorUserId })
  expect(errors).toEqual([])
  const view = await findClaimView(world.ctx, { workshopSlug, userId: people[0]!.userId })
  expect(view?.waiting?.delay).toMatchObject({ reason: 'paused', detail: 'Lunch is served.' })
  expect(Date.parse(view?.waiting?.delay?.since ?? '')).toBeGreaterThan(Date.now() - 60_000)
  expect(await findWorkshopView(world.ctx, workshopSlug)).toMatchObject({
    paused: { reason: 'Lunch is served.', since: view?.waiting?.delay?.since },
  })

  const resumedAt = await world.db.$queryRaw<{ now: Date }[]>`select clock_timestamp() as now`
  expect(await resumeMinting(world.ctx, { actorUserId })).toBeGreaterThan(0)
  // Without being brought forward, the pause's own wait of 15 s would hold them.
  const [spread] = await world.db.$queryRaw<{ seconds: number }[]>`
    select coalesce(extract(epoch from max(start_after) - ${resumedAt[0]!.now}), 0)::float8 as seconds
      from pgboss.job where name = 'mint-key' and state in ('created', 'retry')`
  expect(spread!.seconds).toBeLessThan(4)
  await expect.poll(() => states(world), soon).toEqual({ ready: 60 })
  expect(await resumeMinting(world.ctx, { actorUserId })).toBeNull()
  expect(
    (
      await world.db.auditEvent.findMany({ where: { subject: 'minting' }, orderBy: { id: 'asc' } })
    ).map((event) => event.action),
  ).toEqual(['minting.paused', 'minting.resumed'])
})

const run = (change: Partial<JobRun>): JobRun => ({
  jobId: crypto.randomUUID(),
  jobName: 'mint-key',
  subject: null,
  run: 1,
  workerId: 'w',
  startedAt: new Date(),
  ranMs: 120,
  waitMs: 8,
  outcome: 'done',
  reason: null,
  error: null,
  counts: {},
  nextRunAt: null,
  ...change,
})

test('what workers record at once adds up, is charted, and is forgotten in time', async () => {
  await using world = await openWorld()
  const error = { reason: 'unreachable' }
  await Promise.all(
    Array.from({ length: 12 }, () =>
      recordRuns(world.ctx, [
        run({}),
        run({ outcome: 'snooze', error, reason: 'unreachable' }),
        run({ jobName: 'sweep', outcome: 'retry', error }),
        run({ jobName: 'sweep' }),
      ]),
    ),
  )
  const minutes = await world.db.jobMinute.findMany({ where: { name: 'mint-key' } })
  const sum = (pick: (minute: (typeof minutes)[number]) => number) =>
    minutes.reduce((total, minute) => total + pick(minute), 0)
  expect([
    sum((m) => m.done),
    sum((m) => m.snoozed),
    sum((m) => m.failed),
    sum((m) => m.errors),
  ]).toEqual([12, 12, 0, 12])
  expect(sum((m) => m.waitBins.reduce((a, b) => a + b, 0))).toBe(24)
  const [group] = await world.db.errorGroup.findMany()
  expect(group).toMatchObject({ count: 24n, jobNames: ['mint-key', 'sweep'], class: 'unreachable' })
  const hour = await readQueueThroughput(world.ctx, { span: 'hour' })
  expect(hour.total).toMatchObject({ done: 12, failed: 0, snooze: 12 })
  expect(hour.points).toHaveLength(60)
  expect(hour.total.run.p50).toBeGreaterThan(0.1)
  expect(hour.total.run.p95).toBeLessThanOrEqual(0.2)
  const day = await readQueueThroughput(world.ctx, { span: 'day', job: 'sweep' })
  expect([
    day.points.length,
    day.total.failed,
    day.points.reduce((all, point) => all + point.done * 15, 0),
  ]).toEqual([96, 12, 12])

  await recordRuns(world.ctx, [run({ startedAt: new Date(Date.now() - 8 * 86_400_000) })])
  await world.db.errorGroup.updateMany({
    data: { lastSeen: new Date(Date.now() - 31 * 86_400_000) },
  })
  expect(await world.db.jobRun.count()).toBe(49)
  await pruneHistory(world.ctx)
  expect([await world.db.jobRun.count(), await world.db.errorGroup.count()]).toEqual([48, 0])
})

test('the banner names what matters most: no worker, a pause, a wait', async () => {
  await using world = await openWorld()
  await claimFor(world, 1)
  const health = async () => (await readQueuePage(world.ctx, { tab: 'unfinished' })).health
  expect(await health()).toMatchObject({
    tone: 'error',
    finding: { code: 'no-worker', quietSeconds: null },
  })
  await world.db
    .$executeRaw`insert into keymint.workers (id, slots, version, region) values ('w', 4, '1.2', 'fra')`
  expect(await health()).toMatchObject({
    tone: 'ok',
    finding: null,
    workers: [{ version: '1.2', region: 'fra', seen: true }],
  })
  await world.db
    .$executeRaw`update pgboss.job set start_after = now() - interval '3 minutes' where name = 'mint-key'`
  expect(await health()).toMatchObject({
    tone: 'error',
    finding: { code: 'workers-behind', seconds: expect.any(Number) as number },
    oldestWaiting: { name: 'mint-key', seconds: expect.any(Number) as number },
  })
  await pauseMinting(world.ctx, { actorUserId, reason: 'Back at two.' })
  expect(await health()).toMatchObject({
    tone: 'warning',
    finding: { code: 'paused' },
    gate: { by: actorUserId, reason: 'Back at two.' },
  })
})

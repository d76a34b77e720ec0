/** What runs by itself: how the last run ended, when the next comes, and running one at once. */
import { expect, test } from 'vitest'
import { schedules } from '~/adapters/job-catalog'
import { outcomeMessage, scheduleSentences } from '~/components/staff/queue/schedule-messages'
import { sparkline } from '~/web/sparklines.server'
import { actorUserId, soon } from '../../../../tests/queue'
import { openWorld, type World } from '../../../../tests/world'
import { recordRuns, type JobRun } from '../../operations/job-history.server'
import { pauseQueue } from '../../operations/paused-queues.server'
import { nextRun } from './next-run'
import { runNow, type ScheduledName } from './run-now.server'
import { readSchedulesPage } from './schedules.server'

const run = (change: Partial<JobRun>): JobRun => ({
  jobId: crypto.randomUUID(),
  jobName: 'retention',
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
const scheduleOf = async (world: World, name: ScheduledName) =>
  (await readSchedulesPage(world.ctx)).schedules.find((one) => one.name === name)

test('every schedule of the catalog has a sentence and a next run', async () => {
  await using world = await openWorld()
  const page = await readSchedulesPage(world.ctx)
  expect(page.schedules.map(({ name }) => name)).toEqual(schedules.map(({ name }) => name))
  for (const { name, nextAt, last } of page.schedules) {
    expect(scheduleSentences[name]).toMatch(/^[A-Z].*\.$/)
    expect(Date.parse(nextAt ?? '')).toBeGreaterThanOrEqual(Date.parse(page.asOf))
    expect(last).toBeNull()
  }
})

test.for([
  ['* * * * *', '2026-03-01T10:00:30Z', '2026-03-01T10:01:00.000Z'],
  ['7 * * * *', '2026-03-01T10:07:00Z', '2026-03-01T11:07:00.000Z'],
  ['23 3 * * *', '2026-02-28T03:23:00Z', '2026-03-01T03:23:00.000Z'],
  ['0 0 * * *', '2026-12-31T23:59:59Z', '2027-01-01T00:00:00.000Z'],
] as const)('%s after %s fires at %s', ([cron, after, next]) => {
  expect(nextRun(cron, new Date(after)).toISOString()).toBe(next)
})

test('a cron that the page cannot read is a fault, not a wrong time', () => {
  expect(() => nextRun('*/5 * * * *', new Date())).toThrow()
  expect(() => nextRun('0 0 1 * *', new Date())).toThrow()
})

test('the last run outlives its history, and an older one does not replace it', async () => {
  await using world = await openWorld()
  const startedAt = new Date(Date.now() - 60_000)
  await recordRuns(world.ctx, [run({ startedAt, ranMs: 2_500, counts: { erased: 3 } })])
  await recordRuns(world.ctx, [
    run({ startedAt: new Date(startedAt.getTime() - 1_000), counts: { erased: 9 } }),
    run({ jobName: 'mint-key' }),
  ])
  await world.db.$executeRaw`delete from keymint.job_runs`
  expect((await scheduleOf(world, 'retention'))?.last).toMatchObject({
    startedAt: startedAt.toISOString(),
    ranMs: 2_500,
    outcome: 'done',
    counts: { erased: 3 },
  })
  expect(await world.db.scheduleResult.count()).toBe(1)
  await recordRuns(world.ctx, [
    run({ outcome: 'retry', error: { reason: 'unreachable' }, reason: 'x' }),
  ])
  const last = (await scheduleOf(world, 'retention'))?.last
  expect(last && outcomeMessage(last)).toEqual({
    text: 'Failed: The provider could not be reached. Retrying automatically.',
    failed: true,
  })
})

test('a run that found nothing says so, and one with a part that failed is a failure', () => {
  const last = { jobId: '', startedAt: '', ranMs: 1, outcome: 'done', reason: null } as const
  expect(outcomeMessage({ ...last, counts: { ended: 1, seatsFreed: 2, countersKept: 5 } })).toEqual(
    {
      text: 'Done: 1 expired key ended, 2 seats freed.',
      failed: false,
    },
  )
  expect(outcomeMessage({ ...last, counts: { ended: 0 } }).text).toBe('Done: nothing was due.')
  expect(outcomeMessage({ ...last, counts: { partsFailed: 2 } })).toEqual({
    text: 'Done: 2 parts failed and are retried.',
    failed: true,
  })
})

test('two presses start one run, which a worker does; a third at once starts none', async () => {
  await using world = await openWorld()
  const press = () => runNow(world.ctx, { name: 'retention', actorUserId })
  expect((await Promise.all([press(), press()])).sort()).toEqual(['ran-just-now', 'starts'])
  expect(
    await world.db.$queryRaw`select count(*)::int as n from pgboss.job where name = 'retention'`,
  ).toEqual([{ n: 1 }])
  const worker = await world.startWorkerHere()
  await expect
    .poll(async () => (await scheduleOf(world, 'retention'))?.last?.outcome, soon)
    .toBe('done')
  expect(await press()).toBe('ran-just-now')
  expect(await world.db.auditEvent.count({ where: { action: 'schedule.run-now' } })).toBe(1)
  await worker.stop()
})

test('a schedule that runs or is paused is not started, and one that waits is brought forward', async () => {
  await using world = await openWorld()
  const press = () => runNow(world.ctx, { name: 'sweep', actorUserId })
  await world.db.$transaction((tx) =>
    world.ctx.queue.enqueue(tx, 'sweep', {}, { startAfterSeconds: 600 }),
  )
  await world.db
    .$executeRaw`update pgboss.job set state = 'active', started_on = now() where name = 'sweep'`
  expect(await press()).toBe('running')
  expect((await scheduleOf(world, 'sweep'))?.running).not.toBeNull()
  await world.db.$executeRaw`update pgboss.job set state = 'created' where name = 'sweep'`
  await pauseQueue(world.ctx, { name: 'sweep', actorUserId, reason: 'Lunch.', typed: 'sweep' })
  expect(await press()).toBe('paused')
  expect(await scheduleOf(world, 'sweep')).toMatchObject({
    nextAt: null,
    paused: { reason: 'Lunch.' },
  })
  await world.db.$executeRaw`delete from keymint.paused_queues`
  expect(await press()).toBe('starts')
  expect(
    await world.db.$queryRaw`
      select count(*)::int as n, bool_and(start_after <= now()) as due from pgboss.job where name = 'sweep'`,
  ).toEqual([{ n: 1, due: true }])
})

test('a queue shows its last hour by the minute, in a picture and in a sentence', async () => {
  await using world = await openWorld()
  await recordRuns(world.ctx, [
    run({ jobName: 'mint-key' }),
    run({ jobName: 'mint-key' }),
    run({ jobName: 'mint-key', outcome: 'failed', error: { reason: 'unreachable' } }),
  ])
  await world.db.$transaction((tx) =>
    world.ctx.queue.enqueue(tx, 'mint-key', { mintId: crypto.randomUUID() }),
  )
  const { queues } = await readSchedulesPage(world.ctx)
  const mint = queues.find(({ name }) => name === 'mint-key')
  expect(mint).toMatchObject({ stakes: 'keys', paused: null, running: 0, waiting: { count: 1 } })
  expect(mint?.hour).toHaveLength(60)
  const drawn = sparkline(mint?.hour ?? [])
  expect(drawn.sentence).toBe('2 done and 1 failed in the last hour; none waited long.')
  expect(drawn.done).toMatch(/^M[\d.,]+h/)
  expect(drawn.failed).toMatch(/^M[\d.,]+L/)
  expect(sparkline(queues.find(({ name }) => name === 'doctor')?.hour ?? []).sentence).toBe(
    'Nothing ran in the last hour.',
  )
})

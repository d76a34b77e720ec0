/** Pausing a queue: obeyed by every worker at once, and no job is lost however long it lasts. */
import { expect, test } from 'vitest'
import { claimFor, soon, states, actorUserId } from '../../../tests/queue'
import { openWorld, type World } from '../../../tests/world'
import { readEngine } from './engine.server'
import { judgeEngine } from './judgement'
import { pauseQueue, readPausedQueues, resumeQueue } from './paused-queues.server'
import { checkReadiness, testedDeployment } from './readiness.server'

const pause = (world: World, name: 'mint-key' | 'make-receipt' | 'apply-key', reason = 'Lunch.') =>
  pauseQueue(world.ctx, { name, actorUserId, reason, typed: name })
const jobs = async (world: World, name: string) =>
  (
    await world.db.$queryRaw<{ state: string; n: number }[]>`
      select state::text, count(*)::int as n from pgboss.job where name = ${name} group by 1`
  ).map(({ state, n }) => [state, n])

test('two workers fetch nothing of a paused queue, also after a restart, and all of it once it resumes', async () => {
  await using world = await openWorld()
  const first = await world.startWorkerHere()
  await pause(world, 'mint-key')
  await claimFor(world, 12)
  const second = await world.startWorkerHere()
  // Another queue of the same workers goes on meanwhile.
  await expect.poll(() => world.db.scheduleResult.count({ where: { name: 'sweep' } }), soon).toBe(1)
  await first.stop()
  await expect
    .poll(() => world.db.scheduleResult.count({ where: { name: 'chain-audit' } }), soon)
    .toBe(1)
  expect(await states(world)).toEqual({ pending: 12 })
  expect(await jobs(world, 'mint-key')).toEqual([['created', 12]])
  expect(await resumeQueue(world.ctx, { name: 'mint-key', actorUserId })).toBe(true)
  await expect.poll(() => states(world), soon).toEqual({ ready: 12 })
  await second.stop()
})

test('a job that waits longer than pg-boss keeps jobs outlives the pause, and is kept after it', async () => {
  await using world = await openWorld()
  await claimFor(world, 3)
  await pause(world, 'mint-key')
  await world.db
    .$executeRaw`update pgboss.job set keep_until = now() - interval '1 day' where name = 'mint-key'`
  const expired = () =>
    world.db
      .$executeRaw`delete from pgboss.job where state < 'active' and keep_until < now() and name = 'mint-key'`
  expect(await expired()).toBe(0)
  await resumeQueue(world.ctx, { name: 'mint-key', actorUserId })
  expect(await expired()).toBe(0)
  expect(await jobs(world, 'mint-key')).toEqual([['created', 3]])
})

test('a queue on which keys or limits depend is paused only by whoever types its name', async () => {
  await using world = await openWorld()
  const typed = (name: 'apply-key' | 'make-receipt', text: string) =>
    pauseQueue(world.ctx, { name, actorUserId, reason: 'Lunch.', typed: text })
  expect(await typed('apply-key', 'apply')).toBe('name-not-typed')
  expect(await readPausedQueues(world.ctx)).toEqual([])
  expect(await typed('apply-key', ' apply-key ')).toBe('paused')
  expect(await typed('make-receipt', '')).toBe('paused')
  expect((await readPausedQueues(world.ctx)).map(({ name }) => name)).toEqual([
    'apply-key',
    'make-receipt',
  ])
})

test('pausing twice keeps the time and takes the newer reason; two at once leave one pause', async () => {
  await using world = await openWorld()
  const outcomes = await Promise.all([
    pause(world, 'make-receipt', 'One.'),
    pause(world, 'make-receipt', 'Two.'),
  ])
  expect(outcomes.sort()).toEqual(['paused', 'reason-changed'])
  const [before] = await readPausedQueues(world.ctx)
  expect(await pause(world, 'make-receipt', 'Three.')).toBe('reason-changed')
  expect(await readPausedQueues(world.ctx)).toEqual([
    { name: 'make-receipt', since: before?.since, by: actorUserId, reason: 'Three.', due: 0 },
  ])
  const resume = () => resumeQueue(world.ctx, { name: 'make-receipt', actorUserId })
  expect((await Promise.all([resume(), resume()])).sort()).toEqual([false, true])
  const events = await world.db.auditEvent.findMany({
    where: { subject: 'queue:make-receipt' },
    orderBy: { id: 'asc' },
  })
  expect(events.map(({ action, actor }) => [action, actor])).toEqual([
    ...Array.from({ length: 3 }, () => ['queue.paused', `user:${actorUserId}`]),
    ['queue.resumed', `user:${actorUserId}`],
  ])
  expect(events.at(-1)?.details).toEqual({ job: 'make-receipt', reason: 'Three.' })
})

test('a pause is judged and shown by readiness, and what it holds back is not late', async () => {
  await using world = await openWorld()
  await world.db.$executeRaw`insert into keymint.workers (id, slots) values ('worker', 8)`
  await claimFor(world, 1)
  await world.db
    .$executeRaw`update pgboss.job set start_after = now() - interval '5 min' where name = 'mint-key'`
  const judged = async () => {
    const { facts } = await readEngine(world.ctx)
    return judgeEngine({ ...facts, openWorkshops: 1, brokenFiles: 0, unbounded: [] }).map(
      ({ code, severity, help }) => [code, severity, help],
    )
  }
  expect(await judged()).toEqual([['workers-behind', 'error', 'outside']])
  await pause(world, 'mint-key')
  expect(await judged()).toEqual([['queue-paused', 'warning', 'press']])
  await pause(world, 'apply-key')
  expect(await judged()).toEqual([
    ['queue-paused', 'error', 'press'],
    ['queue-paused', 'warning', 'press'],
  ])
  const { checks } = await checkReadiness(testedDeployment(world.ctx), { canary: false })
  const found = checks.find(({ name }) => name === 'switch')
  expect(found?.findings).toMatchObject([
    { severity: 'error', finding: { code: 'queue-paused', queue: 'apply-key' } },
    { severity: 'error', finding: { code: 'queue-paused', queue: 'mint-key' } },
  ])
})

test('a pause of a queue that an upgrade took away, or never was, is not on the pages for ever', async () => {
  await using world = await openWorld()
  await world.db.$executeRaw`
    insert into keymint.paused_queues (name, paused_by, reason)
    values ('former-queue', 'operator', 'It is gone.'), ('make-receipt', 'operator', 'Lunch.')`
  expect(await readPausedQueues(world.ctx)).toMatchObject([
    { name: 'make-receipt', by: 'operator' },
  ])
})

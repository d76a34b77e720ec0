/**
 * The bulk engine on a real Postgres: a frozen list, results that add up, trouble that is waited
 * for, stops that leave nothing half done.
 */
import { expect, test } from 'vitest'
import { Prisma } from '~/adapters/db.server'
import { ProviderError } from '~/adapters/provider-error'
import { openWorld, type World } from '../../../tests/harness'
import type { BulkItemResult, BulkKind } from './bulk-kind'
import {
  abortBulk,
  listBulk,
  readBulk,
  sendBulksAgain,
  startBulk,
  type BulkInput,
} from './bulk.server'
import { runBulk } from './run-bulk.server'

type Work = (subject: string) => BulkItemResult | Promise<BulkItemResult>
const kindsOf = (work: Work) =>
  new Map<string, BulkKind>([
    ['test', { name: 'test', run: async (_ctx, _bulk, subject) => work(subject) }],
  ])
const names = (count: number) => Array.from({ length: count }, (_, index) => `thing:${index}`)

async function start(world: World, change: Partial<BulkInput> = {}) {
  const input: BulkInput = {
    kind: 'test',
    params: {},
    scope: 'test-workshop',
    selection: { state: 'ready' },
    reason: 'a test',
    actor: 'user:github:1',
    subjects: names(3),
    max: 100,
    ...change,
  }
  return world.db.$transaction((tx) => startBulk(world.ctx, tx, input))
}

async function started(world: World, change: Partial<BulkInput> = {}): Promise<string> {
  const outcome = await start(world, change)
  if (outcome.kind !== 'started') throw new Error(outcome.reason)
  return outcome.bulkId
}

/** Runs as the queue would, without its waits. */
async function runToEnd(world: World, bulkId: string, work: Work) {
  for (let runs = 0; runs < 50; runs++) {
    const outcome = await runBulk(world.ctx, bulkId, kindsOf(work))
    if (outcome.kind === 'done') return
    await world.db
      .$executeRaw`update keymint.bulk_action_items set not_before = null where bulk_id = ${bulkId}::uuid`
  }
  throw new Error('the action does not come to an end')
}

test('every subject is worked once, in order, and the results add up', async () => {
  await using world = await openWorld()
  const bulkId = await started(world, { subjects: names(57) })
  const worked: string[] = []
  await runToEnd(world, bulkId, (subject) => {
    worked.push(subject)
    const number = Number(subject.slice(6))
    return number % 10 === 0
      ? { failed: 'It broke.' }
      : number % 10 === 1
        ? { skipped: 'It has ended already.' }
        : 'done'
  })
  expect(worked).toEqual(names(57))
  const bulk = await readBulk(world.ctx, bulkId)
  expect(bulk).toMatchObject({
    state: 'done',
    total: 57,
    done: 45,
    failed: 6,
    skipped: 6,
    reason: 'a test',
  })
  expect(bulk?.results.map(({ state, detail, count }) => ({ state, detail, count }))).toEqual([
    { state: 'done', detail: null, count: 45 },
    { state: 'failed', detail: 'It broke.', count: 6 },
    { state: 'skipped', detail: 'It has ended already.', count: 6 },
  ])
  const events = await world.db.auditEvent.findMany({
    where: { subject: `bulk:${bulkId}` },
    orderBy: { id: 'asc' },
  })
  expect(events.map((event) => event.action)).toEqual(['bulk.started', 'bulk.finished'])
  expect(events[0]).toMatchObject({
    actor: 'user:github:1',
    details: { selection: { state: 'ready' }, count: 57, reason: 'a test' },
  })
})

test('subjects may come from a query; none and too many start nothing', async () => {
  await using world = await openWorld()
  await world.people(5)
  const people = Prisma.sql`select user_id as subject from keymint.attendees order by user_id`
  expect(await start(world, { subjects: people, max: 4 })).toMatchObject({
    kind: 'refused',
    count: 5,
  })
  expect(await start(world, { subjects: [] })).toMatchObject({ kind: 'refused', count: 0 })
  expect(await world.db.bulkAction.count()).toBe(0)
  expect(await world.db.auditEvent.count()).toBe(0)
  expect(await start(world, { subjects: people, max: 5 })).toMatchObject({
    kind: 'started',
    count: 5,
  })
  expect(await listBulk(world.ctx, { scope: 'test-workshop', limit: 10 })).toHaveLength(1)
})

test('a provider that is down is waited for: no item fails, and the action says why it waits', async () => {
  await using world = await openWorld()
  const bulkId = await started(world, { subjects: names(30) })
  let down = true
  const work: Work = () => {
    if (down)
      throw new ProviderError({
        call: 'PATCH /keys/{hash}',
        kind: 'retryable',
        reason: 'unreachable',
      })
    return 'done'
  }
  expect(await runBulk(world.ctx, bulkId, kindsOf(work))).toMatchObject({ kind: 'snooze' })
  expect(await readBulk(world.ctx, bulkId)).toMatchObject({
    state: 'running',
    done: 0,
    failed: 0,
    waiting: { reason: 'The provider could not be reached.' },
  })
  down = false
  await runToEnd(world, bulkId, work)
  expect(await readBulk(world.ctx, bulkId)).toMatchObject({
    state: 'done',
    done: 30,
    failed: 0,
    waiting: null,
  })
})

test('an item that the provider refuses, and one that breaks again and again, fail alone and in words', async () => {
  await using world = await openWorld()
  const bulkId = await started(world, { subjects: names(5) })
  await runToEnd(world, bulkId, (subject) => {
    if (subject === 'thing:1')
      throw new ProviderError({
        call: 'PATCH /keys/{hash}',
        kind: 'rejected',
        reason: 'bad-request',
        status: 400,
        providerMessage: 'No.',
      })
    if (subject === 'thing:3') throw new Error('a bug with sk-or-v1-secret')
    return 'done'
  })
  const bulk = await readBulk(world.ctx, bulkId)
  expect(bulk).toMatchObject({ state: 'done', done: 3, failed: 2 })
  expect(JSON.stringify(bulk)).not.toContain('sk-or-v1-secret')
})

test('an abort skips what was not begun and finishes what was', async () => {
  await using world = await openWorld()
  const bulkId = await started(world, { subjects: names(40) })
  const worked: string[] = []
  const work: Work = async (subject) => {
    worked.push(subject)
    if (worked.length === 1)
      expect(await abortBulk(world.ctx, { bulkId, actor: 'user:github:2' })).toBe(true)
    return worked.length === 2 ? { later: 1 } : 'done'
  }
  await runToEnd(world, bulkId, work)
  const bulk = await readBulk(world.ctx, bulkId)
  expect(bulk).toMatchObject({
    state: 'aborted',
    total: 40,
    done: 20,
    skipped: 20,
    abortedBy: 'user:github:2',
  })
  expect(bulk?.finishedAt).not.toBeNull()
  expect(await abortBulk(world.ctx, { bulkId, actor: 'user:github:2' })).toBe(false)
  expect(worked.filter((subject) => subject === 'thing:1')).toHaveLength(2)
})

test('a run that dies in the middle is taken up where it was, and two at once count nothing twice', async () => {
  await using world = await openWorld()
  const bulkId = await started(world, { subjects: names(60) })
  let calls = 0
  // The database goes away under the run, as it does for a worker that is killed.
  const dies: Work = () => {
    if (++calls === 30) throw Object.assign(new Error('Connection terminated'), { code: 'P1017' })
    return 'done'
  }
  await expect(runBulk(world.ctx, bulkId, kindsOf(dies))).rejects.toThrow()
  await Promise.all([runToEnd(world, bulkId, () => 'done'), runToEnd(world, bulkId, () => 'done')])
  expect(await readBulk(world.ctx, bulkId)).toMatchObject({
    state: 'done',
    done: 60,
    failed: 0,
    skipped: 0,
  })
  expect(await world.db.auditEvent.count({ where: { action: 'bulk.finished' } })).toBe(1)
})

test('an unfinished action that has lost its job is sent again', async () => {
  await using world = await openWorld()
  const bulkId = await started(world)
  await world.db
    .$executeRaw`update keymint.bulk_actions set created_at = now() - interval '1 minute'`
  expect(await sendBulksAgain(world.ctx)).toBe(0)
  await world.db.$executeRaw`delete from pgboss.job where singleton_key = ${bulkId}`
  expect(await sendBulksAgain(world.ctx)).toBe(1)
})

test('a staggered action works one item after another', async () => {
  await using world = await openWorld()
  const bulkId = await started(world, { subjects: names(6), staggerMs: 5 })
  let running = 0
  let most = 0
  await runToEnd(world, bulkId, async (): Promise<BulkItemResult> => {
    most = Math.max(most, ++running)
    await world.db.$queryRaw`select pg_sleep(0.01)::text`
    running--
    return 'done'
  })
  expect(most).toBe(1)
})

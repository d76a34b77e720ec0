import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { openWorld } from '../../tests/harness'
import type { Db } from './db.server'
import { catalog } from './job-catalog'

const jobCount = async (db: Db, name: string) =>
  (
    await db.$queryRaw<
      { n: number }[]
    >`select count(*)::int as n from pgboss.job where name = ${name}`
  )[0]!.n

/** Migrates as a release does: in a process of its own. */
async function migrateIn(databaseUrl: string): Promise<void> {
  await promisify(execFile)('env', [
    '-u',
    'DIRECT_DATABASE_URL',
    `DATABASE_URL=${databaseUrl}`,
    process.execPath,
    '--import',
    'tsx',
    'app/cli/migrate.ts',
  ])
}

test('migrating again, from two machines at once, changes nothing and every queue of the catalog stands', async () => {
  await using world = await openWorld()
  const state = () => world.db.$queryRaw`
    select (select id from keymint.installation),
      (select count(*)::int from keymint._prisma_migrations) as migrations,
      (select count(*)::int from pgboss.schedule) as schedules,
      (select jsonb_agg(jsonb_build_array(name, policy, retry_limit, notify) order by name)
        from pgboss.queue) as queues`
  const before = await state()
  await Promise.all([migrateIn(world.database.url), migrateIn(world.database.url)])
  expect(await state()).toEqual(before)
  const queues = await world.db.$queryRaw<
    { name: string; policy: string }[]
  >`select name, policy from pgboss.queue`
  for (const [name, { queue }] of Object.entries(catalog))
    expect(queues).toContainEqual({ name, policy: queue.policy })
}, 60_000)

test('a transaction that is rolled back leaves no job', async () => {
  await using world = await openWorld()
  const mintId = crypto.randomUUID()
  await world.db
    .$transaction(async (tx) => {
      expect(
        await world.ctx.queue.enqueue(tx, 'mint-key', { mintId }, { singletonKey: mintId }),
      ).toBe('queued')
      throw new Error('rolled back')
    })
    .catch(() => undefined)
  expect(await jobCount(world.db, 'mint-key')).toBe(0)
})

test('a second job with the same key is refused, also when both are sent at once', async () => {
  await using world = await openWorld()
  const mintId = crypto.randomUUID()
  const send = () =>
    world.db.$transaction((tx) =>
      world.ctx.queue.enqueue(tx, 'mint-key', { mintId }, { singletonKey: mintId }),
    )
  const outcomes = await Promise.all([send(), send(), send(), send()])
  expect(outcomes.sort()).toEqual(['already-queued', 'already-queued', 'already-queued', 'queued'])
  expect(await send()).toBe('already-queued')
  expect(await jobCount(world.db, 'mint-key')).toBe(1)
})

test('a payload that is not of its job is not sent', async () => {
  await using world = await openWorld()
  const wrong = { mintId: 'not-a-uuid' }
  await expect(
    world.db.$transaction((tx) => world.ctx.queue.enqueue(tx, 'mint-key', wrong)),
  ).rejects.toThrow()
  expect(await jobCount(world.db, 'mint-key')).toBe(0)
})

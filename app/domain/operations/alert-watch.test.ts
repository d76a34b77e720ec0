/** What staff are told, from the one judgement: each kind in a real database, in the sentences of a post. */
import { expect, test } from 'vitest'
import { receiveAlerts } from '../../../tests/alert-receiver'
import { seedClaims } from '../../../tests/seed-claims'
import {
  backups,
  claimFor,
  coolDown,
  credits,
  failedAttempts,
  mintAll,
  refuse,
  slug,
  wait,
} from '../../../tests/situations/steps'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'
import { messageOf } from '../alerts/alert'
import { endWorkshop } from '../claim/end-workshop.server'
import { deploymentAccount } from '../keys/accounts.server'
import { askForCheck, runCheck } from '../keys/reconcile-runs.server'
import type { Workshop } from '../workshop-file'
import { messageText } from '~/messages/alert-posts'
import { watchAlerts } from './alert-watch.server'
import { pauseQueue } from './paused-queues.server'

const open = async (change: Partial<Workshop> = {}) => {
  const world = await openWorld({
    workshops: [
      makeWorkshop({
        title: 'DuckDB',
        claimsOpenAt: new Date(Date.now() - 2 * 3_600_000),
        claimsCloseAt: new Date(Date.now() + 3 * 3_600_000),
        ...change,
      }),
    ],
  })
  await world.db.$executeRaw`insert into keymint.workers (id, slots) values ('worker', 8)`
  await receiveAlerts(world)
  return world
}
/** Judges now, and once more when what is wrong has lasted for a minute. */
async function watch(world: World) {
  await watchAlerts(world.ctx)
  await world.travel(61_000)
  await watchAlerts(world.ctx)
}
const told = async (world: World) =>
  (await world.db.alertDelivery.findMany({ orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] })).map(
    (row) => messageText(messageOf(row)),
  )
const titles = async (world: World) => (await told(world)).map(({ title }) => title)

type Case = {
  name: string
  workshop?: Partial<Workshop>
  build: (world: World) => Promise<unknown>
  says: string[]
}

const cases: Case[] = [
  { name: 'all is well', build: (world) => seedClaims(world, slug, 3), says: [] },
  {
    name: 'nobody got a key for a minute, and then for ten',
    build: async (world) => {
      await claimFor(world, 2)
      await wait(world, 75)
      await watchAlerts(world.ctx)
      await wait(world, 700)
      await world.travel(15_000)
    },
    says: [
      'Error: DuckDB: nobody got a key for a minute',
      'Worse: DuckDB: nobody got a key for ten minutes',
    ],
  },
  {
    name: 'somebody waits, and others get keys',
    build: async (world) => {
      await claimFor(world, 1)
      await mintAll(world)
      await claimFor(world, 1)
      await wait(world, 75)
      await world.db.$executeRaw`
        update keymint.keys set guardrail_at = now() where saved_at is not null`
    },
    says: [],
  },
  {
    name: 'people are turned away',
    workshop: { maxKeys: 1, poolLimit: usd(10_000) },
    build: async (world) => {
      await seedClaims(world, slug, 1)
      await claimFor(world, 2)
    },
    says: ['Warning: DuckDB: 2 tries to claim turned away'],
  },
  {
    name: 'claims are refused',
    build: (world) => refuse(world, 2),
    says: ['Error: DuckDB: 2 of 2 claims refused'],
  },
  {
    name: 'the pool is at 80 %, and then spent',
    workshop: { poolLimit: usd(10) },
    build: async (world) => {
      await seedClaims(world, slug, 4)
      await watchAlerts(world.ctx)
      await seedClaims(world, slug, 1)
      await world.travel(15_000)
    },
    says: ['Warning: DuckDB: 80 % of the pool is committed', 'Worse: DuckDB: the pool is spent'],
  },
  {
    name: 'credits are low, and then lower',
    workshop: { poolLimit: usd(20), maxKeys: 10 },
    build: async (world) => {
      await seedClaims(world, slug, 4)
      await credits(world, 10)
      await watchAlerts(world.ctx)
      await credits(world, 1)
      await world.travel(15_000)
    },
    says: [
      'Warning: The account has $10.00 left, less than all open seats could spend',
      'Worse: The account has $1.00 left, less than keys given out may spend',
    ],
  },
  {
    name: 'the provider refuses, and then the account is parked',
    build: async (world) => {
      await coolDown(world, 'no-credit', 402)
      await watch(world)
      await world.db.$executeRaw`
        update keymint.accounts set parked_at = now(), parked_reason = 'most-keys-absent'`
      await world.travel(15_000)
    },
    says: ['Warning: The provider refuses calls that create keys', 'Worse: '],
  },
  {
    name: 'calls that create keys fail',
    build: async (world) => {
      await claimFor(world, 1)
      await failedAttempts(world, 20, 1)
    },
    says: ['Error: 20 of 20 calls that create keys fail'],
  },
  {
    name: 'keys have no guardrail',
    build: async (world) => {
      await claimFor(world, 2)
      await mintAll(world)
      await world.db.$executeRaw`update keymint.keys set bind_error = 'The provider answered 500.'`
    },
    says: ['Error: DuckDB: 2 keys without a guardrail'],
  },
  {
    name: 'a check found drift',
    build: async (world) => {
      const [claim] = await seedClaims(world, slug, 1)
      await world.ctx.provider.updateKey(claim!.hash, { disabled: true })
      await runCheck(world.ctx, (await askForCheck(world.ctx, 'operator')).runId)
    },
    says: ['Warning: 1 difference with the provider needs a decision'],
  },
  {
    name: 'the nightly backup fails, and then there is none for a day',
    build: async (world) => {
      await backups(world, 25, 'The folder /backups is missing.')
      await watchAlerts(world.ctx)
      await world.db.$executeRaw`
        update keymint.backups set finished_at = finished_at - interval '3 h'`
      await world.travel(15_000)
    },
    says: ['Warning: The nightly backup failed', 'Worse: No backup for 28 hours'],
  },
  {
    name: 'nobody asked for backups',
    build: async (world) => {
      await backups(world, null)
    },
    says: [],
  },
  {
    name: 'a queue is paused while work waits in it, and one that is empty',
    build: async (world) => {
      await claimFor(world, 2)
      for (const name of ['mint-key', 'make-receipt'] as const)
        await pauseQueue(world.ctx, { name, actorUserId: 'staff', reason: 'Lunch.', typed: name })
    },
    says: ['Warning: 2 jobs wait for a paused queue: Create a key'],
  },
  {
    name: 'a queue is paused in which limits wait',
    build: async (world) => {
      await pauseQueue(world.ctx, {
        name: 'read-account',
        actorUserId: 'staff',
        reason: 'Lunch.',
        typed: 'read-account',
      })
      await world.db.$transaction((tx) =>
        world.ctx.queue.enqueue(tx, 'read-account', { account: deploymentAccount }),
      )
    },
    says: ['Error: 1 job waits for a paused queue'],
  },
  {
    name: 'no worker is left',
    build: (world) =>
      world.db.$executeRaw`update keymint.workers set last_seen_at = now() - interval '5 min'`,
    says: ['Error: No worker is running'],
  },
]

test.for(cases)('$name', async ({ workshop, build, says }) => {
  await using world = await open(workshop)
  await build(world)
  await watch(world)
  const all = await told(world)
  expect(all.map(({ title }) => title)).toEqual(
    says.map((one) => expect.stringContaining(one) as string),
  )
  for (const { text, path } of all) {
    expect(text).toMatch(/^[A-Z0-9$“].*\.$/)
    expect(path).toMatch(/^\/admin/)
  }
  await watch(world)
  expect(await titles(world), 'nobody is told twice').toHaveLength(says.length)
})

test('a workshop that opens is told once, and its end with what came of it', async () => {
  await using world = await open({ claimsOpenAt: new Date(Date.now() - 60_000), maxKeys: 150 })
  await watch(world)
  await seedClaims(world, slug, 3)
  await watch(world)
  await endWorkshop(world.ctx, { slug, actorUserId: 'github:staff', reason: 'Over.' })
  await world.travel(15_000)
  await watch(world)
  const [opened, closed, ...more] = await told(world)
  expect(opened).toMatchObject({
    title: 'DuckDB is open for claims',
    text: expect.stringMatching(
      /^It has 150 seats and a pool of \$10,000\.00\. Claims close at 20\d\d-\d\d-\d\d \d\d:\d\d UTC\.$/,
    ) as string,
    path: `/admin/w/${slug}`,
  })
  expect(closed).toMatchObject({ title: 'DuckDB is closed for claims', text: '3 of 3 have a key.' })
  expect(more).toEqual([])
})

test('two processes with different files do not tell in turns that it opens and closes', async () => {
  await using world = await open({ claimsOpenAt: new Date(Date.now() - 60_000) })
  const { workshops } = world.ctx
  const other = { ...world.ctx, workshops: { ...workshops, workshops: new Map() } }
  for (let round = 0; round < 4; round++)
    for (const ctx of [world.ctx, other]) {
      expect(await watchAlerts(ctx)).toBe(true)
      await world.travel(15_000)
    }
  expect(await titles(world)).toEqual(['DuckDB is open for claims'])
})

test('a workshop that has been open for long is not told as opened', async () => {
  await using world = await open()
  await watch(world)
  expect(await world.db.alert.count()).toBe(0)
})

test('what is over is told with how long it lasted', async () => {
  await using world = await open()
  await world.db.$executeRaw`update keymint.workers set last_seen_at = now() - interval '5 min'`
  await watch(world)
  await world.travel(240_000)
  await world.db.$executeRaw`update keymint.workers set last_seen_at = now()`
  await watch(world)
  await world.travel(15_000)
  await watchAlerts(world.ctx)
  expect((await told(world)).at(-1)).toEqual({
    title: 'Resolved: No worker is running',
    text: 'The cause is gone. It lasted 4 min.',
    nextStep: null,
    path: '/admin/queue',
  })
})

test('many processes judge at once: one does, and each is told once', async () => {
  await using world = await open()
  await world.db.$executeRaw`update keymint.workers set last_seen_at = now() - interval '5 min'`
  for (let round = 0; round < 4; round++) {
    const judged = await Promise.all(Array.from({ length: 5 }, () => watchAlerts(world.ctx)))
    expect(judged.filter(Boolean)).toHaveLength(1)
    await world.travel(20_000)
  }
  expect(await titles(world)).toEqual(['Error: No worker is running'])
})

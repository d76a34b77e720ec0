/**
 * When accounts are read, what is kept of it for the charts, and what is charged after the end.
 */
import { expect, test } from 'vitest'
import { giveBack } from '~/domain/claim/end-claim.server'
import {
  act,
  claimRow,
  expectPoolToAddUp,
  poolNow,
  readyClaims,
  spend,
} from '../../../tests/claims'
import { letSettle, readAll, travel, work } from '../../../tests/engine'
import { makeWorkshop, openWorld, type World } from '../../../tests/world'
import { seedClaims } from '../../../tests/seed-claims'
import { readCredits } from './account-reading.server'
import { deploymentAccount } from './accounts.server'
import { readAccount, sendAccountReads } from './read-account.server'
import { takeSamples, thinSamples } from './samples.server'

const slug = 'test-workshop'
const accountNow = (world: World) =>
  world.db.account.findUniqueOrThrow({ where: { id: deploymentAccount } })
const readJobs = async (world: World) =>
  (
    await world.db.$queryRaw<{ count: number }[]>`
      select count(*)::int as count from pgboss.job where name = 'read-account' and state = 'created'`
  )[0]!.count

test('an account is read while it has keys whose money is open, by one job, and not while it is parked', async () => {
  await using world = await openWorld()
  expect(await sendAccountReads(world.ctx)).toBe(0)
  await seedClaims(world, slug, 2)
  expect(await sendAccountReads(world.ctx)).toBe(1)
  await sendAccountReads(world.ctx)
  expect(await readJobs(world)).toBe(1)
  await world.db.$executeRaw`update keymint.accounts set parked_at = now(), parked_reason = 'x'`
  expect(await sendAccountReads(world.ctx)).toBe(0)
  await world.call('/__sim/calls', { method: 'DELETE' })
  expect(await readAccount(world.ctx, deploymentAccount)).toEqual({ kind: 'done' })
  expect(await world.calls()).toEqual({})
  await world.db.$executeRaw`update keymint.accounts set parked_at = null, parked_reason = null`
  await world.db.$executeRaw`
    update keymint.keys set off_ended_at = now(), sealed = null, closed_at = now() - interval '26 h',
      settled_at = now() - interval '25 h'`
  expect(await sendAccountReads(world.ctx)).toBe(0)
  expect(await readAccount(world.ctx, deploymentAccount)).toEqual({ kind: 'done' })
  expect(await world.calls(), 'nothing wanted is left').toEqual({})
})

test('why an account could not be read is kept, and since when, until it is read', async () => {
  await using world = await openWorld()
  await seedClaims(world, slug, 1)
  await world.faults({
    rules: [
      { match: 'GET /keys', fault: '503', message: 'down for repairs' },
      { match: 'GET /credits', fault: '403' },
    ],
  })
  await readCredits(world.ctx)
  expect(await readAccount(world.ctx, deploymentAccount)).toMatchObject({
    kind: 'done',
    error: { message: 'down for repairs' },
  })
  const failed = await accountNow(world)
  expect(failed.readError).toMatchObject({ message: 'down for repairs' })
  await travel(world, 60_000)
  await readAll(world)
  expect((await accountNow(world)).readFailedAt).toEqual(failed.readFailedAt)
  expect((await world.db.accountReading.findFirstOrThrow()).error).toContain('forbidden')
  await world.clearFaults()
  await readAll(world)
  await readCredits(world.ctx)
  expect(await accountNow(world)).toMatchObject({ readError: null, readFailedAt: null })
  expect(await world.db.accountReading.findFirstOrThrow()).toMatchObject({
    error: null,
    readAt: expect.any(Date) as Date,
  })
})

// Live, ended and replaced ones together.
test('each read leaves one sample for each workshop, with what all its keys used', async () => {
  await using world = await openWorld({
    workshops: [makeWorkshop(), makeWorkshop({ slug: 'other' })],
  })
  const [a, b, , old] = await seedClaims(world, slug, 4)
  await seedClaims(world, 'other', 1)
  await spend(world, a!.hash, 0.5)
  await spend(world, b!.hash, 2.25)
  await spend(world, old!.hash, 0.125)
  await world.db.key.update({
    where: { id: old!.keyId },
    data: { offReplacedAt: new Date(), sealed: null, seenOff: true },
  })
  await readAll(world)
  const samples = await world.db.usageSample.findMany({ orderBy: { scope: 'asc' } })
  expect(
    samples.map((one) => [
      one.scope,
      one.usageUsd.toFixed(3),
      one.liveKeys,
      one.activeKeys,
      one.overKeys,
      one.overUsd.toFixed(2),
    ]),
  ).toEqual([
    ['other', '0.000', 1, 0, 0, '0.00'],
    [slug, '2.875', 3, 2, 1, '0.25'],
  ])
  await world.ctx.provider.deleteKey(a!.hash)
  await world.db
    .$executeRaw`update keymint.keys set deleted_at = now() where id = ${old!.keyId}::uuid`
  await travel(world, 60_000)
  await readAll(world)
  expect(
    (
      await world.db.usageSample.findMany({
        where: { scope: slug },
        orderBy: { sampledAt: 'desc' },
      })
    )[0]!.usageUsd.toFixed(3),
    'a key that is gone keeps what it used',
  ).toBe('2.875')
})

test('after a week the last sample of each hour stays, and the newest one of all always', async () => {
  await using world = await openWorld()
  await seedClaims(world, slug, 1)
  const hour = Math.floor((Date.now() - 9 * 86_400_000) / 3_600_000) * 3_600_000
  const at = (minute: number) => new Date(hour + minute * 60_000)
  for (const minute of [0, 1, 58, 59, 60, 61, 150]) await takeSamples(world.db, [slug], at(minute))
  const young = new Date(Date.now() - 6 * 86_400_000)
  for (const seconds of [0, 1, 2])
    await takeSamples(world.db, [slug], new Date(young.getTime() + seconds * 1000))
  await thinSamples(world.ctx)
  expect(
    (await world.db.usageSample.findMany({ orderBy: { sampledAt: 'asc' } }))
      .map((one) => one.sampledAt)
      .slice(0, 3),
  ).toEqual([at(59), at(61), at(150)])
  expect(await world.db.usageSample.count()).toBe(6)
  expect(await thinSamples(world.ctx)).toBe(0)
})

test('what is spent after settling is charged to the claim and the pool, once for each amount, for a day', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await spend(world, claim!.hash, 0.5)
  await giveBack(world.ctx, claim!)
  await letSettle(world)
  const committed = async () => [
    (await claimRow(world, claim!)).committedUsd.toFixed(2),
    (await poolNow(world)).committed.toFixed(2),
  ]
  expect(await committed()).toEqual(['0.50', '0.50'])
  await spend(world, claim!.hash, 0.25)
  await travel(world, 3_700_000)
  await Promise.all([readAll(world), readAll(world)])
  await readAll(world)
  expect(await committed()).toEqual(['0.75', '0.75'])
  await expectPoolToAddUp(world)
  await travel(world, 25 * 3_600_000)
  await spend(world, claim!.hash, 1)
  await readAll(world)
  await world.call('/__sim/calls', { method: 'DELETE' })
  await readAll(world)
  expect(await world.calls(), 'nothing is left to read').toEqual({})
})

test('a replaced key is settled by itself while its claim goes on with the next one', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await spend(world, claim!.hash, 0.5)
  await readAll(world)
  await act(world, { kind: 're-issue' }, [claim!])
  await work(world)
  await letSettle(world)
  const keys = await world.db.key.findMany({ orderBy: { generation: 'asc' } })
  expect(keys.map((key) => key.settledAt !== null)).toEqual([true, false])
  const fresh = await claimRow(world, claim!)
  expect([fresh.state, fresh.committedUsd.toFixed(2)]).toEqual(['ready', '2.00'])
  await giveBack(world.ctx, claim!)
  await letSettle(world)
  expect(await poolNow(world)).toEqual({ committed: 0.5, seats: 0 })
  await spend(world, claim!.hash, 0.25)
  await travel(world, 3_700_000)
  await readAll(world)
  expect((await poolNow(world)).committed, 'late spend of the replaced key').toBe(0.75)
  await expectPoolToAddUp(world)
})

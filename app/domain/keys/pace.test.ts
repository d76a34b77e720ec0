/**
 * How often usage is read, what is kept of it for the charts, and what is charged after the end.
 */
import { expect, test } from 'vitest'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/harness'
import { seedClaims, type PlantedClaim } from '../../../tests/held-keys'
import { takeSamples, tidySamples } from './samples.server'
import { syncUsage, syncUsageIfDue } from './usage.server'

const slug = 'test-workshop'
const post = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})
const spend = (world: World, claim: PlantedClaim, amount: number) =>
  world.call('/__sim/spend', post({ hash: claim.hash, usd: amount }))
const syncedAgo = (world: World, seconds: number) =>
  world.db
    .$executeRaw`update keymint.usage_syncs set synced_at = now() - make_interval(secs => ${seconds}::int)`
const endAll = (world: World, seconds: number) => world.db.$executeRaw`
  update keymint.workshop_attendance
    set state = 'ended', reason = 'revoked', or_key_plaintext = null,
    ended_at = now() - make_interval(secs => ${seconds}::int),
    disable_confirmed_at = now() - make_interval(secs => ${seconds}::int)`
const readSync = (world: World) => world.db.usageSync.findFirstOrThrow()

test('usage is read each minute while an open workshop has live keys, else every 15 minutes', async () => {
  await using world = await openWorld({
    workshops: [makeWorkshop(), makeWorkshop({ slug: 'gift', kind: 'giveaway' })],
  })
  // Nothing to read yet: only what the account has left.
  expect(await syncUsageIfDue(world.ctx)).toMatchObject({
    kind: 'synced',
    keys: 0,
    everySeconds: 900,
  })
  expect(await world.calls()).toEqual({ 'GET /credits': 1 })
  expect(await syncUsageIfDue(world.ctx)).toMatchObject({ kind: 'not-due', everySeconds: 900 })

  await seedClaims(world, 'gift', 1)
  await syncedAgo(world, 600)
  expect(await syncUsageIfDue(world.ctx)).toMatchObject({
    kind: 'not-due',
    everySeconds: 900,
    why: 'no open workshop has live keys',
  })
  await seedClaims(world, slug, 1)
  expect(await syncUsageIfDue(world.ctx)).toMatchObject({
    kind: 'synced',
    keys: 2,
    everySeconds: 60,
    why: 'test-workshop is open and has live keys',
  })
  expect(await syncUsageIfDue(world.ctx)).toMatchObject({ kind: 'not-due', everySeconds: 60 })
  await syncedAgo(world, 55)
  expect(await syncUsageIfDue(world.ctx)).toMatchObject({ kind: 'synced' })
  expect(await readSync(world)).toMatchObject({ keys: 2, everySeconds: 60, error: null })

  world.moveClock(2 * 3_600_000)
  await syncedAgo(world, 600)
  expect(await syncUsageIfDue(world.ctx)).toMatchObject({ kind: 'not-due', everySeconds: 900 })
  await syncedAgo(world, 895)
  expect(await syncUsageIfDue(world.ctx)).toMatchObject({ kind: 'synced' })
})

test('a failed read is tried again after a minute, and the reason is kept until one works', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ kind: 'giveaway' })] })
  await seedClaims(world, slug, 1)
  await world.faults({
    rules: [
      { match: 'GET /keys', fault: '503', message: 'down for repairs' },
      { match: 'GET /credits', fault: '403' },
    ],
  })
  await expect(syncUsageIfDue(world.ctx)).rejects.toMatchObject({ name: 'ProviderError' })
  expect((await readSync(world)).error).toContain('down for repairs')
  expect((await world.db.accountReading.findFirstOrThrow()).error).toContain('forbidden')
  expect(await syncUsageIfDue(world.ctx)).toMatchObject({ kind: 'not-due' })
  await world.db.$executeRaw`update keymint.usage_syncs set failed_at = now() - interval '55 s'`
  await world.clearFaults()
  expect(await syncUsageIfDue(world.ctx)).toMatchObject({ kind: 'synced', keys: 1 })
  expect(await readSync(world)).toMatchObject({ error: null, failedAt: null })
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
  const [a, b, c, old] = await seedClaims(world, slug, 4)
  await seedClaims(world, 'other', 1)
  await spend(world, a!, 0.5)
  await spend(world, b!, 2.25)
  await spend(world, old!, 0.125)
  await world.db.retiredKey.create({
    data: {
      keyHash: old!.hash,
      holderKind: 'claim',
      holderId: c!.claimId,
      generation: 1,
      scope: slug,
      reason: 'extended',
      graceSeconds: 1800,
    },
  })
  await world.db.$executeRaw`
      update keymint.workshop_attendance
        set state = 'ended', reason = 'closed', ended_at = now(), settled_at = now(), or_key_hash = null,
        or_key_plaintext = null where claim_id = ${old!.claimId}::uuid`
  await syncUsage(world.ctx)
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
  expect((await world.db.retiredKey.findFirstOrThrow()).usageUsd.toFixed(3)).toBe('0.125')
  await world.ctx.provider.deleteKey(a!.hash)
  await syncUsage(world.ctx)
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
  await tidySamples(world.ctx)
  expect(
    (await world.db.usageSample.findMany({ orderBy: { sampledAt: 'asc' } }))
      .map((one) => one.sampledAt)
      .slice(0, 3),
  ).toEqual([at(59), at(61), at(150)])
  expect(await world.db.usageSample.count()).toBe(6)
  expect(await tidySamples(world.ctx)).toBe(0)
})

test('what is spent after settling is charged to the claim and the pool, once for each amount, for a day', async () => {
  await using world = await openWorld()
  const [claim] = await seedClaims(world, slug, 1)
  await spend(world, claim!, 0.5)
  await world.ctx.provider.updateKey(claim!.hash, { disabled: true })
  await endAll(world, 600)
  await syncUsage(world.ctx)
  const committed = async () => [
    (await world.db.workshopAttendance.findFirstOrThrow()).committedUsd.toFixed(2),
    (await world.db.pool.findFirstOrThrow()).committedUsd.toFixed(2),
  ]
  expect(await committed()).toEqual(['0.50', '0.50'])
  await spend(world, claim!, 0.25)
  await Promise.all([syncUsage(world.ctx), syncUsage(world.ctx)])
  await syncUsage(world.ctx)
  expect(await committed()).toEqual(['0.75', '0.75'])
  expect(
    await world.db.auditEvent.findMany({ where: { action: 'claim.charged-late' } }),
  ).toMatchObject([{ subject: `claim:${claim!.claimId}`, details: { overrunUsd: '0.250000000' } }])
  await world.db
    .$executeRaw`update keymint.workshop_attendance set settled_at = now() - interval '25 h'`
  await spend(world, claim!, 1)
  await world.call('/__sim/calls', { method: 'DELETE' })
  await syncUsage(world.ctx)
  expect(await committed()).toEqual(['0.75', '0.75'])
  expect(await world.calls(), 'nothing is left to read').toEqual({ 'GET /credits': 1 })
})

test('a claim whose key may still spend is not settled, a replaced key is, by itself', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ keyLimit: usd(1) })] })
  const [claim, old] = await seedClaims(world, slug, 2)
  // As an extension leaves it: the old key keeps 30 cents of the claim's money for what it may
  // still use.
  await world.db.retiredKey.create({
    data: {
      keyHash: old!.hash,
      holderKind: 'claim',
      holderId: claim!.claimId,
      generation: 1,
      scope: slug,
      reason: 'extended',
      committedUsd: '0.3',
      graceSeconds: 1800,
      expiresAt: new Date(Date.now() + 86_400_000),
    },
  })
  await world.db
    .$executeRaw`delete from keymint.workshop_attendance where claim_id = ${old!.claimId}::uuid`
  await world.db
    .$executeRaw`update keymint.workshop_attendance set committed_usd = 1.3, prior_committed_usd = 0.3`
  await world.db.$executeRaw`update keymint.pools set committed_usd = 1.3, seats = 1`
  await spend(world, claim!, 0.5)
  await spend(world, old!, 0.125)
  await world.db.$executeRaw`
      update keymint.workshop_attendance
        set state = 'ended', reason = 'revoked', or_key_plaintext = null, ended_at = now() - interval '10 min'`
  const money = async () => [
    (await world.db.workshopAttendance.findFirstOrThrow()).committedUsd.toFixed(3),
    (await world.db.pool.findFirstOrThrow()).committedUsd.toFixed(3),
  ]
  await syncUsage(world.ctx)
  expect(await money(), 'both may still spend').toEqual(['1.300', '1.300'])
  await world.db
    .$executeRaw`update keymint.retired_keys set disabled_at = now() - interval '10 min'`
  await syncUsage(world.ctx)
  expect(await money(), 'what the replaced key did not use has returned').toEqual([
    '1.125',
    '1.125',
  ])
  await world.db
    .$executeRaw`update keymint.workshop_attendance set disable_confirmed_at = now() - interval '10 min'`
  await syncUsage(world.ctx)
  expect(await money()).toEqual(['0.625', '0.625'])
  await spend(world, old!, 0.25)
  await syncUsage(world.ctx)
  expect(await money(), 'late spend of the replaced key').toEqual(['0.875', '0.875'])
  expect(
    (
      await world.db.auditEvent.findMany({
        where: {
          action: {
            in: ['key.settled', 'claim.settled', 'key.charged-late', 'claim.charged-late'],
          },
        },
        orderBy: { id: 'asc' },
      })
    ).map((event) => event.action),
  ).toEqual(['key.settled', 'claim.settled', 'key.charged-late'])
})

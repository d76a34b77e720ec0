/**
 * Usage against the stand-in: what is kept of readings that lag, reset and vanish, and what an
 * ended claim gives back.
 */
import { expect, test } from 'vitest'
import type { KeyProvider } from '~/adapters/key-provider'
import { claimKey } from '~/domain/claim/claim.server'
import { runMint } from '~/domain/keys/mint.server'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/harness'
import { recordReadings, syncUsage } from './usage.server'

const slug = 'test-workshop'

async function readyClaim(world: World) {
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: slug, person: person!, optIn: false })
  const mint = await world.db.mint.findFirstOrThrow({ where: { state: 'pending' } })
  await runMint(world.ctx, mint.id)
  const claim = await world.db.workshopAttendance.findFirstOrThrow({
    where: { userId: person!.userId },
  })
  return { claimId: claim.claimId, hash: claim.orKeyHash! }
}

const claimOf = (world: World, claimId: string) =>
  world.db.workshopAttendance.findUniqueOrThrow({ where: { claimId } })
const post = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})
const spend = (world: World, hash: string, amount: number) =>
  world.call('/__sim/spend', post({ hash, usd: amount }))
const endedAgo = (world: World, seconds: number) => world.db.$executeRaw`
  update keymint.workshop_attendance set state = 'ended', reason = 'expired', or_key_plaintext = null,
    ended_at = now() - make_interval(secs => ${seconds}::int),
      expires_at = now() - make_interval(secs => ${seconds}::int)`

test('the largest reading of a window is kept, with the time at which the provider was asked', async () => {
  await using world = await openWorld()
  const { claimId, hash } = await readyClaim(world)
  await spend(world, hash, 0.75)
  const before = Date.now()
  await syncUsage(world.ctx)
  const read = await claimOf(world, claimId)
  expect(read.usageUsd.toFixed(2)).toBe('0.75')
  expect(Math.abs(read.usageSyncedAt!.getTime() - before)).toBeLessThan(5_000)
  await recordReadings(
    world.db,
    [{ keyHash: hash, limit: usd(2), limitRemaining: usd(1.9), usage: usd(0.1), disabled: false }],
    new Date(),
  )
  const lagging = await claimOf(world, claimId)
  expect([lagging.usageUsd.toFixed(2), lagging.windowUsedUsd.toFixed(2)]).toEqual(['0.75', '0.75'])
})

// A list asked for before it says nothing about the day after.
test('a new window starts at UTC midnight', async () => {
  await using world = await openWorld({
    workshops: [
      makeWorkshop({ keyLimitReset: 'daily', keyExpiresAt: new Date(Date.now() + 5 * 86_400_000) }),
    ],
  })
  const { claimId, hash } = await readyClaim(world)
  const today = new Date()
  const lastMoment = new Date(
    Date.UTC(today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate()) - 1,
  )
  const midnight = new Date(lastMoment.getTime() + 1)
  const reading = (used: number) => [
    {
      keyHash: hash,
      limit: usd(2),
      limitRemaining: usd(2 - used),
      usage: usd(1.5 + used),
      disabled: false,
    },
  ]
  await recordReadings(world.db, reading(1.5), lastMoment)
  expect((await claimOf(world, claimId)).windowUsedUsd.toFixed(2)).toBe('1.50')
  await recordReadings(world.db, reading(0.25), midnight)
  expect((await claimOf(world, claimId)).windowUsedUsd.toFixed(2)).toBe('0.25')
  await recordReadings(world.db, reading(1.6), lastMoment)
  const last = await claimOf(world, claimId)
  expect(last.windowUsedUsd.toFixed(2)).toBe('0.25')
  expect(last.windowStartedAt).toEqual(midnight)
  expect(last.usageSyncedAt).toEqual(midnight)
})

test('an ended claim gives back what it did not use, once, after a reading two minutes later', async () => {
  await using world = await openWorld()
  const { claimId, hash } = await readyClaim(world)
  await spend(world, hash, 0.5)
  await endedAgo(world, 60)
  await syncUsage(world.ctx)
  expect((await claimOf(world, claimId)).settledAt).toBeNull()
  await endedAgo(world, 121)
  await Promise.all([syncUsage(world.ctx), syncUsage(world.ctx), syncUsage(world.ctx)])
  expect((await claimOf(world, claimId)).committedUsd.toFixed(2)).toBe('0.50')
  expect(await world.db.pool.findFirstOrThrow()).toMatchObject({ seats: 1 })
  expect((await world.db.pool.findFirstOrThrow()).committedUsd.toFixed(2)).toBe('0.50')
  expect(await world.db.auditEvent.count({ where: { action: 'claim.settled' } })).toBe(1)
})

test('an ended claim whose key is gone upstream settles with its last reading, some minutes later', async () => {
  await using world = await openWorld()
  const { claimId, hash } = await readyClaim(world)
  await spend(world, hash, 0.5)
  await syncUsage(world.ctx)
  await world.ctx.provider.deleteKey(hash)
  await world.db
    .$executeRaw`update keymint.workshop_attendance set usage_synced_at = now() - interval '10 min'`
  await endedAgo(world, 200)
  await syncUsage(world.ctx)
  expect((await claimOf(world, claimId)).settledAt).toBeNull()
  await endedAgo(world, 301)
  await syncUsage(world.ctx)
  const claim = await claimOf(world, claimId)
  expect(claim.settledAt).not.toBeNull()
  expect(claim.committedUsd.toFixed(2)).toBe('0.50')
})

test('a key that a list leaves out is asked for itself before it counts as gone', async () => {
  await using world = await openWorld()
  const { claimId, hash } = await readyClaim(world)
  await spend(world, hash, 1.25)
  await endedAgo(world, 600)
  const shifted: KeyProvider = { ...world.ctx.provider, listKeys: () => Promise.resolve([]) }
  await syncUsage({ ...world.ctx, provider: shifted })
  expect((await claimOf(world, claimId)).committedUsd.toFixed(2)).toBe('1.25')
})

test('what was spent past the cap by requests in flight is charged, not hidden', async () => {
  await using world = await openWorld()
  const { claimId, hash } = await readyClaim(world)
  await spend(world, hash, 2.5)
  await endedAgo(world, 600)
  await syncUsage(world.ctx)
  expect((await claimOf(world, claimId)).committedUsd.toFixed(2)).toBe('2.50')
  expect((await world.db.pool.findFirstOrThrow()).committedUsd.toFixed(2)).toBe('2.50')
})

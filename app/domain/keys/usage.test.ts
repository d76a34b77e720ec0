/**
 * Usage against the stand-in: what is kept of readings that lag, reset and vanish, and what an
 * ended claim gives back.
 */
import { expect, test } from 'vitest'
import type { ServiceKey } from '~/adapters/service-adapter'
import { giveBack } from '~/domain/claim/end-claim.server'
import { claimRow, expectPoolToAddUp, poolNow, readyClaims, spend } from '../../../tests/claims'
import { letSettle, readAll, travel, work } from '../../../tests/engine'
import { makeWorkshop, openWorld, usd, withService, type World } from '../../../tests/world'
import { deploymentAccount, openAccount } from './accounts.server'
import { readAccount } from './read-account.server'
import { recordReading } from './readings.server'

const day = 86_400_000

async function readyClaim(world: World) {
  const [claim] = await readyClaims(world, 1)
  const { id } = await world.db.key.findFirstOrThrow({ where: { holderId: claim!.claimId } })
  return { ...claim!, keyId: id }
}

/** As the provider shows the key now, with what the test wants different. */
async function shown(world: World, hash: string, change: Partial<ServiceKey>): Promise<ServiceKey> {
  const account = (await openAccount(world.ctx, deploymentAccount))!
  return { ...(await account.adapter.findKey(account.credential, hash))!, ...change }
}

test('the largest reading of a window is kept, with the time at which the provider was asked', async () => {
  await using world = await openWorld()
  const claim = await readyClaim(world)
  await spend(world, claim.hash, 0.75)
  const before = Date.now()
  await readAll(world)
  const read = await claimRow(world, claim)
  expect(read.usageUsd.toFixed(2)).toBe('0.75')
  expect(Math.abs(read.usageSyncedAt!.getTime() - before)).toBeLessThan(5_000)
  const lagging = await shown(world, claim.hash, { usage: usd(0.1), usedInWindow: usd(0.1) })
  await recordReading(world.ctx, claim.keyId, lagging, new Date(), { own: false })
  const kept = await claimRow(world, claim)
  expect([kept.usageUsd.toFixed(2), kept.windowUsedUsd.toFixed(2)]).toEqual(['0.75', '0.75'])
})

// A list asked for before it says nothing about the day after.
test('a new window starts at UTC midnight', async () => {
  await using world = await openWorld({
    workshops: [
      makeWorkshop({ keyLimitReset: 'daily', keyExpiresAt: new Date(Date.now() + 5 * day) }),
    ],
  })
  const claim = await readyClaim(world)
  const midnight = new Date(Math.floor(Date.now() / day) * day + day)
  const lastMoment = new Date(midnight.getTime() - 1)
  const read = async (used: number, at: Date) =>
    recordReading(
      world.ctx,
      claim.keyId,
      await shown(world, claim.hash, {
        usage: usd(1.5 + (at < midnight ? used - 1.5 : used)),
        usageBy: { daily: usd(used), weekly: null, monthly: null },
        usedInWindow: usd(used),
      }),
      at,
      { own: false },
    )
  await read(1.5, lastMoment)
  expect((await claimRow(world, claim)).windowUsedUsd.toFixed(2)).toBe('1.50')
  await travel(world, midnight.getTime() - Date.now() + 1_000)
  await read(0.25, midnight)
  expect((await claimRow(world, claim)).windowUsedUsd.toFixed(2)).toBe('0.25')
  await read(1.6, lastMoment)
  const last = await claimRow(world, claim)
  expect(last.windowUsedUsd.toFixed(2)).toBe('0.25')
  expect(last.windowStartedAt).toEqual(midnight)
  expect(last.usageSyncedAt).toEqual(midnight)
  await expectPoolToAddUp(world)
})

test('an expired claim gives back what it did not use, once, after five quiet minutes', async () => {
  await using world = await openWorld()
  const claim = await readyClaim(world)
  await spend(world, claim.hash, 0.5)
  await readAll(world)
  await travel(world, day + 1_000)
  await work(world)
  expect(await claimRow(world, claim)).toMatchObject({ state: 'ended', reason: 'expired' })
  await travel(world, 125_000)
  await work(world)
  expect((await poolNow(world)).committed).toBe(2)
  for (const seconds of [35, 65]) {
    await travel(world, seconds * 1000)
    await Promise.all([readAll(world), readAll(world), readAll(world)])
    expect((await claimRow(world, claim)).settledAt).toBeNull()
  }
  for (const seconds of [125, 125, 125, 125]) {
    await travel(world, seconds * 1000)
    await Promise.all([readAll(world), readAll(world), readAll(world)])
  }
  expect((await claimRow(world, claim)).committedUsd.toFixed(2)).toBe('0.50')
  // The seat stays taken: the time is over, nobody can have it.
  expect(await poolNow(world)).toEqual({ committed: 0.5, seats: 1 })
  expect(await world.db.auditEvent.count({ where: { action: 'key.settled' } })).toBe(1)
  await expectPoolToAddUp(world)
})

test('an ended claim whose key is gone upstream settles with its last reading, some minutes later', async () => {
  await using world = await openWorld()
  const claim = await readyClaim(world)
  await spend(world, claim.hash, 0.5)
  await readAll(world)
  await world.ctx.provider.deleteKey(claim.hash)
  await giveBack(world.ctx, claim)
  await work(world)
  expect((await claimRow(world, claim)).settledAt).toBeNull()
  await letSettle(world)
  const ended = await claimRow(world, claim)
  expect(ended.settledAt).not.toBeNull()
  expect(ended.committedUsd.toFixed(2)).toBe('0.50')
})

test('a key that a list leaves out is asked for itself before it counts as gone', async () => {
  await using world = await openWorld()
  const claim = await readyClaim(world)
  await world.db.$executeRaw`update keymint.keys set saved_at = saved_at - interval '1 min'`
  const shifted = withService(world.ctx, () => ({
    async *listKeys() {
      yield { keys: [], unreadable: 0 }
    },
  }))
  await world.call('/__sim/calls', { method: 'DELETE' })
  expect(await readAccount(shifted, deploymentAccount)).toEqual({ kind: 'done' })
  expect((await world.calls())['GET /keys/{hash}']).toBe(1)
  expect((await claimRow(world, claim)).upstreamMissingAt).toBeNull()
})

test('what was spent past the cap by requests in flight is charged, not hidden', async () => {
  await using world = await openWorld()
  const claim = await readyClaim(world)
  await spend(world, claim.hash, 2.5)
  await giveBack(world.ctx, claim)
  await letSettle(world)
  expect((await claimRow(world, claim)).committedUsd.toFixed(2)).toBe('2.50')
  expect((await poolNow(world)).committed).toBe(2.5)
})

/** The later life of a key: off, replaced, raised, settled; money held until it is known. */
import { listAllKeys } from '~/adapters/key-provider'
import { expect, test } from 'vitest'
import { runBulk } from '~/domain/bulk/run-bulk.server'
import { claimKey } from '~/domain/claim/claim.server'
import { giveBack } from '~/domain/claim/end-claim.server'
import { bulkKinds } from '~/domain/staff/kinds.server'
import {
  act,
  claimRow,
  expectPoolToAddUp,
  poolNow,
  readyClaims,
  runToEnd,
  spend,
  startAction,
} from '../../../tests/claims'
import { applyAll, letSettle, readAll, travel, work } from '../../../tests/engine'
import { makeWorkshop, openWorld, usd } from '../../../tests/world'

const day = 86_400_000

test('a claim becomes a key with one row, one window and the same money in the pool', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  const key = await world.db.key.findFirstOrThrow({ include: { windows: true } })
  expect(key.hash).toBe(claim!.hash)
  expect(key.windows.map((window) => window.reservedUsd.toNumber())).toEqual([2])
  expect(await poolNow(world)).toEqual({ committed: 2, seats: 1 })
  expect((await claimRow(world, claim!)).orKeyHash).toBe(key.hash)
})

test('given back: off upstream, closed, settled at what was used, and the rest is in the pool again', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await spend(world, claim!.hash, 0.5)
  await giveBack(world.ctx, claim!)
  await work(world)
  expect((await world.ctx.provider.findKey(claim!.hash))?.disabled).toBe(true)
  expect((await poolNow(world)).committed).toBe(2)
  await letSettle(world)
  expect(await poolNow(world)).toEqual({ committed: 0.5, seats: 0 })
  await expectPoolToAddUp(world)
})

// Eight rounds of claim, spend all and give back.
test('a daily cap is the person’s, not the key’s: it is spent once a day', async () => {
  const workshop = makeWorkshop({
    kind: 'giveaway',
    keyLimit: usd(0.05),
    keyLimitReset: 'daily',
    keyExpiresAt: null,
    keyExpiresInMs: 30 * day,
    maxKeys: 100,
    poolLimit: null,
    cooldownMs: 0,
    acknowledgedTerms: true,
  })
  await using world = await openWorld({ workshops: [workshop], maxTotalKeys: 100 })
  const [person] = await world.people(1)
  let spent = 0
  for (let round = 0; round < 8; round++) {
    await claimKey(world.ctx, { workshopSlug: workshop.slug, person: person!, optIn: false })
    await work(world)
    const claim = await world.db.workshopAttendance.findFirstOrThrow()
    if (claim.state !== 'ready') break
    const key = await world.ctx.provider.findKey(claim.orKeyHash!)
    spent += Number(key!.limitRemaining) / 1e9
    await spend(world, claim.orKeyHash!, Number(key!.limitRemaining) / 1e9)
    await giveBack(world.ctx, { claimId: claim.claimId, userId: person!.userId })
    await letSettle(world)
  }
  expect(spent).toBeLessThan(0.0501)
  const second = await claimKey(world.ctx, {
    workshopSlug: workshop.slug,
    person: person!,
    optIn: false,
  })
  expect(second).toMatchObject({ kind: 'refused', reason: 'spent' })
})

test('replaced before the provider counts: old and new together stay within the cap', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(4) })] })
  const [claim] = await readyClaims(world, 1)
  await spend(world, claim!.hash, 2)
  await act(world, { kind: 're-issue' }, [claim!])
  await work(world)
  const fresh = await claimRow(world, claim!)
  expect(fresh.state).toBe('ready')
  const key = await world.ctx.provider.findKey(fresh.orKeyHash!)
  expect(Number(key!.limit)).toBeLessThanOrEqual(1_000)
  await letSettle(world)
  expect(Number((await world.ctx.provider.findKey(fresh.orKeyHash!))!.limit)).toBeLessThanOrEqual(
    1_000,
  )
  await expectPoolToAddUp(world)
})

test('a replaced key leaves the rest of its cap to the new one, about a minute later', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await spend(world, claim!.hash, 0.4)
  await act(world, { kind: 're-issue' }, [claim!])
  await letSettle(world)
  const fresh = await claimRow(world, claim!)
  expect(Number((await world.ctx.provider.findKey(fresh.orKeyHash!))!.limit)).toBe(1_600_000_000)
  expect((await poolNow(world)).committed).toBe(2)
})

// Only then is the next one made.
test('a key that was given back while the provider refuses is off as soon as it answers', async () => {
  const workshop = makeWorkshop({
    kind: 'giveaway',
    keyExpiresAt: null,
    keyExpiresInMs: 30 * day,
    maxKeys: 100,
    cooldownMs: 0,
    acknowledgedTerms: true,
  })
  await using world = await openWorld({ workshops: [workshop], maxTotalKeys: 100 })
  const [claim] = await readyClaims(world, 1)
  await world.faults({
    rules: [
      { match: 'PATCH /keys/*', fault: '503' },
      { match: 'DELETE /keys/*', fault: '503' },
    ],
  })
  await giveBack(world.ctx, claim!)
  await claimKey(world.ctx, { workshopSlug: workshop.slug, person: claim!.person, optIn: false })
  await work(world)
  const live = async () =>
    (await listAllKeys(world.ctx.provider)).filter((key) => !key.disabled).map((key) => key.hash)
  expect(await live()).toEqual([claim!.hash])
  await world.clearFaults()
  await work(world)
  await work(world)
  expect((await world.ctx.provider.findKey(claim!.hash))?.disabled ?? true).toBe(true)
  const fresh = await claimRow(world, claim!)
  expect(fresh.state).toBe('ready')
  expect(await live()).toEqual([fresh.orKeyHash])
})

test('a raise is reserved before it is asked for, a lower cap is released when it is confirmed', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(5) })] })
  const [claim] = await readyClaims(world, 1)
  const limit = async () => (await world.ctx.provider.findKey(claim!.hash))!.limit
  const setLimit = async (amount: number) => {
    const action = { kind: 'set-limit', limit: usd(amount) } as const
    return startAction(world, action, { claimIds: [claim!.claimId] })
  }
  const refused = { match: 'PATCH /keys/*', fault: '503' }
  await world.faults({ rules: [refused] })
  const raise = await setLimit(4)
  await runBulk(world.ctx, raise, bulkKinds)
  expect((await poolNow(world)).committed).toBe(4)
  expect(await limit()).toBe(usd(2))
  await world.clearFaults()
  await runToEnd(world, raise)
  await work(world)
  expect((await poolNow(world)).committed).toBe(4)
  expect(await limit()).toBe(usd(4))
  await world.faults({ rules: [refused] })
  const lower = await setLimit(1)
  await runBulk(world.ctx, lower, bulkKinds)
  await applyAll(world)
  expect((await poolNow(world)).committed).toBe(4)
  await world.clearFaults()
  await runToEnd(world, lower)
  await work(world)
  expect((await poolNow(world)).committed).toBe(1)
  expect(await limit()).toBe(usd(1))
})

test('extended: the old key keeps a small allowance beside the new one, and ends', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await act(world, { kind: 'extend', expiresAt: new Date(Date.now() + 3 * day) }, [claim!])
  await work(world)
  await work(world)
  const fresh = await claimRow(world, claim!)
  expect(fresh.state).toBe('ready')
  expect(Number((await world.ctx.provider.findKey(claim!.hash))!.limit)).toBe(100_000_000)
  expect((await poolNow(world)).committed).toBe(2)
  await travel(world, 31 * 60_000)
  await work(world)
  expect((await world.ctx.provider.findKey(claim!.hash))?.disabled).toBe(true)
  await readAll(world)
  await expectPoolToAddUp(world)
})

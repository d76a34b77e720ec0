/** Claims whose holder, staff and provider act at the wrong moment: what may be spent stays bounded. */
import { setTimeout as sleep } from 'node:timers/promises'
import { listAllKeys } from '~/adapters/key-provider'
import { expect, test } from 'vitest'
import { claimForGithubId } from '~/domain/claim/claim-for.server'
import { claimKey } from '~/domain/claim/claim.server'
import { giveBack } from '~/domain/claim/end-claim.server'
import { erasePerson } from '~/domain/people/erase.server'
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
import { letSettle, readAll, travel, work } from '../../../tests/engine'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'
import { moveDueLimits } from './wake.server'

const day = 86_400_000
const giveaway = (change: Parameters<typeof makeWorkshop>[0] = {}) =>
  makeWorkshop({
    kind: 'giveaway',
    keyExpiresAt: null,
    keyExpiresInMs: 30 * day,
    maxKeys: 100,
    cooldownMs: 0,
    acknowledgedTerms: true,
    ...change,
  })
const daily = (change: Parameters<typeof makeWorkshop>[0] = {}) =>
  giveaway({ keyLimit: usd(0.05), keyLimitReset: 'daily', poolLimit: null, ...change })
const openGiveaway = (workshop = giveaway()) =>
  openWorld({ workshops: [workshop], maxTotalKeys: 100 })

const keyAt = (world: World, hash: string) => world.ctx.provider.findKey(hash)
/** Keys that work upstream with more than the least limit left. */
const spendable = async (world: World) =>
  (await listAllKeys(world.ctx.provider)).filter(
    (key) => !key.disabled && (key.limitRemaining === null || key.limitRemaining > 1_000n),
  )
const claimAgain = (world: World, claim: { workshopSlug: string; person: never }) =>
  claimKey(world.ctx, { workshopSlug: claim.workshopSlug, person: claim.person, optIn: false })
const patchIsDown = (world: World) =>
  world.faults({ rules: [{ match: 'PATCH /keys/*', fault: '503' }] })

/** Claims, spends all that the key allows, gives back at once. Returns what was spent. */
async function spendRound(world: World, person: Awaited<ReturnType<World['people']>>[number]) {
  await claimKey(world.ctx, { workshopSlug: 'test-workshop', person, optIn: false })
  await work(world)
  const claim = await world.db.workshopAttendance.findFirstOrThrow({
    where: { userId: person.userId },
  })
  if (claim.state !== 'ready') return 0
  const left = Number((await keyAt(world, claim.orKeyHash!))!.limitRemaining) / 1e9
  await spend(world, claim.orKeyHash!, left)
  await giveBack(world.ctx, { claimId: claim.claimId, userId: person.userId })
  await work(world)
  return left
}

test('a daily cap holds for one account, however fast it gives back and claims again', async () => {
  await using world = await openGiveaway(daily())
  const [person] = await world.people(1)
  let spent = 0
  for (let round = 0; round < 20; round++) {
    spent += await spendRound(world, person!)
    await travel(world, 20_000)
  }
  expect(spent).toBeGreaterThan(0.049)
  expect(spent).toBeLessThan(0.0501)
})

test('the pool is never passed by accounts that give back and claim again, with readings that come late', async () => {
  await using world = await openGiveaway(daily({ poolLimit: usd(0.75), keyExpiresInMs: 3 * day }))
  await world.faults({ usageLagMs: 3_000 })
  const people = await world.people(5)
  let spent = 0
  for (let round = 0; round < 3; round++)
    for (const person of people) {
      spent += await spendRound(world, person)
      expect((await poolNow(world)).committed).toBeLessThanOrEqual(0.75)
    }
  expect(spent).toBeLessThanOrEqual(0.75)
  await expectPoolToAddUp(world)
})

test('a key that was spent and revoked before it was read leaves no room for another beyond the pool', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(2.5) })] })
  const [claim] = await readyClaims(world, 1)
  await spend(world, claim!.hash, 2)
  await act(world, { kind: 'revoke', mayClaimAgain: true }, [claim!])
  await claimAgain(world, claim as never)
  await work(world)
  expect((await poolNow(world)).committed).toBeLessThanOrEqual(2.5)
  await letSettle(world)
  expect((await poolNow(world)).committed).toBeLessThanOrEqual(2.5)
  await expectPoolToAddUp(world)
})

test('revoked with the right to claim again during refusals: the old key ends, the new one lives', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await patchIsDown(world)
  const bulk = await startAction(
    world,
    { kind: 'revoke', mayClaimAgain: true },
    { claimIds: [claim!.claimId] },
  )
  await runToEnd(world, bulk)
  await claimAgain(world, claim as never)
  await work(world)
  expect((await spendable(world)).length).toBeLessThanOrEqual(1)
  await world.clearFaults()
  await letSettle(world)
  expect((await keyAt(world, claim!.hash))?.disabled ?? true).toBe(true)
  const fresh = await claimRow(world, claim!)
  expect(fresh.state).toBe('ready')
  expect((await keyAt(world, fresh.orKeyHash!))!.disabled).toBe(false)
})

test('given back and claimed again while the provider refuses to disable: one spendable key, never two', async () => {
  await using world = await openGiveaway()
  const [claim] = await readyClaims(world, 1)
  await world.faults({
    rules: [
      { match: 'PATCH /keys/*', fault: '503' },
      { match: 'DELETE /keys/*', fault: '503' },
    ],
  })
  await giveBack(world.ctx, claim!)
  await claimAgain(world, claim as never)
  await work(world)
  expect((await spendable(world)).map((key) => key.hash)).toEqual([claim!.hash])
  await world.clearFaults()
  await work(world)
  await work(world)
  const now = await claimRow(world, claim!)
  expect(now.state).toBe('ready')
  expect((await keyAt(world, claim!.hash))?.disabled ?? true).toBe(true)
  expect((await spendable(world)).length).toBeLessThanOrEqual(1)
})

test('a key that staff could not disable is off when its owner gives it back', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await patchIsDown(world)
  await startAction(world, { kind: 'disable' }, { claimIds: [claim!.claimId] })
  await work(world)
  await giveBack(world.ctx, claim!)
  await world.clearFaults()
  await work(world)
  expect((await keyAt(world, claim!.hash))?.disabled ?? true).toBe(true)
  expect((await world.db.key.findFirstOrThrow()).closedAt).not.toBeNull()
})

test('a limit that staff lower while the sweep moves limits is the same in the row and at the provider', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await world.db.$executeRaw`update keymint.keys set limit_due_at = keymint.now()`
  await Promise.all([
    act(world, { kind: 'set-limit', limit: usd(1) }, [claim!]),
    moveDueLimits(world.ctx),
    readAll(world),
  ])
  await work(world)
  expect((await world.db.key.findFirstOrThrow()).limitUsd.toNumber()).toBe(1)
  expect((await keyAt(world, claim!.hash))!.limit).toBe(usd(1))
  expect((await poolNow(world)).committed).toBe(1)
})

test('a raise that meets a replacement is reserved before the new key may spend it', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(5) })] })
  const [claim] = await readyClaims(world, 1)
  const raise = await startAction(
    world,
    { kind: 'set-limit', limit: usd(4) },
    { claimIds: [claim!.claimId] },
  )
  await act(world, { kind: 're-issue' }, [claim!])
  await runToEnd(world, raise)
  await work(world)
  const most = (await spendable(world)).reduce((sum, key) => sum + Number(key.limit) / 1e9, 0)
  expect((await poolNow(world)).committed).toBeGreaterThanOrEqual(most)
  expect((await poolNow(world)).committed).toBeLessThanOrEqual(5)
  await expectPoolToAddUp(world)
})

test('a key given back while it is being enabled ends disabled, and is settled at what was used', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await spend(world, claim!.hash, 0.3)
  await act(world, { kind: 'disable' }, [claim!])
  await world.faults({ rules: [{ match: 'PATCH /keys/*', fault: 'latency', delayMs: 700 }] })
  const enabling = act(world, { kind: 'enable' }, [claim!])
  await sleep(300)
  await giveBack(world.ctx, claim!)
  await enabling
  await world.clearFaults()
  await letSettle(world)
  expect((await keyAt(world, claim!.hash))!.disabled).toBe(true)
  expect(await poolNow(world)).toEqual({ committed: 0.3, seats: 0 })
})

test('somebody who was erased during the cool-down gets no second key from staff either', async () => {
  await using world = await openGiveaway(giveaway({ cooldownMs: 30 * day }))
  const githubId = '4711'
  const first = await claimForGithubId(world.ctx, {
    workshopSlug: 'test-workshop',
    githubId,
    actorUserId: 'github:staff',
  })
  expect(first.kind).toBe('queued')
  await work(world)
  const claim = await world.db.workshopAttendance.findFirstOrThrow()
  await giveBack(world.ctx, { claimId: claim.claimId, userId: claim.userId })
  await letSettle(world)
  const erased = await erasePerson(world.ctx, { userId: claim.userId, because: 'asked' })
  expect(erased).toEqual({ kind: 'erased' })
  const second = await claimForGithubId(world.ctx, {
    workshopSlug: 'test-workshop',
    githubId,
    actorUserId: 'github:staff',
  })
  expect(second.kind).toBe('refused')
})

test('replaced again and again before the provider counts: all keys together stay within the cap', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(4) })] })
  await world.faults({ usageLagMs: 600_000 })
  const [claim] = await readyClaims(world, 1)
  let spent = 0
  for (let round = 0; round < 4; round++) {
    const now = await claimRow(world, claim!)
    if (now.state !== 'ready') break
    const limit = Number((await keyAt(world, now.orKeyHash!))!.limit) / 1e9
    await spend(world, now.orKeyHash!, limit)
    spent += limit
    await act(world, { kind: 're-issue' }, [claim!])
    await work(world)
    await travel(world, 600_000)
  }
  expect(spent).toBeLessThan(2.0001)
  expect((await poolNow(world)).committed).toBeLessThanOrEqual(4)
})

import { expect, test } from 'vitest'
import { runMint } from '~/domain/mint/mint.server'
import { makeWorkshop, openWorld, usd, type World } from '../../../simulators/harness'
import { retryClaim } from './admin.server'
import { claimKey } from './claim.server'

const slug = 'test-workshop'

async function refusedClaim(world: World) {
  await world.faults({ rules: [{ match: 'POST /keys', fault: 'refuse', status: 400, times: 1 }] })
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: slug, person: person!, optIn: false })
  await runMint(world.ctx, (await world.db.mint.findFirstOrThrow({ where: { state: 'pending' } })).id)
  return world.db.workshopAttendance.findFirstOrThrow({ where: { userId: person!.userId, state: 'refused' } })
}

async function poolOf(world: World) {
  const pool = await world.db.pool.findFirstOrThrow()
  return { seats: pool.seats, committed: pool.committedUsd.toNumber() }
}

const retry = (world: World, claimId: string) => retryClaim(world.ctx, { claimId, workshopSlug: slug, actorUserId: 'github:1' })

test('ten retries at once make one new mint and reserve its money and seat once', async () => {
  await using world = await openWorld()
  const claim = await refusedClaim(world)
  expect(await poolOf(world)).toEqual({ seats: 0, committed: 0 })
  const outcomes = await Promise.all(Array.from({ length: 10 }, () => retry(world, claim.claimId)))
  expect(outcomes.filter((outcome) => outcome.kind === 'mint-queued')).toHaveLength(1)
  expect(outcomes.filter((outcome) => outcome.kind === 'nothing-to-do')).toHaveLength(9)
  expect(await poolOf(world)).toEqual({ seats: 1, committed: 2 })
  expect(await world.db.mint.count()).toBe(2)
})

test('a retry on a full pool is refused with words and changes nothing', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(2) })] })
  const claim = await refusedClaim(world)
  const [other] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: slug, person: other!, optIn: false })
  expect(await retry(world, claim.claimId)).toMatchObject({ kind: 'refused' })
  expect(await world.db.workshopAttendance.findUniqueOrThrow({ where: { claimId: claim.claimId } })).toMatchObject({ state: 'refused', generation: 1 })
  expect(await poolOf(world)).toEqual({ seats: 1, committed: 2 })
})

test('without the workshop\'s file there is no cap, and so no retry', async () => {
  await using world = await openWorld()
  const claim = await refusedClaim(world)
  world.ctx.workshops.workshops.clear()
  expect(await retry(world, claim.claimId)).toMatchObject({ kind: 'refused' })
  expect(await poolOf(world)).toEqual({ seats: 0, committed: 0 })
})

test('a mint refused by two workers at once gives its money and seat back once', async () => {
  await using world = await openWorld()
  const people = await world.people(2)
  for (const person of people) await claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })
  const banned = await world.db.workshopAttendance.findFirstOrThrow({ where: { userId: people[0]!.userId } })
  await world.db.attendee.update({ where: { userId: banned.userId }, data: { bannedAt: new Date() } })
  const mint = await world.db.mint.findFirstOrThrow({ where: { ownerId: banned.claimId } })
  await Promise.all(Array.from({ length: 6 }, () => runMint(world.ctx, mint.id)))
  expect(await world.db.workshopAttendance.findUniqueOrThrow({ where: { claimId: banned.claimId } })).toMatchObject({ state: 'refused', reason: 'banned' })
  expect(await poolOf(world)).toEqual({ seats: 1, committed: 2 })
  expect(await world.db.auditEvent.count({ where: { action: 'claim.refused' } })).toBe(1)
})

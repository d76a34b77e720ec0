import { expect, test } from 'vitest'
import {
  act,
  claimRow,
  mintAll,
  poolNow,
  readyClaims,
  runToEnd,
  startAction,
} from '../../../tests/claims'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'
import { runMint } from '~/domain/keys/mint.server'
import { claimKey } from '../claim/claim.server'

const slug = 'test-workshop'

async function refusedClaim(world: World) {
  await world.faults({ rules: [{ match: 'POST /keys', fault: 'refuse', status: 400, times: 1 }] })
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: slug, person: person!, optIn: false })
  await runMint(
    world.ctx,
    (await world.db.mint.findFirstOrThrow({ where: { state: 'pending' } })).id,
  )
  return world.db.workshopAttendance.findFirstOrThrow({
    where: { userId: person!.userId, state: 'refused' },
  })
}

test('ten retries at once make one new mint and reserve its money and seat once', async () => {
  await using world = await openWorld()
  const claim = await refusedClaim(world)
  expect(await poolNow(world)).toEqual({ seats: 0, committed: 0 })
  const bulkIds = await Promise.all(
    Array.from({ length: 10 }, () =>
      startAction(world, { kind: 'retry' }, { claimIds: [claim.claimId] }),
    ),
  )
  const bulks = await Promise.all(bulkIds.map((bulkId) => runToEnd(world, bulkId)))
  expect(bulks.map((bulk) => bulk.done).reduce((a, b) => a + b)).toBe(1)
  expect(bulks.map((bulk) => bulk.skipped).reduce((a, b) => a + b)).toBe(9)
  expect(await poolNow(world)).toEqual({ seats: 1, committed: 2 })
  expect(await world.db.mint.count()).toBe(2)
  await mintAll(world)
  expect(await claimRow(world, claim)).toMatchObject({ state: 'ready', generation: 2 })
})

test('a retry on a full pool is refused with a message and changes nothing', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(2) })] })
  const claim = await refusedClaim(world)
  const [other] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: slug, person: other!, optIn: false })
  expect((await act(world, { kind: 'retry' }, [claim])).results).toMatchObject([
    { state: 'failed', detail: 'The pool has no room left for this key.' },
  ])
  expect(await claimRow(world, claim)).toMatchObject({ state: 'refused', generation: 1 })
  expect(await poolNow(world)).toEqual({ seats: 1, committed: 2 })
})

test("without the workshop's file there is no cap, and so no retry", async () => {
  await using world = await openWorld()
  const claim = await refusedClaim(world)
  world.ctx.workshops.workshops.clear()
  expect(await act(world, { kind: 'retry' }, [claim])).toMatchObject({ failed: 1 })
  expect(await poolNow(world)).toEqual({ seats: 0, committed: 0 })
})

test('a mint refused by two workers at once gives its money and seat back once', async () => {
  await using world = await openWorld()
  const people = await world.people(2)
  for (const person of people)
    await claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })
  const banned = await world.db.workshopAttendance.findFirstOrThrow({
    where: { userId: people[0]!.userId },
  })
  await world.db.attendee.update({
    where: { userId: banned.userId },
    data: { bannedAt: new Date() },
  })
  const mint = await world.db.mint.findFirstOrThrow({ where: { holderId: banned.claimId } })
  await Promise.all(Array.from({ length: 6 }, () => runMint(world.ctx, mint.id)))
  expect(await claimRow(world, banned)).toMatchObject({ state: 'refused', reason: 'banned' })
  expect(await poolNow(world)).toEqual({ seats: 1, committed: 2 })
  expect(await world.db.auditEvent.count({ where: { action: 'claim.refused' } })).toBe(1)
})

test('a key that was set aside is bound again, and one that is bound needs nothing', async () => {
  await using world = await openWorld()
  const [claim, other] = await readyClaims(world, 2)
  await world.db.key.updateMany({
    where: { holderId: claim!.claimId },
    data: { guardrailAt: null, bindSetAside: true },
  })
  const bulk = await act(world, { kind: 'bind' }, [claim!, other!])
  expect(bulk).toMatchObject({ done: 1, skipped: 1 })
  expect((await claimRow(world, claim!)).bindSetAside).toBe(false)
  await world.startWorkerHere()
  await expect
    .poll(async () => (await claimRow(world, claim!)).guardrailAttachedAt, { timeout: 20_000 })
    .not.toBeNull()
})

/** The poll's own query says what the page's query says, in every state. */
import { expect, test } from 'vitest'
import { openWorld, type World } from '../../../tests/world'
import { claimFor, soon, workshopSlug } from '../../../tests/queue'
import { findClaimPulse } from './claim-pulse.server'
import { findClaimView } from './claim-view.server'

async function bothOf(world: World, userId: string) {
  const owner = { workshopSlug, userId }
  const [pulse, view] = await Promise.all([
    findClaimPulse(world.ctx, owner),
    findClaimView(world.ctx, owner),
  ])
  return { pulse, view }
}

async function expectAlike(world: World, userId: string) {
  const { pulse, view } = await bothOf(world, userId)
  const now = view?.steps.findIndex(({ state }) => state === 'now' || state === 'problem') ?? -1
  expect(pulse).toMatchObject({
    next: view?.nextPollMs,
    ahead: view?.waiting?.peopleAhead ?? 0,
    delay: view?.waiting?.delay?.retryInSeconds ?? null,
  })
  if (view?.state === 'pending') expect(pulse?.step).toBe(now)
  expect(pulse?.v.split('.').slice(0, 1)).toEqual([view?.state])
  expect(JSON.stringify(pulse).length).toBeLessThan(300)
}

test('a poll agrees with the page while a key waits, is paused, is ready, and has ended', async () => {
  await using world = await openWorld()
  const [first, second] = await claimFor(world, 2)
  await expectAlike(world, first!.userId)
  await expectAlike(world, second!.userId)
  expect((await bothOf(world, second!.userId)).pulse?.ahead).toBe(1)
  const waiting = (await bothOf(world, first!.userId)).pulse?.v

  await world.db.$executeRaw`
    insert into keymint.workers (id, slots) values ('w', 4)`
  await expectAlike(world, first!.userId)
  expect((await bothOf(world, first!.userId)).pulse?.v).not.toBe(waiting)
  await world.db.$executeRaw`update keymint.workers set gone_at = now()`
  expect((await bothOf(world, first!.userId)).pulse?.v).toBe(waiting)

  await world.db.$executeRaw`
    update keymint.minting set paused_at = now(), pause_reason = 'lunch', paused_by = ${first!.userId}`
  await expectAlike(world, first!.userId)
  await world.db.$executeRaw`
    update keymint.minting set paused_at = null, pause_reason = null, paused_by = null`

  const worker = await world.startWorkerHere()
  await expect
    .poll(() => world.db.workshopAttendance.count({ where: { state: 'ready' } }), soon)
    .toBe(2)
  await worker.stop()
  await expectAlike(world, first!.userId)
  world.moveClock(2 * 86_400_000)
  await expectAlike(world, first!.userId)
  expect((await bothOf(world, first!.userId)).pulse?.next).toBeNull()
  expect(await findClaimPulse(world.ctx, { workshopSlug, userId: 'nobody' })).toBeNull()
})

/** Pre-minted keys when the provider refuses, keys are lost, or two are at it at once. */
import { expect, test } from 'vitest'
import { claimKey } from '~/domain/claim/claim.server'
import { keepSpares } from '~/domain/claim/spares.server'
import { readStock } from '~/domain/claim/stock.server'
import { bindKeys } from '~/domain/keys/bind.server'
import { recordMissing } from '~/domain/keys/readings.server'
import { runMint } from '~/domain/keys/mint.server'
import { verifyCounters } from '~/domain/operations/counters.server'
import { pauseQueue, resumeQueue } from '~/domain/operations/paused-queues.server'
import { banPerson } from '~/domain/people/ban.server'
import { expectPoolToAddUp, mintAll, poolNow, runToEnd, spend } from '../../../tests/claims'
import { letSettle, readAll, work } from '../../../tests/engine'
import { usd } from '../../../tests/world'
import { changeFile, claim, claimOf, fill, openStock, slug, stock } from '../../../tests/spares'

test('a key that was refused, used, disabled by hand or is gone at the provider is never handed out', async () => {
  await using world = await openStock({ premint: 4 })
  await fill(world)
  const keys = await world.db.key.findMany({ orderBy: { id: 'asc' } })
  await spend(world, keys[0]!.hash!, 0.25)
  await world.ctx.provider.updateKey(keys[1]!.hash!, { disabled: true })
  await readAll(world)
  await recordMissing(world.ctx, keys[2]!.id)
  const [one, two] = await world.people(2)
  await claim(world, one!)
  await claim(world, two!)
  expect(await claimOf(world, one!)).toMatchObject({ state: 'ready', orKeyHash: keys[3]!.hash })
  expect(await claimOf(world, two!)).toMatchObject({ state: 'pending' })
  expect(await keepSpares(world.ctx)).toBeGreaterThan(0)
  const unusable = await world.db.spare.count({ where: { reason: 'unusable' } })
  expect(unusable).toBeGreaterThanOrEqual(2)
  // Others are made after a while, not in a circle.
  expect(await keepSpares(world.ctx)).toBe(0)
  await world.db
    .$executeRaw`update keymint.spares set ended_at = ended_at - interval '6 min' where state = 'ended'`
  expect(await keepSpares(world.ctx)).toBeGreaterThan(0)
  await letSettle(world)
  await expectPoolToAddUp(world)
})

test('a refusal of the provider is no loop, and its money returns', async () => {
  await using world = await openStock({ premint: 2 })
  await world.faults({ rules: [{ match: 'POST /keys', fault: 'refuse', status: 400 }] })
  await fill(world)
  expect(await stock(world)).toEqual({ refused: 2 })
  expect(await poolNow(world)).toEqual({ committed: 0, seats: 0 })
  expect(await keepSpares(world.ctx)).toBe(0)
  await world.clearFaults()
  await world.db.$executeRaw`update keymint.spares set ended_at = ended_at - interval '6 min'`
  expect(await keepSpares(world.ctx)).toBe(2)
})

test('while its queue is paused none is made by the sweep either, and what is not needed goes', async () => {
  await using world = await openStock({ premint: 2 })
  await fill(world)
  const by = { name: 'keep-spares', actorUserId: 'github:staff' } as const
  await pauseQueue(world.ctx, { ...by, reason: 'a test', typed: '' })
  changeFile(world, { premint: 4 })
  expect(await keepSpares(world.ctx)).toBe(0)
  changeFile(world, { premint: 1 })
  expect(await keepSpares(world.ctx)).toBe(1)
  changeFile(world, { premint: 2 })
  await resumeQueue(world.ctx, by)
  expect(await keepSpares(world.ctx)).toBe(1)
})

test('two passes at once make the stock once; a claim of another installation’s spare is none', async () => {
  await using world = await openStock()
  await Promise.all([keepSpares(world.ctx), keepSpares(world.ctx), keepSpares(world.ctx)])
  await keepSpares(world.ctx)
  expect(await stock(world)).toEqual({ pending: 3 })
  await mintAll(world)
  // A copy of the database: the same keys wait in the original.
  const copy = { ...world.ctx, installationId: '0123456789ab' }
  const [person] = await world.people(1)
  await claimKey(copy, { workshopSlug: slug, person: person!, optIn: false })
  expect(await claimOf(world, person!)).toMatchObject({ state: 'pending' })
})

test('a spare that is closed while its key is being made leaves no key behind', async () => {
  await using world = await openStock({ premint: 1 })
  await keepSpares(world.ctx)
  const [mint] = await world.db.mint.findMany()
  await world.faults({ rules: [{ match: 'POST /keys', fault: 'latency', delayMs: 400 }] })
  const running = runMint(world.ctx, mint!.id)
  await expect.poll(() => world.db.mintAttempt.count()).toBe(1)
  changeFile(world, { premint: null })
  await keepSpares(world.ctx)
  await running
  expect(await stock(world)).toEqual({ ended: 1 })
  expect(await world.liveKeys()).toEqual([])
  expect(await poolNow(world)).toEqual({ committed: 0, seats: 0 })
})

test('who is banned while the claim is on its way takes no key, whichever was first', async () => {
  await using world = await openStock({ premint: 8 })
  await fill(world)
  const people = await world.people(6)
  const ban = (userId: string) =>
    banPerson(world.ctx, { userId, reason: 'a test', actorUserId: 'github:staff' })
  await ban(people[0]!.userId)
  // Their session was read before the ban.
  await claim(world, people[0]!)
  expect(await claimOf(world, people[0]!)).toMatchObject({ state: 'pending', orKeyHash: null })
  await Promise.all(people.slice(1).flatMap((person) => [claim(world, person), ban(person.userId)]))
  // A key that was taken before its ban is revoked by the ban's own action.
  for (const { id } of await world.db.bulkAction.findMany()) await runToEnd(world, id)
  await work(world)
  await mintAll(world)
  expect(await world.db.workshopAttendance.count({ where: { state: 'ready' } })).toBe(0)
  await letSettle(world)
  await expectPoolToAddUp(world)
})

test('many who claim at once share what keys hold that are not made yet', async () => {
  await using world = await openStock({ premint: 10, poolLimit: usd(16) })
  expect(await keepSpares(world.ctx)).toBe(8)
  const people = await world.people(8)
  const wide = { ...world.ctx, limitClaims: ((run: () => unknown) => run()) as never }
  const outcomes = await Promise.all(
    people.map((person) => claimKey(wide, { workshopSlug: slug, person, optIn: false })),
  )
  expect(outcomes.map(({ kind }) => kind)).toEqual(Array(8).fill('queued'))
  expect(await poolNow(world)).toEqual({ committed: 16, seats: 8 })
  await expectPoolToAddUp(world)
})

test('readings and claims at once: whatever a key used is booked where it belongs', async () => {
  await using world = await openStock({ premint: 8 })
  await fill(world)
  const keys = await world.db.key.findMany()
  for (const key of keys) await spend(world, key.hash!, 0.5)
  const people = await world.people(8)
  await Promise.all([
    readAll(world),
    ...people.map((person) => claim(world, person)),
    readAll(world),
  ])
  await readAll(world)
  await expectPoolToAddUp(world)
  expect(await verifyCounters(world.ctx)).toEqual([])
  const read = await world.db.key.findMany({ where: { id: { in: keys.map(({ id }) => id) } } })
  for (const key of read) expect(key.usedUsd.toNumber()).toBe(0.5)
})

test('staff see the stock, what it holds and what failed', async () => {
  await using world = await openStock({ premint: 2 })
  expect(await readStock(world.ctx, 'another')).toBeNull()
  expect(await readStock(world.ctx, slug)).toMatchObject({ wanted: 2, ready: 0, making: 0 })
  await world.faults({ rules: [{ match: 'POST /guardrails', fault: '503' }] })
  await fill(world)
  expect(await readStock(world.ctx, slug)).toMatchObject({ ready: 0, making: 2, held: { usd: 4 } })
  expect((await readStock(world.ctx, slug))?.bindError).toContain('503')
  await world.clearFaults()
  const mints = await world.db.mint.findMany()
  await bindKeys(
    world.ctx,
    mints.map(({ id }) => id),
  )
  expect(await readStock(world.ctx, slug)).toMatchObject({ ready: 2, making: 0, bindError: null })
  const [person] = await world.people(1)
  await claim(world, person!)
  changeFile(world, { premint: null })
  await keepSpares(world.ctx)
  expect(await readStock(world.ctx, slug)).toMatchObject({
    wanted: null,
    ready: 0,
    closing: 1,
    claimed: 1,
    held: { usd: 2 },
  })
  const soon = new Date(Date.now() + 2 * 3_600_000)
  changeFile(world, { premint: 2, claimsOpenAt: soon, claimsCloseAt: null })
  expect((await readStock(world.ctx, slug))?.madeFrom).toBe(
    new Date(soon.getTime() - 3_600_000).toISOString(),
  )
})

/** A later end of a key: moved where Keymint ends it, by a replacement where its service does. */
import { expect, test } from 'vitest'
import { balance, day, made, oneMember, ref } from '../../../tests/ledger'
import { MeteredService } from '../../../tests/metered-service'
import type { TeamWorld } from '../../../tests/team'
import { NotAllowed } from '../money/member-lock.server'
import { moveEnd } from './later-end.server'
import { rotateSubKey } from './sub-key.server'

const heldHere = () =>
  oneMember(10, { service: (now) => new MeteredService(now, { end: 'disable' }) })
const actorOf = (world: TeamWorld, keyId: string) => ({ ...ref(world), keyId })
const move = async (world: TeamWorld, keyId: string, days: number, was?: Date) => {
  const { expiresAt } = await world.row(keyId)
  return moveEnd(world.ctx, actorOf(world, keyId), {
    expiresAt: new Date(expiresAt.getTime() + days * day),
    was: was ?? expiresAt,
    reason: 'a test',
  })
}

test('an end that Keymint holds is moved: the key lives past the old one, and ends at the new one', async () => {
  await using world = await heldHere()
  const keyId = await made(world, { cap: 2 })
  const { expiresAt: was } = await world.row(keyId)
  const calls = world.service.calls
  const before = await balance(world)
  expect(await move(world, keyId, 3)).toEqual({ kind: 'moved' })
  expect(world.service.calls).toBe(calls)
  expect(await balance(world)).toEqual(before)
  await world.setClock(new Date(was.getTime() + 60_000))
  await world.sweep()
  expect((await world.row(keyId)).state).toBe('ready')
  await world.setClock(new Date(was.getTime() + 3 * day + 60_000))
  await world.sweep()
  const { state, reason, endedAt } = await world.row(keyId)
  expect([state, reason]).toEqual(['ended', 'expired'])
  expect(endedAt).toEqual(new Date(was.getTime() + 3 * day))
  await world.letSettle()
  expect(await balance(world)).toMatchObject({ committed: 0, spent: 0 })
})

test('it is moved forward only, by a year at most, from the end that was shown, by who may', async () => {
  await using world = await heldHere()
  const keyId = await made(world, { cap: 2 })
  const { expiresAt: was } = await world.row(keyId)
  expect(await move(world, keyId, 0)).toMatchObject({ reason: 'end-not-later' })
  expect(await move(world, keyId, -1)).toMatchObject({ reason: 'end-not-later' })
  expect(await move(world, keyId, 400)).toMatchObject({ reason: 'end-too-late' })
  // Two at once from the same page: one of them moves it.
  const both = await Promise.all([move(world, keyId, 2, was), move(world, keyId, 3, was)])
  expect(both.map(({ kind }) => kind).sort()).toEqual(['moved', 'refused'])
  const [stranger] = await world.people(1)
  await expect(
    moveEnd(
      world.ctx,
      { teamId: world.teamId, keyId, userId: stranger!.userId },
      { expiresAt: new Date(was.getTime() + 9 * day), was, reason: '' },
    ),
  ).rejects.toThrow(NotAllowed)
  // Over by the clock, before any sweep has seen it: it does not come back.
  await world.setClock(new Date((await world.row(keyId)).expiresAt.getTime() + 1_000))
  expect(await move(world, keyId, 5)).toMatchObject({ reason: 'not-live' })
})

test('an end and a move of it at once: the key has ended, or ends later, and never both', async () => {
  await using world = await heldHere()
  for (let round = 0; round < 4; round++) {
    const keyId = await made(world, { cap: 1 })
    const { expiresAt } = await world.row(keyId)
    // The pages' clock is a moment behind the engine's.
    await world.setClock(new Date(expiresAt.getTime() - 1))
    const moving = move(world, keyId, 1)
    await world.travel(2)
    const [moved] = await Promise.all([moving, world.expire()])
    const row = await world.row(keyId)
    expect(row.state).toBe(moved.kind === 'moved' ? 'ready' : 'ended')
    expect((await world.keyRow(keyId)).offEndedAt === null).toBe(moved.kind === 'moved')
    await world.setClock(new Date(row.expiresAt.getTime() + 1_000))
    await world.letSettle()
  }
})

test('an end that the service holds is not moved; a replacement ends later, once it is made', async () => {
  await using world = await oneMember(10)
  const keyId = await made(world, { cap: 2 })
  const { expiresAt: was } = await world.row(keyId)
  expect(await move(world, keyId, 3)).toMatchObject({ reason: 'end-not-here' })
  const later = new Date(was.getTime() + 3 * day)
  const rotate = (expiresAt: Date) =>
    rotateSubKey(world.ctx, actorOf(world, keyId), '', undefined, 0, expiresAt)
  expect(await rotate(was)).toMatchObject({ reason: 'end-not-later' })
  expect(await rotate(new Date(was.getTime() + 400 * day))).toMatchObject({
    reason: 'end-too-late',
  })
  expect(await rotate(later)).toEqual({ kind: 'asked' })
  expect((await world.row(keyId)).expiresAt).toEqual(was)
  await world.sweep()
  expect(await world.mint(keyId)).toBe(true)
  const row = await world.row(keyId)
  expect([row.state, row.expiresAt]).toEqual(['ready', later])
  expect(world.service.keys.get(row.keyHash!)!.expiresAt).toEqual(later)
  expect(await balance(world)).toMatchObject({ committed: 2, free: 8 })
  await world.setClock(new Date(was.getTime() + 60_000))
  await world.sweep()
  expect((await world.row(keyId)).state).toBe('ready')
})

test('a replacement that the service refuses leaves the old key with its old end', async () => {
  await using world = await oneMember(10)
  const keyId = await made(world, { cap: 2 })
  const { expiresAt: was } = await world.row(keyId)
  const later = new Date(was.getTime() + 3 * day)
  await rotateSubKey(world.ctx, actorOf(world, keyId), '', undefined, 4, later)
  await world.sweep()
  await world.refuseMint(keyId)
  const row = await world.row(keyId)
  expect([row.state, row.generation, row.expiresAt]).toEqual(['ready', 1, was])
})

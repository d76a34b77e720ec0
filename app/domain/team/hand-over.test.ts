/** Keys that change hands: within the new holder's budget, with what was spent left where it was spent. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { checkLedger } from '../../../tests/ledger-check'
import { made, usd, use } from '../../../tests/ledger'
import { openTeamWorld, type TeamWorld } from '../../../tests/team'
import { setBudget } from '../money/budgets.server'
import { monthOf } from '../money/month'
import { readBalance } from '../money/postings.server'
import { NotAllowed } from '../money/member-lock.server'
import { setKeyCeiling } from './key-ceiling.server'
import { handOverKeys } from './hand-over.server'
import { readMonth } from './months.server'
import { revealSubKey } from './reveal.server'
import { deleteSubKey, rotateSubKey } from './sub-key.server'
import { findSubKey } from './sub-key-view.server'
import { removeMember, setRole } from './team.server'

async function openWithKey() {
  const world = await openTeamWorld({ members: 2 })
  const [ann, ben] = world.memberIds
  const budgets = [
    [ann!, 100],
    [ben!, 30],
  ] as const
  for (const [userId, amount] of budgets)
    await setBudget(
      world.ctx,
      { teamId: world.teamId, userId },
      { budget: usd(amount), effective: 'now', reason: 'a test' },
      world.ownerId,
    )
  const keyId = await made(world, { cap: 20 })
  await use(world, keyId, 6)
  return { world, ann: ann!, ben: ben!, keyId }
}
const hand = (world: TeamWorld, from: string, to: string, keyId?: string, actor = world.ownerId) =>
  handOverKeys(world.ctx, {
    teamId: world.teamId,
    actorUserId: actor,
    from,
    to,
    reason: 'a test',
    ...(keyId ? { keyId } : {}),
  })
const moneyOf = async (world: TeamWorld, userId: string) => {
  const found = await readBalance(
    world.db,
    { teamId: world.teamId, userId },
    monthOf(world.ctx.now()),
  )
  return [found.committed, found.spent, found.free].map((nano) => Number(nano) / 1e9)
}

test('a key changes hands: the rest leaves one budget for the other, and what was spent stays', async () => {
  const { world, ann, ben, keyId } = await openWithKey()
  await using _ = world
  const reveal = (userId: string) =>
    revealSubKey(world.ctx, { teamId: world.teamId, keyId, userId })
  expect(await reveal(ann)).toMatchObject({ kind: 'revealed' })
  expect(await hand(world, ann, ben, keyId)).toEqual({ kind: 'handed', count: 1 })
  expect(await moneyOf(world, ann)).toEqual([0, 6, 94])
  expect(await moneyOf(world, ben)).toEqual([14, 0, 16])
  await checkLedger(world)
  expect(await reveal(ann)).toEqual({ kind: 'no-key' })
  expect(await reveal(ben)).toMatchObject({ kind: 'revealed' })
  const old = { teamId: world.teamId, keyId, userId: ann }
  await expect(deleteSubKey(world.ctx, old, '')).rejects.toThrow(NotAllowed)
  await expect(rotateSubKey(world.ctx, old, '')).rejects.toThrow(NotAllowed)
  const [person] = await world.db.attendee.findMany({ where: { userId: ann } })
  expect(await findSubKey(world.ctx, world.teamId, keyId)).toMatchObject({
    holder: { userId: ben },
    spent: { usd: 6 },
    formerHolder: person!.displayName,
  })
  expect(
    await world.db.auditEvent.findFirst({ where: { action: 'sub-key.handed-over' } }),
  ).toMatchObject({
    actor: `user:${world.ownerId}`,
    subject: `sub-key:${keyId}`,
    details: { from: `user:${ann}`, to: `user:${ben}`, reason: 'a test' },
  })

  // What is spent from now on is the new holder's, and the cap goes on.
  await use(world, keyId, 100)
  expect(await moneyOf(world, ann)).toEqual([0, 6, 94])
  expect(await moneyOf(world, ben)).toEqual([0, 14, 16])
  await checkLedger(world)
  const month = await readMonth(
    world.ctx,
    { teamId: world.teamId, userId: null, keysOf: null },
    monthOf(world.ctx.now()),
  )
  expect(month.keys.map(({ spent }) => spent.usd)).toEqual([14, 6])
  expect(month.services).toMatchObject([{ keys: 1, spent: { usd: 20 } }])
})

test('of two owners who hand one key over, the second is told that somebody else holds it', async () => {
  const { world, ann, ben, keyId } = await openWithKey()
  await using _ = world
  const outcomes = await Promise.all([
    hand(world, ann, ben, keyId),
    hand(world, ann, world.ownerId, keyId),
    hand(world, ann, ben, keyId),
  ])
  // The owner has no budget, so that of the others one is first.
  expect(outcomes.filter(({ kind }) => kind === 'handed')).toHaveLength(1)
  expect(outcomes.map((one) => (one.kind === 'refused' ? one.reason : one.kind))).toContain(
    'other-holder',
  )
  expect((await world.row(keyId)).userId).toBe(ben)
  expect(await moneyOf(world, ben)).toEqual([14, 0, 16])
  await checkLedger(world)
})

test('once the key is replaced, nobody is warned of its former holder', async () => {
  const { world, ann, ben, keyId } = await openWithKey()
  await using _ = world
  await hand(world, ann, ben, keyId)
  await rotateSubKey(world.ctx, { teamId: world.teamId, keyId, userId: ben }, 'handed over')
  await world.apply(keyId)
  expect(await world.mint(keyId)).toBe(true)
  expect(await findSubKey(world.ctx, world.teamId, keyId)).toMatchObject({ formerHolder: null })
  await world.letSettle()
  await checkLedger(world)
})

test('all live keys go, and the member who leaves ends none of them', async () => {
  const { world, ann, ben, keyId } = await openWithKey()
  await using _ = world
  const second = await made(world, { cap: 10, reset: 'monthly' })
  expect(await hand(world, ann, ben)).toEqual({ kind: 'handed', count: 2 })
  const ref = { teamId: world.teamId, userId: ann }
  expect(await removeMember(world.ctx, ref, world.ownerId, 'left')).toEqual({ kind: 'done' })
  for (const id of [keyId, second]) expect((await world.row(id)).state).toBe('ready')
  expect(await moneyOf(world, ann)).toEqual([0, 6, 0])
  expect(await moneyOf(world, ben)).toEqual([24, 0, 6])
  await checkLedger(world)
  // The next month is the new holder's alone.
  await world.setClock(new Date('2026-12-01T00:05:00Z'))
  await world.read()
  await use(world, second, 3)
  await checkLedger(world)
})

test('what does not fit, is not theirs, or goes to nobody who can hold it is refused and changes nothing', async () => {
  const { world, ann, ben, keyId } = await openWithKey()
  await using _ = world
  const big = await made(world, { cap: 40 })
  expect(await hand(world, ann, ben)).toMatchObject({ reason: 'budget-short', free: usd(30) })
  expect(await hand(world, ann, ben, big)).toMatchObject({ reason: 'budget-short' })
  expect(await hand(world, ben, ann, keyId)).toMatchObject({ reason: 'other-holder' })
  expect(await hand(world, ben, ann)).toMatchObject({ reason: 'no-live-keys' })
  expect(await hand(world, ann, ben, randomUUID())).toMatchObject({ reason: 'no-such-key' })
  expect(await hand(world, ann, ann, keyId)).toMatchObject({ reason: 'same-holder' })
  expect(await hand(world, ann, 'nobody', keyId)).toMatchObject({ reason: 'no-such-member' })
  await expect(hand(world, ann, ben, keyId, ann)).rejects.toThrow(NotAllowed)
  const ceiling = (count: number) =>
    setKeyCeiling(world.ctx, {
      teamId: world.teamId,
      slug: world.slug,
      actorUserId: world.ownerId,
      ceiling: count,
    })
  await ceiling(1)
  expect(await hand(world, ann, ben)).toMatchObject({ reason: 'too-many-keys' })
  await ceiling(20)
  await setRole(world.ctx, { teamId: world.teamId, userId: ben }, 'viewer', world.ownerId, 'x')
  expect(await hand(world, ann, ben, keyId)).toMatchObject({ reason: 'not-able' })
  await deleteSubKey(world.ctx, { teamId: world.teamId, keyId, userId: ann }, '')
  await setRole(world.ctx, { teamId: world.teamId, userId: ben }, 'member', world.ownerId, 'x')
  expect(await hand(world, ann, ben, keyId)).toMatchObject({ reason: 'not-live' })
  await checkLedger(world)
})

test('20 races of hand-overs with a reading and with each other: the books hold', async () => {
  const { world, ann, ben, keyId } = await openWithKey()
  await using _ = world
  for (let round = 0; round < 20; round++) {
    const { userId } = await world.row(keyId)
    const other = userId === ann ? ben : ann
    await Promise.all([
      hand(world, userId, other, keyId),
      hand(world, userId, other, keyId),
      use(world, keyId, 0.1),
      hand(world, other, userId, keyId),
    ])
    await world.read()
    await checkLedger(world)
  }
}, 60_000)

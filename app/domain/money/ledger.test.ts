/** The rules of a month, one by one; ledger-walk.test.ts holds them all together. */
import { expect, test } from 'vitest'
import { openTeamWorld, type TeamWorld } from '../../../tests/team-world'
import { applySubKey } from '../team/apply.server'
import { recordSubKeyReading } from '../team/reading.server'
import { changeCap, deleteSubKey, provisionSubKey, rotateSubKey } from '../team/sub-key.server'
import { endExpiredSubKeys, syncSubKeys } from '../team/sync.server'
import { removeMember, suspendMember } from '../team/team.server'
import { decideRequest, previewBudget, requestMore, rollMonths, setBudget } from './budgets.server'
import { monthOf, nextMonth } from './month'
import { readBalance } from './postings.server'

const usd = (amount: number) => BigInt(Math.round(amount * 1e9))
const day = 86_400_000

test('months are UTC, sort as text, and December is followed by January', () => {
  expect([
    monthOf(new Date('2026-11-30T23:59:59.999Z')),
    monthOf(new Date('2026-12-01T00:00:00Z')),
    nextMonth('2026-12-01'),
  ]).toEqual(['2026-11-01', '2026-12-01', '2027-01-01'])
})

test('a one-off key commits its cap, spends out of it, and gives back the rest two minutes after it was closed', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 20 })
  expect(await balance(world)).toEqual({ allocated: 100, committed: 20, spent: 0, free: 80 })
  await use(world, key, 7.5)
  expect(await balance(world)).toEqual({ allocated: 100, committed: 12.5, spent: 7.5, free: 80 })
  await deleteSubKey(world.ctx, { ...actor(world), keyId: key }, 'done')
  expect(await balance(world)).toMatchObject({ committed: 12.5, free: 80 })
  await applySubKey(world.ctx, key, world.openKeys)
  world.moveClock(100_000)
  await syncSubKeys(world.ctx, world.openKeys)
  expect(await balance(world), 'a reading too early is not the last word').toMatchObject({
    committed: 12.5,
  })
  world.moveClock(30_000)
  await syncSubKeys(world.ctx, world.openKeys)
  expect(await balance(world)).toEqual({ allocated: 100, committed: 0, spent: 7.5, free: 92.5 })
  await applySubKey(world.ctx, key, world.openKeys)
  expect([...world.service.keys.values()].map(({ deleted }) => deleted)).toEqual([true])
})

test('requests in flight that pass the cap are charged and shown, and nothing new is allowed until it is healed', async () => {
  await using world = await oneMember(20)
  const key = await made(world, { cap: 20 })
  await use(world, key, 20, 3)
  expect(await balance(world)).toEqual({ allocated: 20, committed: 0, spent: 23, free: -3 })
  expect(await provision(world, { cap: 0.01 })).toEqual({
    kind: 'refused',
    reason: 'not-enough',
    free: usd(-3),
  })
  await setBudget(
    world.ctx,
    ref(world),
    { budget: usd(25), effective: 'now', reason: 'heal' },
    world.holderId,
  )
  expect(await provision(world, { cap: 2 })).toMatchObject({ kind: 'queued' })
})

test('a budget lowered below what is committed leaves less than nothing free, is foretold, and commits nothing new', async () => {
  await using world = await oneMember(100)
  await made(world, { cap: 60 })
  const preview = await previewBudget(world.ctx, ref(world), { budget: usd(40), effective: 'now' })
  expect(preview?.after.free).toBe(usd(-20))
  await setBudget(
    world.ctx,
    ref(world),
    { budget: usd(40), effective: 'now', reason: 'less' },
    world.holderId,
  )
  expect(await balance(world)).toEqual({ allocated: 40, committed: 60, spent: 0, free: -20 })
  expect(await provision(world, { cap: 1 })).toMatchObject({ reason: 'not-enough' })
})

test('a budget for next month changes nothing now, and is what the next month begins with', async () => {
  await using world = await oneMember(100)
  await setBudget(
    world.ctx,
    ref(world),
    { budget: usd(30), effective: 'next-month', reason: 'less' },
    world.holderId,
  )
  expect(await balance(world)).toMatchObject({ allocated: 100 })
  world.setClock(new Date('2026-12-01T00:00:01Z'))
  await rollMonths(world.ctx)
  expect(await balance(world)).toEqual({ allocated: 30, committed: 0, spent: 0, free: 30 })
})

test('the roll-over, late and doubled, commits monthly caps anew and carries what a one-off key has left', async () => {
  await using world = await oneMember(100)
  const [once, monthly] = [
    await made(world, { cap: 20 }),
    await made(world, { cap: 30, reset: 'monthly' }),
  ]
  await use(world, once, 5)
  await use(world, monthly, 10)
  expect(await balance(world)).toEqual({ allocated: 100, committed: 35, spent: 15, free: 50 })
  world.setClock(new Date('2026-12-02T09:00:00Z'))
  await Promise.all([rollMonths(world.ctx), rollMonths(world.ctx), rollMonths(world.ctx)])
  expect(await balance(world)).toEqual({ allocated: 100, committed: 45, spent: 0, free: 55 })
  // The old month keeps what the monthly key may still have used in its last minutes, until the
  // first reading of the new one.
  expect(await balance(world, '2026-11-01')).toEqual({
    allocated: 100,
    committed: 20,
    spent: 15,
    free: 65,
  })
  await syncSubKeys(world.ctx, world.openKeys)
  expect(await balance(world, '2026-11-01')).toEqual({
    allocated: 100,
    committed: 0,
    spent: 15,
    free: 85,
  })
})

test('without any roll-over, the first who touches the month opens it', async () => {
  await using world = await oneMember(100)
  await made(world, { cap: 30, reset: 'monthly' })
  world.setClock(new Date('2026-12-01T00:00:00Z'))
  expect(await provision(world, { cap: 80 })).toEqual({
    kind: 'refused',
    reason: 'not-enough',
    free: usd(70),
  })
})

test('what a monthly key used late in the old month is charged there, what it used since in the new one', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 30, reset: 'monthly' })
  await use(world, key, 10)
  const held = [...world.service.keys.values()][0]!
  world.setClock(new Date('2026-11-30T23:59:30Z'))
  world.service.use(held.id, usd(4))
  world.setClock(new Date('2026-12-01T00:00:30Z'))
  world.service.use(held.id, usd(1))
  await syncSubKeys(world.ctx, world.openKeys)
  expect(await balance(world, '2026-11-01')).toEqual({
    allocated: 100,
    committed: 0,
    spent: 14,
    free: 86,
  })
  expect(await balance(world)).toEqual({ allocated: 100, committed: 29, spent: 1, free: 70 })
})

test('a service that has not begun its new window yet speaks of the old month, and is charged there', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 30, reset: 'monthly' })
  world.setClock(new Date('2026-12-01T00:00:30Z'))
  await rollMonths(world.ctx)
  const read = (usedInWindow: number, windowEndsAt: string) =>
    recordSubKeyReading(
      world.ctx,
      {
        keyId: key,
        generation: 1,
        usage: null,
        usedInWindow: usd(usedInWindow),
        windowEndsAt: new Date(windowEndsAt),
        disabled: false,
      },
      world.ctx.now(),
    )
  await read(12, '2026-12-01T00:00:00Z')
  expect([(await balance(world, '2026-11-01')).spent, (await balance(world)).spent]).toEqual([
    12, 0,
  ])
  await read(2, '2027-01-01T00:00:00Z')
  expect([(await balance(world, '2026-11-01')).committed, (await balance(world)).spent]).toEqual([
    0, 2,
  ])
  await read(12, '2026-12-01T00:00:00Z')
  expect(
    [(await balance(world, '2026-11-01')).spent, (await balance(world)).spent],
    'an old reading that comes late says nothing new',
  ).toEqual([12, 2])
})

test('a key that expires ends by itself and returns what is left, to the month in which it ended', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 20, lifeMs: 10 * day })
  await use(world, key, 5)
  world.moveClock(11 * day)
  expect(await endExpiredSubKeys(world.ctx)).toBe(1)
  world.setClock(new Date('2026-12-01T00:05:00Z'))
  await applySubKey(world.ctx, key, world.openKeys)
  world.moveClock(130_000)
  await syncSubKeys(world.ctx, world.openKeys)
  expect(await balance(world, '2026-11-01')).toEqual({
    allocated: 100,
    committed: 0,
    spent: 5,
    free: 95,
  })
  expect((await world.db.apiKey.findFirstOrThrow()).reason).toBe('expired')
})

test('raising reserves before the provider is asked, and a provider that refuses gives it back with words', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 20 })
  await changeCap(world.ctx, { ...actor(world), keyId: key }, { cap: usd(50), reason: 'more' })
  expect(await balance(world)).toMatchObject({ committed: 50, free: 50 })
  expect(
    await changeCap(world.ctx, { ...actor(world), keyId: key }, { cap: usd(60), reason: 'more' }),
  ).toMatchObject({ reason: 'change-under-way' })
  world.service.nextFault = () => 'rejected'
  await applySubKey(world.ctx, key, world.openKeys)
  expect(await balance(world)).toMatchObject({ committed: 20, free: 80 })
  expect(await world.db.apiKey.findFirstOrThrow()).toMatchObject({
    wantedCapUsd: null,
    changeError: 'The provider refused the new cap.',
  })
})

test('lowering gives back only when the provider has confirmed, however often its answer is lost', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 50 })
  await changeCap(world.ctx, { ...actor(world), keyId: key }, { cap: usd(10), reason: 'less' })
  world.service.nextFault = () => 'lost-after'
  expect(await applySubKey(world.ctx, key, world.openKeys)).toMatchObject({ kind: 'retry' })
  expect(await balance(world)).toMatchObject({ committed: 50, free: 50 })
  world.service.nextFault = () => 'none'
  await applySubKey(world.ctx, key, world.openKeys)
  expect(await balance(world)).toMatchObject({ committed: 10, free: 90 })
  expect(
    await changeCap(world.ctx, { ...actor(world), keyId: key }, { cap: usd(90), reason: 'more' }),
  ).toEqual({ kind: 'asked' })
})

test('a rotation carries the budget over: old and new together never get more than the cap', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 20 })
  const [old] = [...world.service.keys.values()]
  world.service.use(old!.id, usd(6))
  await rotateSubKey(world.ctx, { ...actor(world), keyId: key }, 'leaked')
  await applySubKey(world.ctx, key, world.openKeys)
  await world.mint(key)
  const fresh = [...world.service.keys.values()].find((held) => held.id !== old!.id)!
  expect([old!.disabled, fresh.cap]).toEqual([true, usd(14)])
  expect(await balance(world)).toEqual({ allocated: 100, committed: 14, spent: 6, free: 80 })
  // Requests of the old key that were in flight are counted later: the new one gets that much less.
  old!.usage += usd(2)
  await syncSubKeys(world.ctx, world.openKeys)
  await applySubKey(world.ctx, key, world.openKeys)
  expect(fresh.cap).toBe(usd(12))
  expect(await balance(world)).toEqual({ allocated: 100, committed: 12, spent: 8, free: 80 })
  world.moveClock(130_000)
  await syncSubKeys(world.ctx, world.openKeys)
  await applySubKey(world.ctx, key, world.openKeys)
  expect([old!.deleted, fresh.deleted]).toEqual([true, false])
})

test('a rotated monthly key has its whole cap again from the next month on', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 20, reset: 'monthly' })
  await use(world, key, 6)
  await rotateSubKey(world.ctx, { ...actor(world), keyId: key }, 'leaked')
  await applySubKey(world.ctx, key, world.openKeys)
  await world.mint(key)
  const fresh = [...world.service.keys.values()].at(-1)!
  expect(fresh.cap).toBe(usd(14))
  world.setClock(new Date('2026-12-01T00:01:00Z'))
  await rollMonths(world.ctx)
  await applySubKey(world.ctx, key, world.openKeys)
  expect(fresh.cap).toBe(usd(20))
  expect(await balance(world)).toEqual({ allocated: 100, committed: 20, spent: 0, free: 80 })
})

test('a mint that the provider refuses gives the reservation back', async () => {
  await using world = await oneMember(100)
  const asked = await provision(world, { cap: 40 })
  await world.refuseMint(asked.kind === 'queued' ? asked.keyId : '')
  expect(await balance(world)).toEqual({ allocated: 100, committed: 0, spent: 0, free: 100 })
})

test('a key deleted before it was made costs nothing, and what is made all the same finds nobody waiting', async () => {
  await using world = await oneMember(100)
  const asked = await provision(world, { cap: 40 })
  const keyId = asked.kind === 'queued' ? asked.keyId : ''
  await deleteSubKey(world.ctx, { ...actor(world), keyId }, 'a mistake')
  expect(await balance(world)).toMatchObject({ committed: 0, free: 100 })
  expect(await world.mint(keyId)).toBe(false)
  expect((await world.db.mint.findFirstOrThrow()).state).toBe('cancelled')
})

test('whoever is removed leaves with nothing: keys end, what is free goes back at once and the rest after the last reading', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 20 })
  await use(world, key, 5)
  expect(await removeMember(world.ctx, ref(world), world.holderId, 'over')).toEqual({
    kind: 'done',
  })
  expect(await balance(world)).toEqual({ allocated: 20, committed: 15, spent: 5, free: 0 })
  await applySubKey(world.ctx, key, world.openKeys)
  world.moveClock(130_000)
  await syncSubKeys(world.ctx, world.openKeys)
  expect(await balance(world)).toEqual({ allocated: 5, committed: 0, spent: 5, free: 0 })
})

test('whoever is suspended keeps the budget, loses the keys and makes no new one', async () => {
  await using world = await oneMember(100)
  await made(world, { cap: 20 })
  await suspendMember(world.ctx, ref(world), world.holderId, 'a look')
  expect((await world.db.apiKey.findFirstOrThrow()).reason).toBe('member-suspended')
  expect(await provision(world, { cap: 1 })).toMatchObject({ reason: 'not-active' })
})

test('nobody reaches a key of another team, and a member no key of another member', async () => {
  await using world = await openTeamWorld({ members: 2 })
  await setBudget(
    world.ctx,
    ref(world),
    { budget: usd(100), effective: 'now', reason: 'test' },
    world.holderId,
  )
  const key = await made(world, { cap: 20 })
  const [, other] = world.memberIds as [string, string]
  for (const userId of [other, 'github:nobody']) {
    expect(
      await deleteSubKey(world.ctx, { teamId: world.teamId, keyId: key, userId }, 'x'),
    ).toMatchObject({ reason: 'no-such-key' })
    expect(
      await changeCap(
        world.ctx,
        { teamId: world.teamId, keyId: key, userId },
        { cap: usd(1), reason: 'x' },
      ),
    ).toMatchObject({ reason: 'no-such-key' })
  }
  expect(
    await deleteSubKey(
      world.ctx,
      { teamId: crypto.randomUUID(), keyId: key, userId: world.holderId },
      'x',
    ),
  ).toMatchObject({ reason: 'no-such-key' })
  expect(
    await deleteSubKey(
      world.ctx,
      { teamId: world.teamId, keyId: key, userId: world.holderId },
      'x',
    ),
  ).toEqual({ kind: 'ended' })
  expect((await world.db.apiKey.findFirstOrThrow()).reason).toBe('revoked')
})

test('one request for more at a time, decided once, from the same month on', async () => {
  await using world = await oneMember(10)
  expect(await requestMore(world.ctx, ref(world), { more: usd(5), reason: 'please' })).toEqual({
    kind: 'asked',
  })
  expect(
    await requestMore(world.ctx, ref(world), { more: usd(5), reason: 'please' }),
  ).toMatchObject({ reason: 'already-asked' })
  const { id } = await world.db.budgetRequest.findFirstOrThrow()
  const decide = (decision: 'approved' | 'refused') =>
    decideRequest(world.ctx, {
      teamId: world.teamId,
      requestId: id,
      actorUserId: world.holderId,
      decision,
      reason: '',
    })
  const outcomes = await Promise.all([decide('approved'), decide('approved'), decide('refused')])
  expect(outcomes.filter(({ kind }) => kind === 'not-open')).toHaveLength(2)
  const granted = outcomes.some(({ kind }) => kind === 'approved')
  expect(await balance(world)).toMatchObject({ allocated: granted ? 15 : 10 })
})

async function oneMember(budget: number): Promise<TeamWorld> {
  const world = await openTeamWorld({ members: 1 })
  await setBudget(
    world.ctx,
    ref(world),
    { budget: usd(budget), effective: 'now', reason: 'test' },
    world.holderId,
  )
  return world
}

const ref = (world: TeamWorld) => ({ teamId: world.teamId, userId: world.memberIds[0]! })
const actor = ref

async function balance(world: TeamWorld, month = monthOf(world.ctx.now())) {
  const found = await readBalance(world.db, ref(world), month)
  return Object.fromEntries(
    Object.entries(found).map(([name, nano]) => [name, Number(nano) / 1e9]),
  ) as Record<keyof typeof found, number>
}

function provision(world: TeamWorld, wish: { cap: number; reset?: 'monthly'; lifeMs?: number }) {
  return provisionSubKey(world.ctx, {
    ...ref(world),
    masterKeyId: world.masterKeyId,
    purpose: 'a test',
    cap: usd(wish.cap),
    reset: wish.reset ?? null,
    expiresAt: new Date(world.ctx.now().getTime() + (wish.lifeMs ?? 90 * day)),
    models: [],
  })
}

async function made(world: TeamWorld, wish: Parameters<typeof provision>[1]): Promise<string> {
  const outcome = await provision(world, wish)
  if (outcome.kind !== 'queued') throw new Error(`refused: ${outcome.reason}`)
  expect(await world.mint(outcome.keyId)).toBe(true)
  return outcome.keyId
}

async function use(world: TeamWorld, keyId: string, amount: number, inFlight = 0): Promise<void> {
  const { keyHash } = await world.db.apiKey.findUniqueOrThrow({ where: { id: keyId } })
  world.service.use(keyHash!, usd(amount), usd(inFlight))
  await syncSubKeys(world.ctx, world.openKeys)
}

/** The rules of a month, one by one; ledger-walk.test.ts checks them all together. */
import { expect, test } from 'vitest'
import {
  actor,
  balance,
  day,
  made,
  oneMember,
  provision,
  ref,
  usd,
  use,
} from '../../../tests/ledger'
import { applySubKey } from '../team/apply.server'
import { recordSubKeyReading } from '../team/reading.server'
import { deleteSubKey } from '../team/sub-key.server'
import { endExpiredSubKeys, syncSubKeys } from '../team/sync.server'
import { decideRequest, previewBudget, requestMore, rollMonths, setBudget } from './budgets.server'
import { monthOf, nextMonth } from './month'

test('months are UTC, sort as text, and December is followed by January', () => {
  expect([
    monthOf(new Date('2026-11-30T23:59:59.999Z')),
    monthOf(new Date('2026-12-01T00:00:00Z')),
    nextMonth('2026-12-01'),
  ]).toEqual(['2026-11-01', '2026-12-01', '2027-01-01'])
})

// The rest returns two minutes after the provider has disabled the key.
test('a one-off key commits its cap, spends from it and gives back the rest', async () => {
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
  expect(await balance(world), 'a reading too early settles nothing').toMatchObject({
    committed: 12.5,
  })
  world.moveClock(30_000)
  await syncSubKeys(world.ctx, world.openKeys)
  expect(await balance(world)).toEqual({ allocated: 100, committed: 0, spent: 7.5, free: 92.5 })
  await applySubKey(world.ctx, key, world.openKeys)
  expect([...world.service.keys.values()].map(({ deleted }) => deleted)).toEqual([true])
})

// Nothing new is allowed until the budget covers it.
test('requests in flight that pass the cap are charged and shown', async () => {
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
    { budget: usd(25), effective: 'now', reason: 'raise' },
    world.holderId,
  )
  expect(await provision(world, { cap: 2 })).toMatchObject({ kind: 'queued' })
})

// The preview shows it, and nothing new is committed.
test('a budget lowered below what is committed leaves less than nothing free', async () => {
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

test('the roll-over, late and doubled, commits monthly caps and carries what a one-off key has left', async () => {
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

test('late usage of a monthly key is charged to the old month, later usage to the new one', async () => {
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

test('a service that has not begun its new window reports the old month, and is charged there', async () => {
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
    'an old reading that comes late adds nothing',
  ).toEqual([12, 2])
})

test('a key that expires returns what is left to the month in which it ended', async () => {
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

test('a member has one open request, which is decided once and counts from the same month on', async () => {
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

/** The rules of a month, one by one; ledger-walk.test.ts checks them all together. */
import { expect, test } from 'vitest'
import { checkLedger } from '../../../tests/ledger-check'
import { balance, day, made, oneMember, provision, ref, usd, use } from '../../../tests/ledger'
import { recordReading } from '../keys/readings.server'
import { deleteOldKeys, keyRetentionDays } from '../keys/wake.server'
import { deleteSubKey } from '../team/sub-key.server'
import { decideRequest, requestMore } from './budget-requests.server'
import { previewBudget, rollMonths, setBudget } from './budgets.server'
import { monthOf, nextMonth } from './month'

test('months are UTC, sort as text, and December is followed by January', () => {
  expect([
    monthOf(new Date('2026-11-30T23:59:59.999Z')),
    monthOf(new Date('2026-12-01T00:00:00Z')),
    nextMonth('2026-12-01'),
  ]).toEqual(['2026-11-01', '2026-12-01', '2027-01-01'])
})

// Two equal readings are no settlement: the rest returns when the key is settled, minutes after it is off.
test('a one-off key commits its cap, spends from it and gives back the rest', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 20 })
  expect(await balance(world)).toEqual({ allocated: 100, committed: 20, spent: 0, free: 80 })
  await use(world, key, 7.5)
  expect(await balance(world)).toEqual({ allocated: 100, committed: 12.5, spent: 7.5, free: 80 })
  await deleteSubKey(world.ctx, { ...ref(world), keyId: key }, 'done')
  expect(await balance(world)).toMatchObject({ committed: 12.5, free: 80 })
  await world.apply(key)
  expect([...world.service.keys.values()]).toMatchObject([
    { disabled: true, cap: usd(7.5), deleted: false },
  ])
  for (const seconds of [31, 31, 61]) {
    await world.moveClock(seconds * 1000)
    await world.read()
    expect(await balance(world), 'a reading too early settles nothing').toMatchObject({
      committed: 12.5,
    })
  }
  await world.moveClock(301_000)
  await world.read()
  expect(await balance(world)).toEqual({ allocated: 100, committed: 0, spent: 7.5, free: 92.5 })
  // It stays upstream, off, for a week; then it is deleted there and stays in our rows.
  expect(await deleteOldKeys(world.ctx)).toBe(0)
  await world.moveClock(keyRetentionDays * day + 60_000)
  expect(await deleteOldKeys(world.ctx)).toBe(1)
  await world.apply(key)
  expect([...world.service.keys.values()].map(({ deleted }) => deleted)).toEqual([true])
  expect(await balance(world)).toEqual({ allocated: 100, committed: 0, spent: 7.5, free: 92.5 })
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
    world.ownerId,
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
    world.ownerId,
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
    world.ownerId,
  )
  expect(await balance(world)).toMatchObject({ allocated: 100 })
  await world.setClock(new Date('2026-12-01T00:00:01Z'))
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
  await world.setClock(new Date('2026-12-02T09:00:00Z'))
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
  await world.read()
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
  await world.setClock(new Date('2026-12-01T00:00:00Z'))
  expect(await provision(world, { cap: 80 })).toEqual({
    kind: 'refused',
    reason: 'not-enough',
    free: usd(70),
  })
})

test('a key that ended in a month that nobody opened is charged there', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 20, lifeMs: 30 * day })
  await use(world, key, 5)
  const held = [...world.service.keys.values()][0]!
  await world.setClock(new Date('2026-12-02T10:00:00Z'))
  world.service.use(held.id, usd(2))
  await world.setClock(new Date('2027-01-05T10:00:00Z'))
  await rollMonths(world.ctx)
  await world.letSettle()
  const at = (month: string) => balance(world, month)
  expect(await at('2026-12-01')).toMatchObject({ allocated: 100, committed: 0 })
  expect(
    (await at('2026-11-01')).spent +
      (await at('2026-12-01')).spent +
      (await at('2027-01-01')).spent,
  ).toBe(7)
  expect(await at('2027-01-01')).toEqual({ allocated: 100, committed: 0, spent: 0, free: 100 })
})

test('late usage of a monthly key is charged to the old month, later usage to the new one', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 30, reset: 'monthly' })
  await use(world, key, 10)
  const held = [...world.service.keys.values()][0]!
  await world.setClock(new Date('2026-11-30T23:59:30Z'))
  world.service.use(held.id, usd(4))
  await world.setClock(new Date('2026-12-01T00:00:30Z'))
  world.service.use(held.id, usd(1))
  await world.read()
  expect(await balance(world, '2026-11-01')).toEqual({
    allocated: 100,
    committed: 0,
    spent: 14,
    free: 86,
  })
  expect(await balance(world)).toEqual({ allocated: 100, committed: 29, spent: 1, free: 70 })
})

/** A key of 30 USD a month whose service says when its own month ends, read in December. */
async function inDecember() {
  const world = await oneMember(100)
  const key = await made(world, { cap: 30, reset: 'monthly' })
  await world.setClock(new Date('2026-12-01T00:00:30Z'))
  await rollMonths(world.ctx)
  const row = await world.db.key.findFirstOrThrow({ where: { holderId: key } })
  const read = (usedInWindow: number, windowEndsAt: string) =>
    recordReading(
      world.ctx,
      row.id,
      {
        id: row.hash!,
        name: 'km/test',
        label: 'sk-…0000',
        cap: usd(30),
        reset: 'monthly',
        usage: null,
        resets: true,
        usedInWindow: usd(usedInWindow),
        windowEndsAt: new Date(windowEndsAt),
        disabled: false,
        createdAt: null,
        expiresAt: row.expiresAt,
      },
      world.ctx.now(),
      { own: false },
    )
  return { world, read }
}

test('a proxy whose months begin at eight in the morning: every dollar is charged once', async () => {
  const { world: opened, read } = await inDecember()
  await using world = opened
  const spent = async () => [
    (await balance(world, '2026-11-01')).spent,
    (await balance(world)).spent,
  ]
  await read(12, '2026-12-01T08:00:00Z')
  await world.setClock(new Date('2026-12-01T07:00:00Z'))
  await read(15, '2026-12-01T08:00:00Z')
  expect(await spent()).toEqual([15, 0])
  await world.setClock(new Date('2026-12-01T09:00:00Z'))
  await read(2, '2027-01-01T08:00:00Z')
  await read(2, '2027-01-01T08:00:00Z')
  expect(await spent()).toEqual([15, 2])
  expect((await world.db.key.findFirstOrThrow()).usedUsd.toNumber()).toBe(17)
})

test('a service that has not begun its new window reports the old month, and is charged there', async () => {
  const { world: opened, read } = await inDecember()
  await using world = opened
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

test('midnight inside the transaction of a reading carries the key over once', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 30, reset: 'monthly' })
  const { hash } = await world.db.key.findFirstOrThrow({ where: { holderId: key } })
  await world.setClock(new Date('2026-11-30T23:59:58Z'))
  world.service.use(hash!, usd(4), 0n)
  const holder = world.ctx.holders['sub-key']!
  const lock = holder.lock.bind(holder)
  let struck = false
  holder.lock = async (...args) => {
    await lock(...args)
    struck = true
    await world.setClock(new Date('2026-12-01T00:00:30Z'))
  }
  try {
    await world.read()
  } finally {
    holder.lock = lock
  }
  expect(struck).toBe(true)
  await checkLedger(world)
  await rollMonths(world.ctx)
  await checkLedger(world)
  expect([(await balance(world, '2026-11-01')).spent, (await balance(world)).committed]).toEqual([
    4, 30,
  ])
})

test('a key that expires returns what is left to the month in which it ended', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 20, lifeMs: 10 * day })
  await use(world, key, 5)
  await world.moveClock(11 * day)
  expect(await world.sweep()).toBe(1)
  // The provider ends it by itself, as it said: no call is needed.
  expect([...world.service.keys.values()]).toMatchObject([{ disabled: false }])
  await world.setClock(new Date('2026-12-01T00:05:00Z'))
  await world.letSettle()
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
      actorUserId: world.ownerId,
      decision,
      reason: '',
    })
  const outcomes = await Promise.all([decide('approved'), decide('approved'), decide('refused')])
  expect(outcomes.filter(({ kind }) => kind === 'not-open')).toHaveLength(2)
  const granted = outcomes.some(({ kind }) => kind === 'approved')
  expect(await balance(world)).toMatchObject({ allocated: granted ? 15 : 10 })
})

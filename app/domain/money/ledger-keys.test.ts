/** What keys do to the ledger: caps that change, rotations, ends, and members who leave. */
import { expect, test } from 'vitest'
import { balance, made, oneMember, provision, ref, usd, use } from '../../../tests/ledger'
import { Crash } from '../../../tests/memory-service'
import { openTeamWorld } from '../../../tests/team'
import { applyKey } from '../keys/apply.server'
import { sendAppliesAgain } from '../keys/wake.server'
import { changeCap, deleteSubKey, rotateSubKey } from '../team/sub-key.server'
import { removeMember, suspendMember } from '../team/team.server'
import { rollMonths, setBudget } from './budgets.server'
import { NotAllowed } from './member-lock.server'

test('a raise is reserved before the provider is asked, and released when it refuses', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 20 })
  await changeCap(world.ctx, { ...ref(world), keyId: key }, { cap: usd(50), reason: 'more' })
  expect(await balance(world)).toMatchObject({ committed: 50, free: 50 })
  // A second raise stands on the first: what is reserved is the most that may have been asked for.
  await changeCap(world.ctx, { ...ref(world), keyId: key }, { cap: usd(60), reason: 'more' })
  expect(await balance(world)).toMatchObject({ committed: 60, free: 40 })
  world.service.nextFault = () => 'rejected'
  await world.apply(key)
  expect(await balance(world)).toMatchObject({ committed: 20, free: 80 })
  const row = await world.db.apiKey.findFirstOrThrow()
  expect([Number(row.capUsd), row.changeError]).toEqual([
    20,
    expect.stringContaining('refused') as string,
  ])
})

test('a lower cap releases money only when the provider has confirmed it', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 50 })
  await changeCap(world.ctx, { ...ref(world), keyId: key }, { cap: usd(10), reason: 'less' })
  world.service.nextFault = () => 'lost-after'
  expect(await world.apply(key)).toMatchObject([{ kind: 'snooze', reason: 'timeout' }])
  expect(await balance(world)).toMatchObject({ committed: 50, free: 50 })
  world.service.nextFault = () => 'none'
  await world.apply(key)
  expect(await balance(world)).toMatchObject({ committed: 10, free: 90 })
  expect(
    await changeCap(world.ctx, { ...ref(world), keyId: key }, { cap: usd(90), reason: 'more' }),
  ).toEqual({ kind: 'asked' })
})

test('a rotation carries the cap over: old and new key together never get more', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 20 })
  const [old] = [...world.service.keys.values()]
  world.service.use(old!.id, usd(6))
  await rotateSubKey(world.ctx, { ...ref(world), keyId: key }, 'leaked')
  expect(await world.mint(key), 'the old key is not closed yet').toBe(false)
  await world.apply(key)
  expect(await world.mint(key)).toBe(true)
  const fresh = [...world.service.keys.values()].find((held) => held.id !== old!.id)!
  // The old key may have used all of its cap: until its readings agree, the new one has next to nothing.
  expect([old!.disabled, fresh.cap]).toEqual([true, 1_000n])
  expect(await balance(world)).toMatchObject({ allocated: 100, free: 80 })
  await world.moveClock(31_000)
  // Requests of the old key that were in flight are counted later and reduce the new key's cap.
  world.service.countLate(old!, usd(2))
  for (const seconds of [31, 31, 31]) {
    await world.moveClock(seconds * 1000)
    await world.read()
    await world.apply(key)
    expect(fresh.cap).toBeLessThanOrEqual(usd(12))
  }
  await world.moveClock(60_000)
  await world.read()
  await world.apply(key)
  expect(fresh.cap).toBe(usd(12))
  expect(await balance(world)).toEqual({ allocated: 100, committed: 12, spent: 8, free: 80 })
  await world.letSettle()
  expect(await balance(world)).toEqual({ allocated: 100, committed: 12, spent: 8, free: 80 })
  const settled = await world.db.key.findMany({ orderBy: { generation: 'asc' } })
  expect(settled.map((row) => row.settledAt !== null)).toEqual([true, false])
  expect([old!.deleted, fresh.deleted, fresh.disabled]).toEqual([false, false, false])
})

test('a rotated monthly key has its whole cap again from the next month on', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 20, reset: 'monthly' })
  await use(world, key, 6)
  await rotateSubKey(world.ctx, { ...ref(world), keyId: key }, 'leaked')
  await world.apply(key)
  await world.mint(key)
  await world.letSettle()
  const fresh = [...world.service.keys.values()].at(-1)!
  expect(fresh.cap).toBe(usd(14))
  await world.setClock(new Date('2026-12-01T00:01:00Z'))
  await rollMonths(world.ctx)
  await world.sweep()
  expect(fresh.cap).toBe(usd(20))
  expect(await balance(world)).toEqual({ allocated: 100, committed: 20, spent: 0, free: 80 })
})

test('a mint that the provider refuses gives the reservation back', async () => {
  await using world = await oneMember(100)
  const asked = await provision(world, { cap: 40 })
  await world.refuseMint(asked.kind === 'queued' ? asked.keyId : '')
  expect(await balance(world)).toEqual({ allocated: 100, committed: 0, spent: 0, free: 100 })
})

test('a key deleted before it was made costs nothing, and its mint saves nothing', async () => {
  await using world = await oneMember(100)
  const asked = await provision(world, { cap: 40 })
  const keyId = asked.kind === 'queued' ? asked.keyId : ''
  await deleteSubKey(world.ctx, { ...ref(world), keyId }, 'a mistake')
  expect(await balance(world)).toMatchObject({ committed: 0, free: 100 })
  expect(await world.mint(keyId)).toBe(false)
  expect((await world.db.mint.findFirstOrThrow()).state).toBe('cancelled')
})

// What is free goes back at once, the rest after the last reading.
test('the keys of a removed member end, and nothing stays allocated beyond what is spent', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 20 })
  await use(world, key, 5)
  expect(await removeMember(world.ctx, ref(world), world.ownerId, 'over')).toEqual({
    kind: 'done',
  })
  expect(await balance(world)).toEqual({ allocated: 20, committed: 15, spent: 5, free: 0 })
  await world.letSettle()
  expect(await balance(world)).toEqual({ allocated: 5, committed: 0, spent: 5, free: 0 })
})

test('a suspended member keeps the budget, loses the keys and makes no new one', async () => {
  await using world = await oneMember(100)
  await made(world, { cap: 20 })
  await suspendMember(world.ctx, ref(world), world.ownerId, 'a look')
  expect((await world.db.apiKey.findFirstOrThrow()).reason).toBe('member-suspended')
  expect(await provision(world, { cap: 1 })).toMatchObject({ reason: 'not-active' })
})

test('nobody reaches a key of another team, nor a member the key of another member', async () => {
  await using world = await openTeamWorld({ members: 2 })
  await setBudget(
    world.ctx,
    ref(world),
    { budget: usd(100), effective: 'now', reason: 'test' },
    world.ownerId,
  )
  const key = await made(world, { cap: 20 })
  const [, other] = world.memberIds as [string, string]
  for (const userId of [other, 'github:nobody']) {
    const actor = { teamId: world.teamId, keyId: key, userId }
    await expect(deleteSubKey(world.ctx, actor, 'x')).rejects.toThrow(NotAllowed)
    await expect(changeCap(world.ctx, actor, { cap: usd(1), reason: 'x' })).rejects.toThrow(
      NotAllowed,
    )
  }
  expect(
    await deleteSubKey(
      world.ctx,
      { teamId: crypto.randomUUID(), keyId: key, userId: world.ownerId },
      'x',
    ),
  ).toMatchObject({ reason: 'no-such-key' })
  expect(
    await deleteSubKey(world.ctx, { teamId: world.teamId, keyId: key, userId: world.ownerId }, 'x'),
  ).toEqual({ kind: 'ended' })
  expect((await world.db.apiKey.findFirstOrThrow()).reason).toBe('revoked')
})

test('a rotated key whose process died between disable and close is closed by the sweep', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 20 })
  await rotateSubKey(world.ctx, { ...ref(world), keyId: key }, 'leaked')
  const old = () => world.db.key.findFirstOrThrow({ where: { generation: 1 } })
  const { db } = world
  let transactions = 0
  const dying = async (run: Parameters<typeof db.$transaction>[0]) => {
    if (++transactions === 2) throw new Crash('before the close')
    return db.$transaction(run as never)
  }
  const ctx = {
    ...world.ctx,
    db: new Proxy(db, {
      get: (target, name) =>
        (name === '$transaction' ? dying : Reflect.get(target, name)) as unknown,
    }),
  }
  await expect(applyKey(ctx, (await old()).id)).rejects.toThrow(Crash)
  const row = await old()
  expect(row).toMatchObject({ seenOff: true, closedAt: null, seenRevision: row.revision })
  await db.$executeRaw`delete from pgboss.job`
  expect(await sendAppliesAgain(world.ctx), 'the sweep finds it').toBe(1)
  await world.sweep()
  expect((await old()).closedAt).not.toBeNull()
  expect(await world.mint(key)).toBe(true)
})

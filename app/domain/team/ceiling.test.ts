/** The team's ceiling: nothing that reserves passes it, whoever presses first, and budgets stay as they are. */
import { expect, test } from 'vitest'
import { checkLedger } from '../../../tests/ledger-check'
import { day, usd } from '../../../tests/ledger'
import { rounds } from '../../../tests/rounds'
import { openTeamWorld, type TeamWorld } from '../../../tests/team'
import { setBudget } from '../money/budgets.server'
import { readUnderCeiling } from '../money/ceiling.server'
import { NotAllowed } from '../money/member-lock.server'
import { monthOf } from '../money/month'
import { setTopUp } from '../money/top-ups.server'
import { previewCap } from './cap-preview.server'
import { changeCap, deleteSubKey, provisionSubKey } from './sub-key.server'
import { readBudgetView } from './team-view.server'
import { readCeilingView, setCeiling } from './team-ceiling.server'

async function team(ceiling: number | null, members = 2): Promise<TeamWorld> {
  const world = await openTeamWorld({ members })
  for (const userId of world.memberIds) await budget(world, userId, 100)
  if (ceiling !== null) expect(await limit(world, ceiling)).toBe('set')
  return world
}
const budget = (world: TeamWorld, userId: string, amount: number) =>
  setBudget(
    world.ctx,
    { teamId: world.teamId, userId },
    { budget: usd(amount), effective: 'now', reason: 'test' },
    world.ownerId,
  )
const limit = (world: TeamWorld, amount: number | null, was: number | null = null, by?: string) =>
  setCeiling(world.ctx, {
    teamId: world.teamId,
    slug: world.slug,
    actorUserId: by ?? world.ownerId,
    ceiling: amount === null ? null : usd(amount),
    was: was === null ? null : usd(was),
  })
const ask = (world: TeamWorld, member: number, cap: number, reset: 'monthly' | null = null) =>
  provisionSubKey(world.ctx, {
    teamId: world.teamId,
    userId: world.memberIds[member]!,
    masterKeyId: world.masterKeyId,
    purpose: 'a test',
    cap: usd(cap),
    reset,
    expiresAt: new Date(world.ctx.now().getTime() + 90 * day),
    models: [],
  })
async function made(world: TeamWorld, member: number, cap: number, reset?: 'monthly') {
  const outcome = await ask(world, member, cap, reset ?? null)
  if (outcome.kind !== 'queued') throw new Error(outcome.reason)
  expect(await world.mint(outcome.keyId)).toBe(true)
  return outcome.keyId
}
const actor = (world: TeamWorld, member: number, keyId: string) => ({
  teamId: world.teamId,
  keyId,
  userId: world.memberIds[member]!,
})
const left = async (world: TeamWorld) =>
  Number(
    (await readUnderCeiling(world.db, world.teamId, monthOf(world.ctx.now())))?.left ?? -999n,
  ) / 1e9

const races = rounds(200)
test(`${races} races of two members for the money of one: one of them gets it`, async () => {
  await using world = await team(10)
  for (let round = 0; round < races; round++) {
    const outcomes = await Promise.all([ask(world, 0, 10), ask(world, 1, 10)])
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['queued', 'refused'])
    const refused = outcomes.find((one) => one.kind === 'refused')
    expect(refused).toMatchObject({ reason: 'team-ceiling', left: 0n, ceiling: usd(10) })
    expect(refused).toMatchObject({ owners: [expect.any(String)] })
    const member = outcomes[0].kind === 'queued' ? 0 : 1
    const won = outcomes[member]
    if (won.kind !== 'queued') throw new Error('nobody won')
    expect(await left(world)).toBe(0)
    await deleteSubKey(world.ctx, actor(world, member, won.keyId), 'the next round')
    expect(await left(world)).toBe(10)
  }
  await checkLedger(world)
})

test(`${races} races of a raise with a new key: together they stay under the ceiling`, async () => {
  await using world = await team(15)
  const keyId = await made(world, 0, 5)
  for (let round = 0; round < races; round++) {
    const [raised, asked] = await Promise.all([
      changeCap(world.ctx, actor(world, 0, keyId), { cap: usd(15), reason: 'test' }),
      ask(world, 1, 10),
    ])
    expect([raised.kind, asked.kind]).toContain('refused')
    expect(await left(world)).toBe(0)
    if (asked.kind === 'queued') await deleteSubKey(world.ctx, actor(world, 1, asked.keyId), 'x')
    else {
      await changeCap(world.ctx, actor(world, 0, keyId), { cap: usd(5), reason: 'test' })
      await world.sweep()
      await world.moveClock(60_000)
    }
    expect(await left(world)).toBe(10)
  }
  await checkLedger(world)
})

test('budgets and top-ups promise more than the ceiling and never pass it', async () => {
  await using world = await team(20)
  await budget(world, world.memberIds[0]!, 500)
  const topUp = { amount: usd(50), was: 0n, reason: 'test', month: monthOf(world.ctx.now()) }
  const ref = { teamId: world.teamId, userId: world.memberIds[1]! }
  expect(await setTopUp(world.ctx, ref, topUp, world.ownerId)).toEqual({ kind: 'set' })
  expect(await ask(world, 0, 21)).toMatchObject({ reason: 'team-ceiling', left: usd(20) })
  await made(world, 0, 15)
  expect(await readCeilingView(world.ctx, world.teamId)).toMatchObject({
    ceiling: { usd: 20 },
    committed: { usd: 15 },
    spent: { usd: 0 },
    left: { usd: 5 },
    beyond: { usd: 0 },
    budgets: { usd: 650 },
    overbooked: true,
  })
  expect(await readBudgetView(world.ctx, ref)).toMatchObject({ teamLeft: { usd: 5 } })
})

test('what is spent stays under the ceiling with what is set aside', async () => {
  await using world = await team(10)
  const keyId = await made(world, 0, 10)
  const { keyHash } = await world.db.apiKey.findUniqueOrThrow({ where: { id: keyId } })
  world.service.use(keyHash!, usd(4), 0n)
  await world.read()
  await deleteSubKey(world.ctx, actor(world, 0, keyId), 'done')
  await world.sweep()
  for (let round = 0; round < 6; round++) {
    await world.moveClock(200_000)
    await world.read()
    await world.sweep()
  }
  expect(await left(world)).toBe(6)
  expect(await ask(world, 1, 7)).toMatchObject({ reason: 'team-ceiling', left: usd(6) })
  expect(await ask(world, 1, 6)).toMatchObject({ kind: 'queued' })
})

test('a lower ceiling ends nothing, and nothing new is set aside until it fits', async () => {
  await using world = await team(null)
  const keyId = await made(world, 0, 30)
  expect(await limit(world, 20)).toBe('set')
  expect(await readCeilingView(world.ctx, world.teamId)).toMatchObject({
    left: { usd: 0 },
    beyond: { usd: 10 },
  })
  expect((await world.row(keyId)).state).toBe('ready')
  expect(await ask(world, 1, 1)).toMatchObject({ reason: 'team-ceiling' })
  const raise = { teamId: world.teamId, keyId }
  expect(await previewCap(world.ctx, raise, usd(31))).toMatchObject({
    possible: false,
    why: 'team-ceiling',
  })
  const by = actor(world, 0, keyId)
  expect(await changeCap(world.ctx, by, { cap: usd(31), reason: 'x' })).toMatchObject({
    reason: 'team-ceiling',
  })
  expect(await changeCap(world.ctx, by, { cap: usd(5), reason: 'x' })).toEqual({ kind: 'asked' })
  await world.sweep()
  await world.moveClock(60_000)
  expect(await ask(world, 1, 15)).toMatchObject({ kind: 'queued' })
})

test('in a new month the keys of who has not opened it yet count already', async () => {
  await using world = await team(20)
  await made(world, 0, 15, 'monthly')
  await world.setClock(new Date('2026-12-01T00:00:05Z'))
  expect(await ask(world, 1, 6)).toMatchObject({ reason: 'team-ceiling', left: usd(5) })
  expect(await ask(world, 1, 5)).toMatchObject({ kind: 'queued' })
  await readBudgetView(world.ctx, { teamId: world.teamId, userId: world.memberIds[0]! })
  expect(await left(world)).toBe(0)
  await checkLedger(world)
})

test('only an owner sets it, what was shown is what is replaced, and one press is one change', async () => {
  await using world = await team(null)
  const { db, scope } = world
  await expect(limit(world, 5, null, world.memberIds[0])).rejects.toThrow(NotAllowed)
  const both = await Promise.all([limit(world, 50), limit(world, 60)])
  expect(both.sort()).toEqual(['set', 'stale'])
  const now = (await readCeilingView(world.ctx, world.teamId))!.ceiling.usd
  expect(await Promise.all([limit(world, 0, now), limit(world, 0, now)])).toEqual(['set', 'set'])
  expect(await ask(world, 0, 1)).toMatchObject({ reason: 'team-ceiling', left: 0n })
  expect(await limit(world, null, 0)).toBe('set')
  expect(await readCeilingView(world.ctx, world.teamId)).toBeNull()
  const events = await db.auditEvent.findMany({
    where: { action: 'team.ceiling-set', workshopSlug: scope },
  })
  expect(events).toHaveLength(3)
})

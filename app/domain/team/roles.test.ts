import { expect, test } from 'vitest'
import { decideRequest, requestMore } from '../money/budget-requests.server'
import { setTable } from '../money/budget-table.server'
import { setBudget } from '../money/budgets.server'
import { monthOf } from '../money/month'
import { setTopUp } from '../money/top-ups.server'
import { NotAllowed, openMember, teamScope } from '../money/member-lock.server'
import { mayHoldKeys, memberRoles, type PersonRole } from '../money/roles'
import { readBalance } from '../money/postings.server'
import { rounds } from '../../../tests/rounds'
import { openTeamWorld, type TeamWorld } from '../../../tests/team'
import { usd } from '../../../tests/world'
import { disableKey } from '../vault/vault.server'
import { acceptInvitation, findInvitation, invite } from './invitations.server'
import { setKeyCeiling } from './key-ceiling.server'
import { deleteSubKey, provisionSubKey } from './sub-key.server'
import { setDefaultBudget, setDefaultService } from './team-defaults.server'
import { removeMember, setRole, suspendMember } from './team.server'

const budgetOf = (amount: number) =>
  ({ budget: usd(amount), effective: 'now', reason: 'test' }) as const

const makeKey = (world: TeamWorld, userId: string) =>
  provisionSubKey(world.ctx, {
    teamId: world.teamId,
    userId,
    masterKeyId: world.masterKeyId,
    purpose: 'a test',
    cap: usd(5),
    reset: null,
    expiresAt: new Date(world.ctx.now().getTime() + 86_400_000),
    models: [],
  })

async function become(world: TeamWorld, userId: string, role: PersonRole) {
  const ref = { teamId: world.teamId, userId }
  if (role !== 'member') await setRole(world.ctx, ref, role, world.ownerId, 'test')
  return ref
}

const topUp = (ctx: TeamWorld['ctx'], amount: number) => ({
  amount: usd(amount),
  reason: 'a demo',
  month: monthOf(ctx.now()),
  was: usd(0),
})

const tableOf = (teamId: string, actorUserId: string, userId: string) => ({
  teamId,
  actorUserId,
  effective: 'now' as const,
  rows: [{ userId, budget: usd(7), was: '0/0' }],
})

const freeOf = (world: TeamWorld, userId: string) =>
  world.db.$transaction(async (tx) => {
    const member = (await openMember(world.ctx, tx, { teamId: world.teamId, userId }))!
    return readBalance(tx, member, member.month)
  })

test('owners and finance change budgets; members and viewers change nothing of anybody', async () => {
  await using world = await openTeamWorld({ members: 5 })
  const { ctx, teamId, slug, ownerId, masterKeyId } = world
  const [whom, ...others] = world.memberIds as [string, ...string[]]
  const target = { teamId, userId: whom }
  for (const [index, role] of memberRoles.entries()) {
    const by = (await become(world, others[index]!, role)).userId
    await requestMore(ctx, target, { more: usd(1), reason: 'a demo' })
    const open = await world.db.budgetRequest.findFirstOrThrow({ where: { state: 'open' } })
    const decide = (actorUserId: string) =>
      decideRequest(ctx, {
        teamId,
        requestId: open.id,
        actorUserId,
        decision: 'approved',
        reason: '',
      })
    const money = [
      () => setBudget(ctx, target, budgetOf(10 + index), by),
      () => decide(by),
      () => setTopUp(ctx, target, topUp(ctx, index), by),
      () => setTable(ctx, tableOf(teamId, by, whom), { month: monthOf(ctx.now()), reason: 'x' }),
      async () => {
        await setDefaultBudget(ctx, { teamId, slug, actorUserId: by, budget: usd(3), was: null })
        return true
      },
    ]
    const owners = [
      () => removeMember(ctx, { teamId, userId: ownerId }, by, 'test'),
      () => suspendMember(ctx, { teamId, userId: ownerId }, by, 'test'),
      () => setRole(ctx, { teamId, userId: by }, 'owner', by, 'test'),
      () => invite(ctx, { teamId, slug, role: 'member', email: null, actorUserId: by }),
      () => setDefaultService(ctx, { teamId, slug, actorUserId: by, service: null }),
      () => setKeyCeiling(ctx, { teamId, slug, actorUserId: by, ceiling: 3 }),
      () => disableKey(ctx, { teamId, scope: teamScope(slug), userId: by, masterKeyId }),
    ]
    for (const act of money)
      if (role === 'owner' || role === 'finance') expect(await act()).toBeTruthy()
      else await expect(act(), role).rejects.toThrow(NotAllowed)
    if (role !== 'owner')
      for (const act of owners) await expect(act(), role).rejects.toThrow(NotAllowed)
    else await setRole(ctx, { teamId, userId: by }, 'member', ownerId, 'done')
    if (role === 'member' || role === 'viewer') await decide(ownerId)
  }
})

test('finance has a budget and keys of its own, and ends no key of another', async () => {
  await using world = await openTeamWorld({ members: 2 })
  const [finance, other] = world.memberIds as [string, string]
  const ref = await become(world, finance, 'finance')
  await setBudget(world.ctx, ref, budgetOf(10), world.ownerId)
  await setBudget(world.ctx, { ...ref, userId: other }, budgetOf(10), finance)
  const own = await makeKey(world, finance)
  const theirs = await makeKey(world, other)
  if (own.kind !== 'queued' || theirs.kind !== 'queued') throw new Error('no key')
  await expect(deleteSubKey(world.ctx, { ...ref, keyId: theirs.keyId }, 'test')).rejects.toThrow(
    NotAllowed,
  )
  expect(await deleteSubKey(world.ctx, { ...ref, keyId: own.keyId }, 'test')).toEqual({
    kind: 'ended',
  })
})

test('who becomes a viewer loses keys, requests and budget, and gets none of them', async () => {
  await using world = await openTeamWorld({ members: 1 })
  const userId = world.memberIds[0]!
  const ref = { teamId: world.teamId, userId }
  await setBudget(world.ctx, ref, budgetOf(20), world.ownerId)
  await setTopUp(world.ctx, ref, topUp(world.ctx, 4), world.ownerId)
  const key = await makeKey(world, userId)
  if (key.kind !== 'queued') throw new Error(key.reason)
  await world.mint(key.keyId)
  await requestMore(world.ctx, ref, { more: usd(1), reason: 'a demo' })
  await setRole(world.ctx, ref, 'viewer', world.ownerId, 'an auditor now')

  expect(await world.row(key.keyId)).toMatchObject({ state: 'ended', reason: 'member-viewer' })
  expect(await world.db.budgetRequest.count({ where: { state: 'open' } })).toBe(0)
  expect(await world.db.budget.count({ where: ref })).toBe(0)
  expect(await world.db.budgetTopUp.count({ where: ref })).toBe(0)
  expect((await freeOf(world, userId)).free).toBe(0n)
  expect(await setBudget(world.ctx, ref, budgetOf(5), world.ownerId)).toBeNull()
  expect(await setTopUp(world.ctx, ref, topUp(world.ctx, 5), world.ownerId)).toEqual({
    kind: 'refused',
    reason: 'no-budget',
  })
  const month = monthOf(world.ctx.now())
  const table = tableOf(world.teamId, world.ownerId, userId)
  expect(await setTable(world.ctx, table, { month, reason: 'x' })).toEqual({
    kind: 'refused',
    reason: 'stale',
  })
  expect(await requestMore(world.ctx, ref, { more: usd(1), reason: 'a demo' })).toEqual({
    kind: 'refused',
    reason: 'not-active',
  })
  expect(await makeKey(world, userId)).toEqual({ kind: 'refused', reason: 'not-active' })
  // What the key did not use goes back to the team when it is settled, not to the viewer.
  await world.db.$transaction((tx) => openMember(world.ctx, tx, ref))
  const { free, committed } = await freeOf(world, userId)
  expect([free, committed >= 0n]).toEqual([0n, true])
})

test('an invitation gives each of the roles, and ends with the right of an owner who becomes finance', async () => {
  await using world = await openTeamWorld({ members: 1 })
  const { ctx, teamId, slug, ownerId } = world
  for (const role of memberRoles) {
    const invited = await invite(ctx, { teamId, slug, role, email: null, actorUserId: ownerId })
    if (invited.kind !== 'invited') throw new Error(invited.reason)
    const [person] = await world.people(1)
    await acceptInvitation(ctx, invited.token, { userId: person!.userId, banned: null })
    expect(
      await world.db.teamMember.findFirstOrThrow({ where: { teamId, userId: person!.userId } }),
    ).toMatchObject({ role, state: 'active' })
  }
  const second = await become(world, world.memberIds[0]!, 'owner')
  await invite(ctx, { teamId, slug, role: 'viewer', email: null, actorUserId: second.userId })
  await setRole(ctx, second, 'finance', ownerId, 'test')
  expect(
    await world.db.invitation.count({
      where: { createdBy: second.userId, revokedAt: null, usedAt: null },
    }),
  ).toBe(0)
})

const races = rounds(40)
test(`${races} races of a key against its holder becoming a viewer: no live key is left, and no budget`, async () => {
  await using world = await openTeamWorld({ members: races })
  for (const userId of world.memberIds) {
    const ref = { teamId: world.teamId, userId }
    await setBudget(world.ctx, ref, budgetOf(20), world.ownerId)
    await Promise.all([
      makeKey(world, userId),
      setRole(world.ctx, ref, 'viewer', world.ownerId, 'race'),
      setBudget(world.ctx, ref, budgetOf(30), world.ownerId),
    ])
    const live = await world.db.apiKey.count({
      where: { userId, state: { in: ['pending', 'ready'] } },
    })
    expect([live, await world.db.budget.count({ where: ref })]).toEqual([0, 0])
    expect((await freeOf(world, userId)).free).toBe(0n)
  }
  expect(mayHoldKeys('viewer')).toBe(false)
})

test('nobody joins as a viewer with a budget, neither the invitation’s nor the newcomers’', async () => {
  await using world = await openTeamWorld({ members: 0 })
  const { ctx, teamId, slug, ownerId } = world
  await setDefaultBudget(ctx, { teamId, slug, actorUserId: ownerId, budget: usd(3), was: null })
  for (const [role, budget, begins] of [
    ['viewer', usd(9), 0n],
    ['viewer', null, 0n],
    ['finance', usd(9), usd(9)],
    ['member', null, usd(3)],
  ] as const) {
    const wish = { teamId, slug, role, email: null, budget, actorUserId: ownerId }
    const invited = await invite(ctx, wish)
    if (invited.kind !== 'invited') throw new Error(invited.reason)
    const [person] = await world.people(1)
    const { userId } = person!
    const shown = await findInvitation(ctx, invited.token, userId)
    expect(shown?.budget?.usd ?? 0).toBe(Number(begins) / 1e9)
    await acceptInvitation(ctx, invited.token, { userId, banned: null })
    expect((await freeOf(world, userId)).free, `${role} ${budget}`).toBe(begins)
  }
})

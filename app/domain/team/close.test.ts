/** A team ends for good: keys first, credentials once nothing needs them, and the books stay. */
import { expect, test } from 'vitest'
import { checkLedger } from '../../../tests/ledger-check'
import { MeteredService } from '../../../tests/metered-service'
import { rounds } from '../../../tests/rounds'
import { openTeam, openTeamWorld, type TeamWorld } from '../../../tests/team'
import { usd } from '../../../tests/world'
import { requestMore } from '../money/budget-requests.server'
import { setBudget } from '../money/budgets.server'
import { NotAllowed, TeamClosed } from '../money/member-lock.server'
import { readAccount } from '../keys/read-account.server'
import { erasePerson } from '../people/erase.server'
import { depositKey, enableKey } from '../vault/vault.server'
import { destroyCredentials } from '../vault/destroy.server'
import { closeTeam, endClosedTeams, readClosing } from './close.server'
import { acceptInvitation, findInvitation, invite } from './invitations.server'
import { provisionSubKey } from './sub-key.server'
import { findMembership, removeMember } from './team.server'
import { listTeamAudit } from './audit-view.server'

const close = (world: TeamWorld, actorUserId = world.ownerId) =>
  closeTeam(world.ctx, {
    teamId: world.teamId,
    slug: world.slug,
    actorUserId,
    reason: 'the project is over',
  })

const budgetOf = (world: TeamWorld, userId: string, amount: number) =>
  setBudget(
    world.ctx,
    { teamId: world.teamId, userId },
    { budget: usd(amount), effective: 'now', reason: '' },
    world.ownerId,
  )

const provisionAs = (world: TeamWorld, userId: string) =>
  provisionSubKey(world.ctx, {
    teamId: world.teamId,
    userId,
    masterKeyId: world.masterKeyId,
    purpose: 'a test',
    cap: usd(2),
    reset: null,
    expiresAt: new Date(world.ctx.now().getTime() + 86_400_000),
    models: [],
  })

const credential = (world: TeamWorld) =>
  world.db.masterKey.findUniqueOrThrow({ where: { id: world.masterKeyId } })

test('keys end at once, credentials when nothing needs them, and the last owner can be erased', async () => {
  await using world = await openTeamWorld({ members: 1 })
  const { ctx, ownerId, teamId, slug } = world
  const memberId = world.memberIds[0]!
  for (const userId of [ownerId, memberId]) await budgetOf(world, userId, 20)
  const keys = []
  for (const userId of [ownerId, memberId]) {
    const outcome = await provisionAs(world, userId)
    if (outcome.kind === 'refused') throw new Error(outcome.reason)
    await world.mint(outcome.keyId)
    keys.push(outcome.keyId)
  }
  const waiting = await provisionAs(world, memberId)
  expect(waiting.kind).toBe('queued')

  expect(await close(world)).toEqual({ kind: 'closed' })
  expect(await close(world)).toEqual({ kind: 'refused', reason: 'closed-already' })
  for (const id of keys)
    expect(await world.row(id)).toMatchObject({ state: 'ended', reason: 'team-closed' })
  expect(await readClosing(ctx, teamId)).toMatchObject({ liveKeys: 0, notOff: 2, credentials: 1 })

  // The provider has not heard of it yet: what disables the keys is kept.
  expect(await destroyCredentials(ctx)).toBe(0)
  expect((await credential(world)).sealed).not.toBeNull()
  await world.sweep()
  expect(await destroyCredentials(ctx), 'off, but the last use is not known').toBe(0)
  await world.letSettle()
  expect(await readClosing(ctx, teamId)).toMatchObject({ notOff: 0, notSettled: 0 })
  expect(await destroyCredentials(ctx)).toBe(1)
  expect(await credential(world)).toMatchObject({ sealed: null, state: 'disabled' })
  await expect(
    world.db.masterKey.update({ where: { id: world.masterKeyId }, data: { sealed: 'v3.again' } }),
  ).rejects.toThrow()
  await expect(
    world.db.team.update({ where: { id: teamId }, data: { closedAt: null } }),
  ).rejects.toThrow()

  await checkLedger(world)
  expect(await world.db.transaction.count()).toBeGreaterThan(0)
  const free = await world.db.budgetMonth.aggregate({ _sum: { freeUsd: true, committedUsd: true } })
  expect([Number(free._sum.freeUsd), Number(free._sum.committedUsd)]).toEqual([0, 0])
  const audit = await listTeamAudit(ctx, slug, { about: null, by: null, before: null })
  const actions = audit.rows.map(({ action }) => action)
  expect(actions).toContain('team.closed')
  expect(actions).toContain('vault.destroyed')
  expect(actions.filter((action) => action === 'sub-key.team-closed')).toHaveLength(3)

  expect(await findMembership(ctx, slug, ownerId)).toMatchObject({
    closedAt: expect.any(String) as string,
  })
  expect(await erasePerson(ctx, { userId: ownerId, because: 'asked' })).toEqual({ kind: 'erased' })
  const gone = await world.db.teamMember.findFirstOrThrow({ where: { teamId, role: 'owner' } })
  expect(gone).toMatchObject({
    state: 'removed',
    userId: expect.stringMatching(/^erased:/) as string,
  })
  await checkLedger(world)
})

test('where only deleting stops the costs, the credential is kept until the keys are deleted', async () => {
  await using world = await openTeamWorld({
    members: 0,
    service: (now) => new MeteredService(now, { end: 'delete' }),
  })
  const { ctx, service } = world
  await budgetOf(world, world.ownerId, 20)
  const outcome = await provisionAs(world, world.ownerId)
  if (outcome.kind === 'refused') throw new Error(outcome.reason)
  await world.mint(outcome.keyId)
  const held = service.keys.get((await world.row(outcome.keyId)).keyHash!)!
  expect(await close(world)).toEqual({ kind: 'closed' })
  // Somebody stopped it at the provider, where it still costs, and deleting fails for a while.
  held.disabled = true
  service.nextFault = () => 'refused-before'
  await world.sweep()
  await world.letSettle()
  const row = await world.keyRow(outcome.keyId)
  expect(row).toMatchObject({ deleteWanted: true, deletedAt: null, closedAt: null })
  expect(await destroyCredentials(ctx)).toBe(0)
  service.nextFault = () => 'none'
  await world.moveClock(20 * 60_000)
  await world.sweep()
  expect(held.deleted).toBe(true)
  await world.letSettle()
  expect(await destroyCredentials(ctx)).toBe(1)
})

test('an open team keeps its last owner; a closed one lets them leave', async () => {
  await using world = await openTeamWorld({ members: 0 })
  const { ctx, ownerId, teamId } = world
  expect(await erasePerson(ctx, { userId: ownerId, because: 'asked' })).toMatchObject({
    kind: 'blocked',
  })
  await close(world)
  expect(await removeMember(ctx, { teamId, userId: ownerId }, ownerId, 'left')).toEqual({
    kind: 'done',
  })
})

test('a closed team takes no key, invitation, credential, budget or request', async () => {
  await using world = await openTeamWorld({ members: 1 })
  const { ctx, ownerId, teamId, slug, scope, masterKeyId } = world
  const memberId = world.memberIds[0]!
  await budgetOf(world, memberId, 20)
  const input = { teamId, slug, role: 'member', email: null, actorUserId: ownerId } as const
  const invited = await invite(ctx, input)
  if (invited.kind !== 'invited') throw new Error(invited.reason)
  await requestMore(ctx, { teamId, userId: memberId }, { more: usd(1), reason: 'more' })
  await expect(close(world, memberId)).rejects.toThrow(NotAllowed)
  await close(world)

  expect(await provisionAs(world, memberId)).toEqual({ kind: 'refused', reason: 'team-closed' })
  const [guest] = await world.people(1)
  const person = { userId: guest!.userId, banned: null }
  expect((await findInvitation(ctx, invited.token, guest!.userId))?.snapshot).toBe('revoked')
  expect(await acceptInvitation(ctx, invited.token, person)).toMatchObject({ reason: 'not-open' })
  expect(await world.db.budgetRequest.count({ where: { state: 'open' } })).toBe(0)
  const by = { teamId, scope, userId: ownerId }
  const secret = { secret: 'sk-another-one-in-memory', baseUrl: null }
  for (const attempt of [
    () => invite(ctx, input),
    () => budgetOf(world, memberId, 50),
    () => requestMore(ctx, { teamId, userId: memberId }, { more: usd(1), reason: 'more' }),
    () => depositKey(ctx, { ...by, service: world.service.service, ...secret }),
    () => enableKey(ctx, { ...by, masterKeyId }),
  ])
    await expect(attempt()).rejects.toThrow(TeamClosed)
})

test('what a crash left live in a closed team is ended by the sweep', async () => {
  await using world = await openTeamWorld({ members: 0 })
  await budgetOf(world, world.ownerId, 20)
  const outcome = await provisionAs(world, world.ownerId)
  if (outcome.kind === 'refused') throw new Error(outcome.reason)
  await world.db.team.update({ where: { id: world.teamId }, data: { closedAt: world.ctx.now() } })
  expect(await endClosedTeams(world.ctx)).toBe(1)
  expect((await world.row(outcome.keyId)).state).toBe('ended')
  expect(await endClosedTeams(world.ctx)).toBe(0)
})

const races = rounds(40)
test(`${races} races of a closing with a key that is asked for and made: none stays live`, async () => {
  await using world = await openTeamWorld({ members: 0 })
  const { ctx, db, service } = world
  const accounts: string[] = []
  for (let round = 0; round < races; round++) {
    const team = await openTeam(world, { budget: 10 })
    const masterKeyId = await team.deposit(service.service, {
      secret: `sk-of-the-team-of-round-${round}`,
      baseUrl: null,
    })
    accounts.push(masterKeyId)
    const request = () =>
      provisionSubKey(ctx, {
        teamId: team.teamId,
        userId: team.ownerId,
        masterKeyId,
        purpose: 'a race',
        cap: usd(1),
        reset: null,
        expiresAt: new Date(ctx.now().getTime() + 86_400_000),
        models: [],
      })
    const first = await request()
    if (first.kind === 'refused') throw new Error(first.reason)
    const [, second, closed] = await Promise.all([
      world.mint(first.keyId),
      request(),
      closeTeam(ctx, {
        teamId: team.teamId,
        slug: team.slug,
        actorUserId: team.ownerId,
        reason: 'race',
      }),
    ])
    expect(closed.kind).toBe('closed')
    if (second.kind === 'refused') expect(second.reason).toBe('team-closed')
    else await world.mint(second.keyId)
    expect(
      await db.apiKey.count({
        where: { teamId: team.teamId, state: { in: ['pending', 'ready'] } },
      }),
    ).toBe(0)
  }
  await world.sweep()
  await world.travel(31_000)
  for (const account of accounts) await readAccount(ctx, account)
  const live = [...service.keys.values()].filter((key) => !key.disabled && !key.deleted)
  expect(live, 'nothing works at the provider').toEqual([])
  expect(await endClosedTeams(ctx), 'nothing was left').toBe(0)
}, 300_000)

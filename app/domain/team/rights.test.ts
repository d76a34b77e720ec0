/** Rights end with their holder: checked in the transaction that acts, and so is what was handed out. */
import { expect, test } from 'vitest'
import { openTeam, openTeamWorld, type Team } from '../../../tests/team'
import { rounds } from '../../../tests/rounds'
import { openWorld, usd, type World } from '../../../tests/world'
import { decideRequest, requestMore } from '../money/budget-requests.server'
import { setBudget } from '../money/budgets.server'
import { NotAllowed } from '../money/member-lock.server'
import { nextMonth, startOf } from '../money/month'
import { banPerson } from '../people/ban.server'
import { acceptInvitation, findInvitation, invite } from './invitations.server'
import { revealSubKey } from './reveal.server'
import { deleteSubKey, provisionSubKey } from './sub-key.server'
import { findMembership, removeMember, resumeMember, setRole, suspendMember } from './team.server'

const of = (team: Team, userId: string) => ({ teamId: team.teamId, userId })

/** A team with `count` owners besides the first. */
async function owners(world: World, count: number): Promise<Team & { all: string[] }> {
  const team = await openTeam(world, { members: count })
  for (const userId of team.memberIds)
    await setRole(world.ctx, of(team, userId), 'owner', team.ownerId, 'test')
  return { ...team, all: [team.ownerId, ...team.memberIds] }
}

async function inviteAs(world: World, team: Team, actorUserId: string): Promise<string> {
  const { teamId, slug } = team
  const made = await invite(world.ctx, { teamId, slug, role: 'owner', email: null, actorUserId })
  if (made.kind !== 'invited') throw new Error(made.reason)
  return made.token
}

type Ending = [string, (world: World, team: Team, userId: string) => Promise<unknown>]
const endings: Ending[] = [
  ['removed', (w, t, userId) => removeMember(w.ctx, of(t, userId), t.ownerId, 'test')],
  ['suspended', (w, t, userId) => suspendMember(w.ctx, of(t, userId), t.ownerId, 'test')],
  ['made a member', (w, t, userId) => setRole(w.ctx, of(t, userId), 'member', t.ownerId, 'test')],
  [
    'banned',
    (w, t, userId) => banPerson(w.ctx, { userId, reason: 'test', actorUserId: t.ownerId }),
  ],
]

test.each(endings)(
  'an owner who is %s can do nothing more, nor can their links',
  async (_, end) => {
    await using world = await openWorld()
    const team = await owners(world, 1)
    const former = team.memberIds[0]!
    const token = await inviteAs(world, team, former)
    const [guest] = await world.people(1)
    expect((await findInvitation(world.ctx, token, guest!.userId))?.snapshot).toBe('open')
    await end(world, team, former)

    expect((await findInvitation(world.ctx, token, guest!.userId))?.snapshot).toBe('revoked')
    const person = { userId: guest!.userId, banned: null }
    expect(await acceptInvitation(world.ctx, token, person)).toEqual({
      kind: 'refused',
      reason: 'not-open',
    })
    const own = { userId: former, banned: null }
    expect((await acceptInvitation(world.ctx, token, own)).kind).not.toBe('joined')
    const change = { budget: usd(5), effective: 'now', reason: '' } as const
    for (const attempt of [
      () => inviteAs(world, team, former),
      () => setBudget(world.ctx, of(team, former), change, former),
      () => removeMember(world.ctx, of(team, team.ownerId), former, 'revenge'),
      () => setRole(world.ctx, of(team, former), 'owner', former, 'back again'),
      () => resumeMember(world.ctx, of(team, former), former, 'back again'),
    ])
      await expect(attempt()).rejects.toThrow(NotAllowed)
    expect(await findMembership(world.ctx, team.slug, team.ownerId)).toMatchObject({
      role: 'owner',
    })
  },
)

test('a banned owner counts as none: the last real one stays', async () => {
  await using world = await openWorld()
  const team = await owners(world, 1)
  const banned = team.memberIds[0]!
  await banPerson(world.ctx, { userId: banned, reason: 'test', actorUserId: team.ownerId })
  expect(await removeMember(world.ctx, of(team, team.ownerId), team.ownerId, 'left')).toEqual({
    kind: 'refused',
    reason: 'last-owner',
  })
})

const races = rounds(200)
test(`${races} races of owners who remove each other: an owner is left, and who is gone removes nobody`, async () => {
  await using world = await openWorld()
  for (let round = 0; round < races; round++) {
    const team = await owners(world, 2)
    const [a, b, c] = team.all as [string, string, string]
    const outcomes = await Promise.allSettled(
      [
        [a, b],
        [b, c],
        [c, a],
      ].map(([by, whom]) => removeMember(world.ctx, of(team, whom!), by!, 'race')),
    )
    const gone = outcomes.filter(({ status }) => status === 'rejected')
    for (const outcome of gone)
      expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(NotAllowed)
    const left = await world.db.teamMember.count({
      where: { teamId: team.teamId, role: 'owner', state: 'active' },
    })
    expect(left).toBeGreaterThan(0)
    expect(outcomes.length - gone.length).toBe(3 - left)
  }
})

test('more for a request leaves the budget that is planned for next month', async () => {
  await using world = await openWorld()
  const team = await openTeam(world, { members: 1 })
  const ref = of(team, team.memberIds[0]!)
  const set = (amount: number, effective: 'now' | 'next-month') =>
    setBudget(world.ctx, ref, { budget: usd(amount), effective, reason: '' }, team.ownerId)
  await set(10, 'now')
  const planned = await set(40, 'next-month')
  await requestMore(world.ctx, ref, { more: usd(5), reason: 'a demo' })
  const open = await world.db.budgetRequest.findFirstOrThrow({ where: { state: 'open' } })
  await decideRequest(world.ctx, {
    teamId: team.teamId,
    requestId: open.id,
    actorUserId: team.ownerId,
    decision: 'approved',
    reason: '',
  })
  const months = await world.db.budget.findMany({ where: ref, orderBy: { month: 'asc' } })
  expect(
    months.map((row) => [row.month.toISOString().slice(0, 10), Number(row.allocatedUsd)]),
  ).toEqual([
    [expect.any(String), 15],
    [startOf(planned!.month).toISOString().slice(0, 10), 40],
  ])
  expect(planned!.month).toBe(nextMonth(`${months[0]!.month.toISOString().slice(0, 7)}-01`))
})

async function keyOf(world: Awaited<ReturnType<typeof openTeamWorld>>, userId: string) {
  const { teamId, ownerId, masterKeyId } = world
  const budget = { budget: usd(50), effective: 'now', reason: '' } as const
  await setBudget(world.ctx, { teamId, userId }, budget, ownerId)
  const outcome = await provisionSubKey(world.ctx, {
    teamId,
    userId,
    masterKeyId,
    purpose: 'a test',
    cap: usd(5),
    reset: null,
    expiresAt: new Date(world.ctx.now().getTime() + 86_400_000),
    models: [],
  })
  if (outcome.kind === 'refused') throw new Error(outcome.reason)
  await world.mint(outcome.keyId)
  return outcome.keyId
}

test('a ban ends the keys of a person in all their teams, and lets them make none', async () => {
  await using world = await openTeamWorld({ members: 1 })
  const userId = world.memberIds[0]!
  const keyId = await keyOf(world, userId)
  await banPerson(world.ctx, { userId, reason: 'test', actorUserId: world.ownerId })
  expect(await world.row(keyId)).toMatchObject({ state: 'ended', reason: 'revoked' })
  await expect(keyOf(world, userId)).rejects.toThrow(NotAllowed)
})

test('a key that still waits for its end is shown to nobody who was banned, nor in a closed team', async () => {
  await using world = await openTeamWorld({ members: 1 })
  const { ctx, db, teamId } = world
  const userId = world.memberIds[0]!
  const keyId = await keyOf(world, userId)
  const reveal = () => revealSubKey(ctx, { teamId, keyId, userId })
  expect(await reveal()).toMatchObject({ kind: 'revealed' })
  // Both are in one step before the keys end: a crash may come in between.
  await db.attendee.update({ where: { userId }, data: { bannedAt: ctx.now() } })
  expect(await reveal()).toEqual({ kind: 'no-key' })
  await db.attendee.update({ where: { userId }, data: { bannedAt: null } })
  await db.team.update({ where: { id: teamId }, data: { closedAt: ctx.now() } })
  expect(await reveal()).toEqual({ kind: 'no-key' })
})

test('an owner who is demoted while they wait for a member’s key no longer ends it', async () => {
  await using world = await openTeamWorld({ members: 2 })
  const { teamId } = world
  const [userId, second] = world.memberIds as [string, string]
  await setRole(world.ctx, { teamId, userId: second }, 'owner', world.ownerId, 'test')
  const keyId = await keyOf(world, userId)
  let demoted = () => {}
  const demotion = new Promise<void>((resolve) => (demoted = resolve))
  const holding = world.db.$transaction(async (tx) => {
    await tx.$executeRaw`select 1 from keymint.teams where id = ${teamId}::uuid for update`
    await tx.$executeRaw`
      update keymint.team_members set role = 'member'
      where team_id = ${teamId}::uuid and user_id = ${second}`
    await demotion
  })
  const deletion = deleteSubKey(world.ctx, { teamId, keyId, userId: second }, 'test')
  const refused = expect(deletion).rejects.toThrow(NotAllowed)
  await expect
    .poll(async () => {
      const [row] = await world.db.$queryRaw<{ waits: number }[]>`
        select count(*)::int as waits from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`
      return row!.waits
    })
    .toBeGreaterThan(0)
  demoted()
  await holding
  await refused
  expect((await world.row(keyId)).state).toBe('ready')
})

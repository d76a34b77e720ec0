/** The steps of a new team, each done by the real thing, until its first key is ready. */
import { expect, test } from 'vitest'
import { openTeam, openTeamWorld } from '../../../tests/team'
import { openWorld, usd } from '../../../tests/world'
import { setBudget } from '../money/budgets.server'
import { readBeginning } from './beginning.server'
import { closeTeam } from './close.server'
import { invite } from './invitations.server'
import { makeServiceAccount } from './service-accounts.server'

test('each step is done by the real thing, and a first key that is ready ends the list', async () => {
  await using world = await openTeamWorld({ members: 0 })
  const { ctx, teamId, slug, ownerId } = world
  expect(await readBeginning(ctx, teamId)).toMatchObject({ credential: true, member: false })
  await makeServiceAccount(ctx, { teamId, slug, actorUserId: ownerId, name: 'CI', budget: null })
  expect(await readBeginning(ctx, teamId), 'nobody has joined').toMatchObject({ member: false })
  await invite(ctx, { teamId, slug, role: 'member', email: null, actorUserId: ownerId })
  await setBudget(
    ctx,
    { teamId, userId: ownerId },
    { budget: usd(10), effective: 'now', reason: 'a start' },
    ownerId,
  )
  expect(await readBeginning(ctx, teamId)).toMatchObject({ member: true, budget: true })
  const key = await world.provision(world.masterKeyId)
  expect(await readBeginning(ctx, teamId), 'a key that is being made').not.toBeNull()
  await world.mint(key)
  expect(await readBeginning(ctx, teamId)).toBeNull()
})

test('a new team has everything before it, and a closed one has nothing to begin', async () => {
  await using world = await openWorld()
  const team = await openTeam(world)
  const { ctx } = world
  expect(await readBeginning(ctx, team.teamId)).toEqual({
    credential: false,
    member: false,
    budget: false,
  })
  await closeTeam(ctx, {
    teamId: team.teamId,
    slug: team.slug,
    actorUserId: team.ownerId,
    reason: 'a test',
  })
  expect(await readBeginning(ctx, team.teamId)).toBeNull()
})

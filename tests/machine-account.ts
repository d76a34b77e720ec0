/** A service account of a team, and keys that its owners ask for on its behalf. */
import { expect } from 'vitest'
import { makeServiceAccount } from '~/domain/team/service-accounts.server'
import { provisionSubKey } from '~/domain/team/sub-key.server'
import { setRole } from '~/domain/team/team.server'
import { openTeamWorld, type TeamWorld } from './team'
import { usd } from './world'

export const make = (
  { ctx, teamId, slug, ownerId }: TeamWorld,
  wish: { name?: string; budget?: number; by?: string; formId?: string } = {},
) =>
  makeServiceAccount(ctx, {
    teamId,
    slug,
    actorUserId: wish.by ?? ownerId,
    name: wish.name ?? 'CI',
    budget: wish.budget === undefined ? null : usd(wish.budget),
    ...(wish.formId ? { formId: wish.formId } : {}),
  })

export async function madeBy(
  world: TeamWorld,
  wish: Parameters<typeof make>[1] = {},
): Promise<string> {
  const outcome = await make(world, { budget: 50, ...wish })
  if (outcome.kind !== 'made') throw new Error(outcome.reason)
  return outcome.userId
}

export const ask = (world: TeamWorld, userId: string, by: string, cap = 10) =>
  provisionSubKey(world.ctx, {
    teamId: world.teamId,
    userId,
    actorUserId: by,
    masterKeyId: world.masterKeyId,
    purpose: 'builds',
    cap: usd(cap),
    reset: null,
    expiresAt: new Date(world.ctx.now().getTime() + 90 * 86_400_000),
    models: [],
  })

export async function keyOf(world: TeamWorld, userId: string, by = world.ownerId): Promise<string> {
  const asked = await ask(world, userId, by)
  if (asked.kind !== 'queued') throw new Error(asked.reason)
  expect(await world.mint(asked.keyId)).toBe(true)
  return asked.keyId
}

/** A team with two owners and a member. */
export async function openWithOwners() {
  const world = await openTeamWorld({ members: 2 })
  const [second, member] = world.memberIds as [string, string]
  const ref = { teamId: world.teamId, userId: second }
  await setRole(world.ctx, ref, 'owner', world.ownerId, 'a second owner')
  return { world, second, member }
}

import { expect, test } from 'vitest'
import { openTeamWorld } from '../../../tests/team'
import { acceptInvitation, findInvitation, invite } from './invitations.server'

test('a bound invitation is good for the verified address alone, and stays open for it', async () => {
  await using world = await openTeamWorld({ members: 0 })
  const { ctx, teamId, slug, ownerId: actorUserId } = world
  const [right, wrong, none] = await world.people(3)
  const person = (one: typeof right) => ({ userId: one!.userId, banned: null })
  const give = (userId: string, email: string | null) =>
    world.db.attendee.update({ where: { userId }, data: { email, emailNormalized: email } })
  await give(right!.userId, 'ada@example.org')
  await give(wrong!.userId, 'eve@example.org')
  await give(none!.userId, null)
  const wish = { teamId, slug, role: 'member', email: 'Ada@Example.org', bound: true } as const
  const made = await invite(ctx, { ...wish, actorUserId })
  if (made.kind !== 'invited') throw new Error(made.reason)
  for (const one of [wrong, none]) {
    expect((await findInvitation(ctx, made.token, one!.userId))?.forAnother).toBe(true)
    expect(await acceptInvitation(ctx, made.token, person(one))).toEqual({
      kind: 'refused',
      reason: 'other-address',
    })
  }
  expect((await findInvitation(ctx, made.token, right!.userId))?.forAnother).toBe(false)
  expect(await acceptInvitation(ctx, made.token, person(right))).toEqual({ kind: 'joined', slug })
})

/** The marks in a team's navigation: what waits for whom. */
import { expect, test } from 'vitest'
import { oneMember, ref, usd } from '../../../tests/ledger'
import {
  decideRequest,
  markDecisionsSeen,
  requestMore,
  withdrawRequest,
} from '../money/budget-requests.server'
import { findMembership } from './team.server'

test('a request is a mark for who decides, and its decision one for the member until it is seen', async () => {
  await using world = await oneMember(10)
  const { userId } = ref(world)
  const waits = async (who: string) => (await findMembership(world.ctx, world.slug, who))?.waits
  const asked = { more: usd(5), reason: 'please' }
  await requestMore(world.ctx, ref(world), asked)
  expect(await waits(world.ownerId)).toEqual({ requests: 1, decisions: 0 })
  expect(await waits(userId), 'members decide nothing').toEqual({ requests: 0, decisions: 0 })
  const { id } = await world.db.budgetRequest.findFirstOrThrow()
  await decideRequest(world.ctx, {
    teamId: world.teamId,
    requestId: id,
    actorUserId: world.ownerId,
    decision: 'refused',
    reason: 'not now',
  })
  expect(await waits(world.ownerId)).toEqual({ requests: 0, decisions: 0 })
  expect(await waits(userId)).toEqual({ requests: 0, decisions: 1 })
  await markDecisionsSeen(world.ctx, ref(world))
  expect(await waits(userId)).toEqual({ requests: 0, decisions: 0 })
  await requestMore(world.ctx, ref(world), asked)
  const open = await world.db.budgetRequest.findFirstOrThrow({ where: { state: 'open' } })
  await withdrawRequest(world.ctx, ref(world), open.id)
  expect(await waits(userId), 'what they withdrew is no decision').toEqual({
    requests: 0,
    decisions: 0,
  })
})

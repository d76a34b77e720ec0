/** What owners set for all: by whom, and of two at once. */
import { expect, test } from 'vitest'
import { oneMember, ref, usd } from '../../../tests/ledger'
import { NotAllowed } from '../money/member-lock.server'
import { readTeamDefaults, setDefaultBudget, setDefaultService } from './team-defaults.server'

test('only an owner sets what counts for all, and a service must be one of ours', async () => {
  await using world = await oneMember(10)
  const { ctx, teamId, slug, ownerId } = world
  const member = { teamId, slug, actorUserId: ref(world).userId }
  await expect(setDefaultBudget(ctx, { ...member, budget: usd(1), was: null })).rejects.toThrow(
    NotAllowed,
  )
  await expect(setDefaultService(ctx, { ...member, service: null })).rejects.toThrow(NotAllowed)
  const owner = { teamId, slug, actorUserId: ownerId }
  expect(await setDefaultService(ctx, { ...owner, service: 'constructor' })).toBe('unknown-service')
  expect(await setDefaultService(ctx, { ...owner, service: 'openrouter' })).toBe('set')
})

test('of two who set the budget of newcomers, the one who was shown an older one changes nothing', async () => {
  await using world = await oneMember(10)
  const { ctx, teamId, slug, ownerId: actorUserId } = world
  const set = (budget: number | null, was: number | null) =>
    setDefaultBudget(ctx, {
      teamId,
      slug,
      actorUserId,
      budget: budget === null ? null : usd(budget),
      was: was === null ? null : usd(was),
    })
  const both = await Promise.all([set(25, null), set(30, null)])
  expect(both.toSorted()).toEqual(['set', 'stale'])
  const kept = (await readTeamDefaults(ctx, teamId)).budget?.usd ?? 0
  expect(kept).toBe(both[0] === 'set' ? 25 : 30)
  expect(await set(kept, null), 'posted twice').toBe('set')
  expect(await set(5, null)).toBe('stale')
  expect(await set(null, kept)).toBe('set')
  expect(await set(5, kept)).toBe('stale')
  expect((await readTeamDefaults(ctx, teamId)).budget).toBeNull()
  expect(await world.db.auditEvent.count({ where: { action: 'team.default-budget-set' } })).toBe(2)
})

import { expect, test } from 'vitest'
import { balance, oneMember, ref as memberOf } from '../../../tests/ledger'
import { openTeam } from '../../../tests/team'
import { openWorld, usd } from '../../../tests/world'
import { decideRequest, requestMore } from './budget-requests.server'
import { MonthChanged, previewBudget, setBudget } from './budgets.server'

test('a budget for “next month” that was shown before midnight is not set for the month after', async () => {
  await using world = await openWorld()
  await world.travelTo(new Date('2031-01-31T23:59:00Z'))
  const team = await openTeam(world, { members: 1 })
  const ref = { teamId: team.teamId, userId: team.memberIds[0]! }
  const change = { budget: usd(40), effective: 'next-month' } as const
  const { month } = (await previewBudget(world.ctx, ref, change))!
  expect(month).toBe('2031-02-01')
  await world.travelTo(new Date('2031-02-01T00:00:00Z'))
  const set = (shown: typeof month) =>
    setBudget(world.ctx, ref, { ...change, month: shown, reason: '' }, team.ownerId)
  await expect(set(month)).rejects.toThrow(MonthChanged)
  expect(await world.db.budget.count({ where: ref })).toBe(0)
  expect((await set('2031-03-01'))?.month).toBe('2031-03-01')
})

test('a request that was shown before midnight is not approved for the month after', async () => {
  await using world = await oneMember(10)
  await requestMore(world.ctx, memberOf(world), { more: usd(5), reason: 'please' })
  const { id } = await world.db.budgetRequest.findFirstOrThrow()
  const decide = (month: string) =>
    decideRequest(world.ctx, {
      teamId: world.teamId,
      requestId: id,
      actorUserId: world.ownerId,
      decision: 'approved',
      reason: '',
      once: true,
      month,
    })
  await world.setClock(new Date('2026-12-01T00:00:01Z'))
  expect(await decide('2026-11-01')).toEqual({ kind: 'month-changed' })
  expect(await balance(world)).toMatchObject({ allocated: 10 })
  expect(await decide('2026-12-01')).toEqual({ kind: 'approved' })
  expect(await balance(world)).toMatchObject({ allocated: 15 })
})

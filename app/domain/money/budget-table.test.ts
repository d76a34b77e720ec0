/** Many budgets at once: all or none, only as shown, once for each form; two owners at the same time. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { checkLedger } from '../../../tests/ledger-check'
import { rounds } from '../../../tests/rounds'
import { openTeamWorld, type TeamWorld } from '../../../tests/team'
import { usd } from '../../../tests/world'
import { removeMember, suspendMember } from '../team/team.server'
import { listMembers } from '../team/team-view.server'
import { budgetVersion, setBudget } from './budgets.server'
import { previewTable, setTable } from './budget-table.server'
import { NotAllowed } from './member-lock.server'
import { monthOf } from './month'

/** The table as an owner is shown it now, with this amount for every member but the owner. */
async function shown(world: TeamWorld, amount: number, effective: 'now' | 'next-month' = 'now') {
  const members = await listMembers(world.ctx, world.teamId)
  return {
    teamId: world.teamId,
    actorUserId: world.ownerId,
    effective,
    rows: members
      .filter(({ userId }) => userId !== world.ownerId)
      .map(({ userId, monthly, next }) => ({
        userId,
        budget: usd(amount),
        was: budgetVersion(monthly, next),
      })),
  }
}
const change = (world: TeamWorld, formId?: string) => ({
  month: monthOf(world.ctx.now()),
  reason: 'a new year',
  ...(formId ? { formId } : {}),
})
const budgets = async (world: TeamWorld) =>
  (await listMembers(world.ctx, world.teamId))
    .filter(({ userId }) => userId !== world.ownerId)
    .map(({ allocated }) => allocated.usd)

test('a table sets every budget in it, with one reason, and a form counts once', async () => {
  await using world = await openTeamWorld({ members: 3 })
  const table = await shown(world, 20)
  expect(await previewTable(world.ctx, table)).toMatchObject({
    kind: 'ready',
    preview: { from: { usd: 0 }, to: { usd: 60 }, month: monthOf(world.ctx.now()) },
  })
  expect(await budgets(world), 'a preview changes nothing').toEqual([0, 0, 0])
  const form = change(world, randomUUID())
  const outcomes = await Promise.all([1, 2, 3].map(() => setTable(world.ctx, table, form)))
  for (const outcome of outcomes) expect(outcome).toEqual({ kind: 'set', changed: 3 })
  expect(await budgets(world)).toEqual([20, 20, 20])
  const events = await world.db.auditEvent.findMany({
    where: { action: 'budget.set', workshopSlug: world.scope, actor: `user:${world.ownerId}` },
  })
  const ofTable = events.filter(
    ({ details }) => (details as { reason?: string }).reason === 'a new year',
  )
  expect(ofTable).toHaveLength(3)
  await checkLedger(world)
})

test('one budget that changed since refuses the whole table', async () => {
  await using world = await openTeamWorld({ members: 3 })
  const table = await shown(world, 20)
  const last = { teamId: world.teamId, userId: world.memberIds[2]! }
  await setBudget(
    world.ctx,
    last,
    { budget: usd(5), effective: 'next-month', reason: 'planned' },
    world.ownerId,
  )
  const refused = { kind: 'refused', reason: 'stale' }
  expect(await previewTable(world.ctx, table)).toEqual(refused)
  expect(await setTable(world.ctx, table, change(world))).toEqual(refused)
  expect(await budgets(world)).toEqual([0, 0, 0])
})

test('somebody who has left, or is of another team, refuses the whole table', async () => {
  await using world = await openTeamWorld({ members: 2 })
  const table = await shown(world, 20)
  const stranger = { userId: (await world.people(1))[0]!.userId, budget: usd(1), was: '0/0' }
  expect(
    await setTable(world.ctx, { ...table, rows: [...table.rows, stranger] }, change(world)),
  ).toEqual({ kind: 'refused', reason: 'stale' })
  await removeMember(
    world.ctx,
    { teamId: world.teamId, userId: world.memberIds[0]! },
    world.ownerId,
    'left',
  )
  expect(await setTable(world.ctx, table, change(world))).toMatchObject({ reason: 'stale' })
  expect(await budgets(world)).toEqual([0])
})

test('a month that has begun since refuses the table, and a member may set none', async () => {
  await using world = await openTeamWorld({ members: 2 })
  const table = await shown(world, 20)
  expect(await setTable(world.ctx, table, { ...change(world), month: '2026-01-01' })).toEqual({
    kind: 'refused',
    reason: 'month-changed',
  })
  const member = { ...table, actorUserId: world.memberIds[0]! }
  await expect(setTable(world.ctx, member, change(world))).rejects.toThrow(NotAllowed)
  await expect(previewTable(world.ctx, member)).rejects.toThrow(NotAllowed)
  expect(await budgets(world)).toEqual([0, 0])
})

const races = rounds(30)
test(`${races} races of two tables and a suspension: one table counts, and nothing of the other`, async () => {
  await using world = await openTeamWorld({ members: 4 })
  for (let round = 1; round <= races; round++) {
    const [one, other] = [await shown(world, round), await shown(world, 100 + round)]
    other.rows.reverse()
    const [first, second] = await Promise.all([
      setTable(world.ctx, one, change(world)),
      setTable(world.ctx, other, change(world)),
      suspendMember(
        world.ctx,
        { teamId: world.teamId, userId: world.memberIds[0]! },
        world.ownerId,
        'test',
      ),
    ])
    expect([first.kind, second.kind].sort()).toEqual(['refused', 'set'])
    const amount = first.kind === 'set' ? round : 100 + round
    expect(await budgets(world)).toEqual([amount, amount, amount, amount])
  }
  await checkLedger(world)
})

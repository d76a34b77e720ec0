/**
 * Requests with another amount, and withdrawn; budgets of newcomers; more for one month alone; plans
 * that stay. Each as a race where two can press at once.
 */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { checkLedger } from '../../../tests/ledger-check'
import { balance, oneMember, ref, usd } from '../../../tests/ledger'
import { rounds } from '../../../tests/rounds'
import type { TeamWorld } from '../../../tests/team'
import { decideRequest, requestMore, withdrawRequest } from '../money/budget-requests.server'
import { setTable } from '../money/budget-table.server'
import { BudgetStale, budgetVersion, rollMonths, setBudget } from '../money/budgets.server'
import { monthOf } from '../money/month'
import { setTopUp } from '../money/top-ups.server'
import { acceptInvitation, findInvitation, invite } from './invitations.server'
import { setDefaultBudget } from './team-defaults.server'
import { removeMember, resumeMember, suspendMember } from './team.server'
import { findLastRequest, listOpenRequests, readBudgetView } from './team-view.server'

async function ask(world: TeamWorld, more: number): Promise<string> {
  const id = randomUUID()
  const asked = { more: usd(more), reason: 'please', formId: id }
  expect(await requestMore(world.ctx, ref(world), asked)).toEqual({ kind: 'asked' })
  return id
}
const approve = (world: TeamWorld, requestId: string, amount?: number, once = false) =>
  decideRequest(world.ctx, {
    teamId: world.teamId,
    requestId,
    actorUserId: world.ownerId,
    decision: 'approved',
    reason: 'yes',
    once,
    ...(amount === undefined ? {} : { amount: usd(amount) }),
  })
const set = (world: TeamWorld, budget: number, effective: 'now' | 'next-month') =>
  setBudget(
    world.ctx,
    ref(world),
    { budget: usd(budget), effective, reason: 'test' },
    world.ownerId,
  )
const topUp = (world: TeamWorld, amount: number, was = 0, formId?: string) =>
  setTopUp(
    world.ctx,
    ref(world),
    {
      amount: usd(amount),
      was: usd(was),
      reason: 'a demo',
      month: monthOf(world.ctx.now()),
      ...(formId ? { formId } : {}),
    },
    world.ownerId,
  )
const audits = (world: TeamWorld, action: string) =>
  world.db.auditEvent.findMany({ where: { action, workshopSlug: world.scope } })

async function toDecember(world: TeamWorld) {
  await world.setClock(new Date('2026-12-01T00:00:01Z'))
  await rollMonths(world.ctx)
}

test('an owner grants another amount than was asked, and both are recorded', async () => {
  await using world = await oneMember(10)
  expect(await approve(world, await ask(world, 50), 20)).toEqual({ kind: 'approved' })
  expect(await balance(world)).toMatchObject({ allocated: 30, free: 30 })
  expect(await findLastRequest(world.ctx, ref(world))).toMatchObject({
    more: { usd: 50 },
    granted: { usd: 20 },
    grantedOnce: false,
  })
  const [event] = await audits(world, 'budget.request-approved')
  expect(event?.details).toMatchObject({ moreUsd: '50.000000000', grantedUsd: '20.000000000' })
  await checkLedger(world)
})

test('what is granted for one month alone is gone with the month', async () => {
  await using world = await oneMember(10)
  await approve(world, await ask(world, 5), undefined, true)
  expect(await balance(world)).toMatchObject({ allocated: 15 })
  await toDecember(world)
  expect(await balance(world)).toMatchObject({ allocated: 10 })
})

const races = rounds(30)
test(`${races} races of a withdrawal with an approval: one of them counts`, async () => {
  await using world = await oneMember(10)
  let allocated = 10
  for (let round = 0; round < races; round++) {
    const id = await ask(world, 5)
    const [withdrawn, decided] = await Promise.all([
      withdrawRequest(world.ctx, ref(world), id),
      approve(world, id),
    ])
    expect([withdrawn, decided.kind === 'approved'].filter(Boolean)).toHaveLength(1)
    if (!withdrawn) allocated += 5
    expect(await balance(world)).toMatchObject({ allocated })
  }
  await checkLedger(world)
})

test('a request is withdrawn once, by who sent it alone, and another one can follow', async () => {
  await using world = await oneMember(10)
  const id = await ask(world, 5)
  const owner = { teamId: world.teamId, userId: world.ownerId }
  expect(await withdrawRequest(world.ctx, owner, id)).toBe(false)
  const twice = [1, 2].map(() => withdrawRequest(world.ctx, ref(world), id))
  expect((await Promise.all(twice)).filter(Boolean)).toHaveLength(1)
  expect(await audits(world, 'budget.request-withdrawn')).toHaveLength(1)
  expect(await findLastRequest(world.ctx, ref(world))).toMatchObject({ state: 'withdrawn' })
  await ask(world, 6)
})

/** Somebody new joins by an invitation with this budget. Returns who, as a ref. */
async function join(world: TeamWorld, budget: number | null, userId?: string) {
  const { ctx, teamId, slug, ownerId } = world
  const invited = await invite(ctx, {
    teamId,
    slug,
    role: 'member',
    email: null,
    budget: budget === null ? null : usd(budget),
    actorUserId: ownerId,
  })
  if (invited.kind !== 'invited') throw new Error(invited.reason)
  const person = userId ?? (await world.people(1))[0]!.userId
  const shown = await findInvitation(ctx, invited.token, person)
  const racing = [1, 2, 3].map(() =>
    acceptInvitation(ctx, invited.token, { userId: person, banned: null }),
  )
  const outcomes = await Promise.all(racing)
  expect(outcomes.filter(({ kind }) => kind === 'joined')).toHaveLength(1)
  return { ref: { teamId, userId: person }, shown }
}

test('who joins begins with the budget of the invitation, else with that of newcomers', async () => {
  await using world = await oneMember(10)
  const { ctx, teamId, slug, ownerId } = world
  const read = async (at: { teamId: string; userId: string }) =>
    (await readBudgetView(ctx, at)).allocated.usd
  const none = await join(world, null)
  expect([none.shown?.budget, await read(none.ref)]).toEqual([null, 0])
  await setDefaultBudget(ctx, { teamId, slug, actorUserId: ownerId, budget: usd(25), was: null })
  expect(await read((await join(world, null)).ref)).toBe(25)
  const own = await join(world, 40)
  expect([own.shown?.budget?.usd, await read(own.ref)]).toEqual([40, 40])
  expect(await read((await join(world, 0)).ref)).toBe(0)
  expect(await read(none.ref), 'nobody who is here gets it').toBe(0)
  await checkLedger(world)
})

test('who comes back in the same month begins with the new budget, not the old one', async () => {
  await using world = await oneMember(100)
  await topUp(world, 50)
  await removeMember(world.ctx, ref(world), world.ownerId, 'a test')
  expect(await balance(world)).toMatchObject({ allocated: 0 })
  await join(world, 20, ref(world).userId)
  expect(await balance(world)).toMatchObject({ allocated: 20, free: 20 })
  await toDecember(world)
  expect(await balance(world)).toMatchObject({ allocated: 20 })
  await checkLedger(world)
})

test('a top-up counts this month alone, is replaced by another amount, and taken back by zero', async () => {
  await using world = await oneMember(100)
  expect(await topUp(world, 30)).toEqual({ kind: 'set' })
  expect(await balance(world)).toMatchObject({ allocated: 130 })
  expect(await topUp(world, 5), 'an amount that was not shown').toMatchObject({ reason: 'stale' })
  expect(await topUp(world, 10, 30)).toEqual({ kind: 'set' })
  expect(await balance(world)).toMatchObject({ allocated: 110 })
  await set(world, 50, 'now')
  expect(await balance(world), 'the budget changes beside it').toMatchObject({ allocated: 60 })
  expect(await topUp(world, 0, 10)).toEqual({ kind: 'set' })
  expect(await balance(world)).toMatchObject({ allocated: 50 })
  await topUp(world, 7)
  await toDecember(world)
  expect(await balance(world)).toMatchObject({ allocated: 50 })
  expect(await balance(world, '2026-11-01')).toMatchObject({ allocated: 57 })
  await checkLedger(world)
})

test(`${races} races of two owners with one top-up: one is told that it is stale; a form counts once`, async () => {
  await using world = await oneMember(100)
  for (let round = 0; round < races; round++) {
    const was = round
    const different = await Promise.all([topUp(world, was + 1, was), topUp(world, was + 1, was)])
    expect(different.map(({ kind }) => kind).sort()).toEqual(['refused', 'set'])
  }
  const formId = randomUUID()
  const same = [1, 2, 3].map(() => topUp(world, 500, races, formId))
  expect(await Promise.all(same)).toEqual([{ kind: 'set' }, { kind: 'set' }, { kind: 'set' }])
  expect(await balance(world)).toMatchObject({ allocated: 600 })
  await checkLedger(world)
})

test('a top-up of another month is refused', async () => {
  await using world = await oneMember(100)
  const change = { amount: usd(1), was: 0n, reason: 'late', month: '2026-10-01' }
  expect(await setTopUp(world.ctx, ref(world), change, world.ownerId)).toEqual({
    kind: 'refused',
    reason: 'month-changed',
  })
})

test('a planned budget stays when the present one changes', async () => {
  await using world = await oneMember(100)
  await set(world, 30, 'next-month')
  await set(world, 200, 'now')
  expect(await balance(world)).toMatchObject({ allocated: 200 })
  await toDecember(world)
  expect(await balance(world)).toMatchObject({ allocated: 30 })
})

test('a plan stays, whatever the present budget was on the way to its last amount', async () => {
  await using world = await oneMember(100)
  await set(world, 30, 'next-month')
  // The present one becomes what is planned, and then another one: the plan stands anyway.
  await set(world, 30, 'now')
  await set(world, 50, 'now')
  expect(await readBudgetView(world.ctx, ref(world))).toMatchObject({
    monthly: { usd: 50 },
    next: { usd: 30 },
  })
  await toDecember(world)
  expect(await balance(world)).toMatchObject({ allocated: 30 })
})

test('a plan stays through approvals, top-ups, a table and a suspension, and is gone with the member', async () => {
  await using world = await oneMember(100)
  const { ctx, teamId, ownerId } = world
  await set(world, 30, 'next-month')
  const asked = await ask(world, 5)
  expect(await listOpenRequests(ctx, teamId)).toMatchObject([{ planned: { usd: 30 } }])
  await approve(world, asked)
  await approve(world, await ask(world, 5), undefined, true)
  await topUp(world, 20, 5)
  const shown = await readBudgetView(ctx, ref(world))
  const table = {
    teamId,
    actorUserId: ownerId,
    effective: 'now' as const,
    rows: [
      { userId: ref(world).userId, budget: usd(70), was: budgetVersion(shown.monthly, shown.next) },
    ],
  }
  const change = { month: monthOf(ctx.now()), reason: 'test' }
  expect(await setTable(ctx, table, change)).toEqual({ kind: 'set', changed: 1 })
  await suspendMember(ctx, ref(world), ownerId, 'test')
  await resumeMember(ctx, ref(world), ownerId, 'test')
  expect(await balance(world)).toMatchObject({ allocated: 90 })
  await toDecember(world)
  expect(await balance(world)).toMatchObject({ allocated: 30 })
  await set(world, 60, 'next-month')
  await removeMember(ctx, ref(world), ownerId, 'test')
  await join(world, 10, ref(world).userId)
  await world.setClock(new Date('2027-01-01T00:00:01Z'))
  await rollMonths(ctx)
  expect(await balance(world)).toMatchObject({ allocated: 10 })
  await checkLedger(world)
})

test('a plan is changed by another one, posted twice it is one, and is taken back once', async () => {
  await using world = await oneMember(100)
  const plan = (budget: number, formId: string) =>
    setBudget(
      world.ctx,
      ref(world),
      { budget: usd(budget), effective: 'next-month', reason: 'test', formId },
      world.ownerId,
    )
  const count = async () => (await audits(world, 'budget.set')).length
  const before = await count()
  for (const [index, budget] of [30, 40, 100].entries()) {
    const formId = randomUUID()
    await Promise.all([plan(budget, formId), plan(budget, formId)])
    expect(await count()).toBe(before + index + 1)
    expect(await readBudgetView(world.ctx, ref(world))).toMatchObject({ next: { usd: budget } })
  }
  await set(world, 200, 'now')
  await toDecember(world)
  expect(await balance(world)).toMatchObject({ allocated: 200 })
})

test('a budget that somebody else has set since it was shown is not set over theirs; a form counts once', async () => {
  await using world = await oneMember(100)
  const shown = await readBudgetView(world.ctx, ref(world))
  const setShown = (budget: number, formId: string = randomUUID()) =>
    setBudget(
      world.ctx,
      ref(world),
      {
        budget: usd(budget),
        effective: 'now',
        reason: 'test',
        was: budgetVersion(shown.monthly, shown.next),
        formId,
      },
      world.ownerId,
    ).then(
      () => 'set',
      (error: unknown) => (error instanceof BudgetStale ? 'stale' : 'another error'),
    )
  expect((await Promise.all([setShown(50), setShown(60)])).sort()).toEqual(['set', 'stale'])
  const [{ allocated }, plan] = [await balance(world), 'next-month' as const]
  expect([50, 60]).toContain(allocated)
  await set(world, allocated, 'now')
  const present = await readBudgetView(world.ctx, ref(world))
  const formId = randomUUID()
  shown.monthly = present.monthly
  shown.next = present.next
  expect(await Promise.all([setShown(70, formId), setShown(70, formId)])).toEqual(['set', 'set'])
  await set(world, 5, plan)
  expect(await setShown(80), 'a plan that was not shown').toBe('stale')
  expect(await balance(world)).toMatchObject({ allocated: 70 })
})

test('a plan that was taken back does not undo a later change', async () => {
  await using world = await oneMember(100)
  await set(world, 30, 'next-month')
  await set(world, 100, 'next-month')
  await set(world, 200, 'now')
  await toDecember(world)
  expect(await balance(world)).toMatchObject({ allocated: 200 })
})

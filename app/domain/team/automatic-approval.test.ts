/** Budget requests that are approved at once: for one month, up to both sums, inside the ceiling. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { checkLedger } from '../../../tests/ledger-check'
import { balance, made, oneMember, ref, usd } from '../../../tests/ledger'
import { rounds } from '../../../tests/rounds'
import type { TeamWorld } from '../../../tests/team'
import { requestMore } from '../money/budget-requests.server'
import { rollMonths } from '../money/budgets.server'
import { NotAllowed } from '../money/member-lock.server'
import { monthOf } from '../money/month'
import { setTopUp } from '../money/top-ups.server'
import {
  readApprovalView,
  readApprovedAtOnce,
  setAutomaticApproval,
} from './automatic-approval.server'
import { setCeiling } from './team-ceiling.server'
import { findLastRequest, listOpenRequests } from './team-view.server'

type Amounts = [perRequest: number, perMonth: number] | null
const ruleOf = (amounts: Amounts) =>
  amounts && { perRequest: usd(amounts[0]), perMonth: usd(amounts[1]) }
const setting = (world: TeamWorld, rule: Amounts, was: Amounts = null, by?: string) =>
  setAutomaticApproval(world.ctx, {
    teamId: world.teamId,
    slug: world.slug,
    actorUserId: by ?? world.ownerId,
    rule: ruleOf(rule),
    was: ruleOf(was),
  })
const ask = (world: TeamWorld, more: number, formId: string = randomUUID()) =>
  requestMore(world.ctx, ref(world), { more: usd(more), reason: 'please', formId })
const withdrawAll = (world: TeamWorld) =>
  world.db.budgetRequest.updateMany({
    where: { state: 'open' },
    data: { state: 'withdrawn', decidedAt: world.ctx.now() },
  })
const audits = (world: TeamWorld, action: string) =>
  world.db.auditEvent.findMany({ where: { action, workshopSlug: world.scope } })

test('it is off until somebody turns it on, and then a small request is answered at once', async () => {
  await using world = await oneMember(10)
  expect(await readApprovedAtOnce(world.ctx, ref(world))).toBeNull()
  expect(await ask(world, 1)).toEqual({ kind: 'asked' })
  await withdrawAll(world)
  expect(await setting(world, [5, 12])).toBe('set')
  expect(await ask(world, 5.01), 'more than a request may be').toEqual({ kind: 'asked' })
  await withdrawAll(world)
  const formId = randomUUID()
  const posted = await Promise.all([1, 2, 3].map(() => ask(world, 5, formId)))
  expect(posted.map(({ kind }) => kind)).toEqual(['granted', 'granted', 'granted'])
  expect(await balance(world)).toMatchObject({ allocated: 15, free: 15 })
  expect(await listOpenRequests(world.ctx, world.teamId)).toEqual([])
  expect(await findLastRequest(world.ctx, ref(world))).toMatchObject({
    state: 'approved',
    automatic: true,
    grantedOnce: true,
    granted: { usd: 5 },
  })
  const [event, ...others] = await audits(world, 'budget.request-granted')
  expect(others).toEqual([])
  expect(event).toMatchObject({
    actor: 'worker',
    details: { decided: 'automatically', grantedUsd: '5.000000000', month: '2026-11-01' },
  })
  await checkLedger(world)
})

test('the sum of a member and month holds, also when the top-up was taken back, and begins afresh', async () => {
  await using world = await oneMember(10)
  await setting(world, [5, 12])
  for (const more of [5, 5]) expect(await ask(world, more)).toEqual({ kind: 'granted' })
  expect(await readApprovedAtOnce(world.ctx, ref(world))).toMatchObject({ usd: 2 })
  const takenBack = {
    amount: 0n,
    was: usd(10),
    reason: 'test',
    month: monthOf(world.ctx.now()),
  }
  expect(await setTopUp(world.ctx, ref(world), takenBack, world.ownerId)).toEqual({ kind: 'set' })
  expect(await ask(world, 3)).toEqual({ kind: 'asked' })
  await withdrawAll(world)
  expect(await ask(world, 2)).toEqual({ kind: 'granted' })
  expect(await readApprovedAtOnce(world.ctx, ref(world))).toBeNull()
  await world.setClock(new Date('2026-12-01T00:00:01Z'))
  await rollMonths(world.ctx)
  expect(await balance(world), 'gone with the month').toMatchObject({ allocated: 10 })
  expect(await ask(world, 5)).toEqual({ kind: 'granted' })
  await checkLedger(world)
})

const races = rounds(100)
test(`${races} races of two requests for the rest of the sum: one is approved at once`, async () => {
  await using world = await oneMember(10)
  let perMonth = 0
  for (let round = 0; round < races; round++) {
    const was: Amounts = perMonth === 0 ? null : [5, perMonth]
    perMonth += 5
    await setting(world, [5, perMonth], was)
    const outcomes = await Promise.all([ask(world, 5), ask(world, 5)])
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['asked', 'granted'])
    expect(await balance(world)).toMatchObject({ allocated: 10 + perMonth })
    await withdrawAll(world)
  }
  await checkLedger(world)
})

test('nothing is approved at once beyond what the ceiling leaves', async () => {
  await using world = await oneMember(10)
  await setting(world, [50, 100])
  await setCeiling(world.ctx, {
    teamId: world.teamId,
    slug: world.slug,
    actorUserId: world.ownerId,
    ceiling: usd(12),
    was: null,
  })
  await made(world, { cap: 5 })
  expect(await readApprovedAtOnce(world.ctx, ref(world))).toMatchObject({ usd: 7 })
  expect(await ask(world, 8)).toEqual({ kind: 'asked' })
  await withdrawAll(world)
  expect(await ask(world, 7)).toEqual({ kind: 'granted' })
})

test('owners and finance set it, what was shown is what is replaced, and one press is one change', async () => {
  await using world = await oneMember(10)
  await expect(setting(world, [5, 5], null, ref(world).userId)).rejects.toThrow(NotAllowed)
  const both = await Promise.all([setting(world, [5, 5]), setting(world, [6, 6])])
  expect(both.sort()).toEqual(['set', 'stale'])
  const now = (await readApprovalView(world.ctx, world.teamId))!.perRequest.usd
  const off = [1, 2].map(() => setting(world, null, [now, now]))
  expect(await Promise.all(off)).toEqual(['set', 'set'])
  expect(await ask(world, 1)).toEqual({ kind: 'asked' })
  expect(await audits(world, 'team.automatic-approval-set')).toHaveLength(2)
})

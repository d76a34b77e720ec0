/**
 * Budgets, requests, top-ups, ceilings and memberships that change in the same moment. Whatever comes
 * first, the books hold, and nobody ends with money or a right that one of the acts took away.
 */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { checkLedger } from '../../../tests/ledger-check'
import { rounds } from '../../../tests/rounds'
import { openRaces, together } from '../../../tests/team-races'
import { usd } from '../../../tests/world'
import { decideRequest, requestMore, withdrawRequest } from '../money/budget-requests.server'
import { setTable } from '../money/budget-table.server'
import { budgetVersion } from '../money/budgets.server'
import { readUnderCeiling } from '../money/ceiling.server'
import { nextMonth } from '../money/month'
import { moneyView } from '../money-view'
import { acceptInvitation, invite } from './invitations.server'
import { changeCap } from './sub-key.server'
import { setCeiling } from './team-ceiling.server'
import { removeMember, setRole } from './team.server'

const races = rounds(40)
const timeout = 900_000
const nano = (amount: { toNumber(): number }) => BigInt(Math.round(amount.toNumber() * 1e9))

test(
  `${races} races of an approval, a withdrawal and a plan: one decides, and the plan stays`,
  { timeout },
  async () => {
    const { world, ids, ref, by, budget, topUp, balance, month } = await openRaces()
    await using _ = world
    const { ctx } = world
    const [ann] = ids
    for (let round = 0; round < races; round++) {
      await budget(ann, 50)
      const requestId = randomUUID()
      await requestMore(ctx, ref(ann), { more: usd(5), reason: 'race', formId: requestId })
      const once = round % 2 === 0
      const decision = { ...by, requestId, decision: 'approved' as const, reason: '', once }
      const [approved, withdrawn] = await together(
        () => decideRequest(ctx, decision),
        () => withdrawRequest(ctx, ref(ann), requestId),
        () => budget(ann, 20 + round, 'next-month'),
      )
      const granted = (approved as { kind: string }).kind === 'approved'
      expect(withdrawn).toBe(!granted)
      expect((await balance(ann)).allocated).toBe(usd(granted ? 55 : 50))
      const plan = await world.db.budget.findFirst({
        where: { userId: ann, month: new Date(nextMonth(month)) },
      })
      expect(plan?.allocatedUsd.toNumber()).toBe(20 + round)
      await checkLedger(world)
      expect(await topUp(ann, 0n, usd(granted && once ? 5 : 0))).toEqual({ kind: 'set' })
    }
  },
)

test(
  `${races} races of a top-up, a table and an approval: each counts once or is refused`,
  { timeout },
  async () => {
    const { world, ids, ref, by, budget, topUp, balance, month } = await openRaces()
    await using _ = world
    const { ctx, db, teamId, ownerId } = world
    const [ann] = ids
    let more = 0n
    for (let round = 0; round < races; round++) {
      const monthly = usd(50 + round)
      await budget(ann, 50 + round)
      const requestId = randomUUID()
      await requestMore(ctx, ref(ann), { more: usd(5), reason: 'race', formId: requestId })
      const once = round % 2 === 0
      const was = budgetVersion(moneyView(monthly), moneyView(monthly))
      const rows = [{ userId: ann, budget: usd(90), was }]
      const before = more
      const [set, table, approved] = (await together(
        () => topUp(ann, usd(7), before),
        () =>
          setTable(
            ctx,
            { teamId, actorUserId: ownerId, effective: 'now', rows },
            { month, reason: 'race' },
          ),
        () => decideRequest(ctx, { ...by, requestId, decision: 'approved', reason: '', once }),
      )) as { kind: string }[]
      expect(approved!.kind).toBe('approved')
      const granted = usd(5)
      const row = await db.budgetTopUp.findFirst({ where: { userId: ann } })
      more = row ? nano(row.amountUsd) : 0n
      const base = set!.kind === 'set' ? usd(7) : before
      expect(more).toBe(base + (once ? granted : 0n))
      const present = nano(
        (await db.budget.findFirstOrThrow({ where: { userId: ann } })).allocatedUsd,
      )
      // A table that was shown another budget than the approved one is stale.
      const due = table!.kind === 'set' ? usd(90) : monthly
      expect(present).toBe(due + (once ? 0n : granted))
      expect((await balance(ann)).allocated).toBe(present + more)
      await checkLedger(world)
    }
  },
)

test(
  `${races} races of a lower ceiling with new keys, a raise and a hand-over: what comes after it fits`,
  { timeout },
  async () => {
    const stage = await openRaces()
    await using world = stage.world
    const { ctx, db, teamId } = world
    const [ann, ben] = stage.ids
    for (const userId of [ann, ben]) await stage.budget(userId, 10_000)
    const ceilingTo = (amount: bigint | null, was: bigint | null) =>
      setCeiling(ctx, { ...stage.by, ceiling: amount, was })
    const used = async () => {
      const all = await Promise.all([ann, ben].map(stage.balance))
      return all.reduce((sum, { committed, spent }) => sum + committed + spent, 0n)
    }
    for (let round = 0; round < races; round++) {
      const keyId = await stage.ready(ann)
      const high = (await used()) + usd(1_000)
      expect(await ceilingTo(high, null)).toBe('set')
      const low = (await used()) + usd(15)
      await together(
        () => ceilingTo(low, high),
        () => stage.provision(ann, 10),
        () => stage.provision(ben, 10),
        () => changeCap(ctx, stage.on(keyId), { cap: usd(20), reason: 'race' }),
        () => stage.hand(ann, ben, keyId),
      )
      // What was set aside before the ceiling stays; from now on nothing that does not fit is.
      const { left } = (await readUnderCeiling(db, teamId, stage.month))!
      const dollars = left < 0n ? 1 : Number(left / usd(1)) + 1
      expect(await stage.provision(ben, dollars)).toMatchObject({ reason: 'team-ceiling' })
      await checkLedger(world)
      expect(await ceilingTo(null, low)).toBe('set')
      await stage.endAll()
    }
    await world.letSettle()
    await checkLedger(world)
  },
)

test(
  `${races} races of a removal with an approval, a top-up and a key: nothing is left to spend`,
  { timeout },
  async () => {
    const stage = await openRaces(races + 1)
    await using world = stage.world
    const { ctx, db, ownerId } = world
    for (const userId of stage.ids.slice(0, races)) {
      await stage.budget(userId, 50)
      const requestId = randomUUID()
      const ask = { more: usd(5), reason: 'race', formId: requestId }
      await requestMore(ctx, stage.ref(userId), ask)
      await together(
        () => removeMember(ctx, stage.ref(userId), ownerId, 'race'),
        () => decideRequest(ctx, { ...stage.by, requestId, decision: 'approved', reason: '' }),
        () => stage.topUp(userId, usd(7), 0n),
        () => stage.provision(userId, 10),
      )
      expect(await stage.liveOf(userId)).toBe(0)
      expect((await stage.balance(userId)).free).toBe(0n)
      expect(await db.budget.count({ where: { userId } })).toBe(0)
      expect(await db.budgetTopUp.count({ where: { userId } })).toBe(0)
      await checkLedger(world)
    }
  },
)

test(
  `${races} races of one person with two invitations, and of a maker’s demotion: one membership`,
  { timeout },
  async () => {
    const stage = await openRaces()
    await using world = stage.world
    const { ctx, db, teamId, slug, ownerId } = world
    const [second] = stage.ids
    for (let round = 0; round < races; round++) {
      await setRole(ctx, stage.ref(second), 'owner', ownerId, 'race')
      const [person] = await world.people(1)
      const guest = { userId: person!.userId, banned: null }
      const made = [
        await invite(ctx, { teamId, slug, email: null, role: 'viewer', actorUserId: ownerId }),
        await invite(ctx, {
          teamId,
          slug,
          email: null,
          role: 'finance',
          budget: usd(40),
          actorUserId: second,
        }),
      ]
      const [first, other] = (await together(
        ...made.map(
          (one) => () => acceptInvitation(ctx, one.kind === 'invited' ? one.token : '', guest),
        ),
        () => setRole(ctx, stage.ref(second), 'member', ownerId, 'race'),
      )) as { kind: string }[]
      expect([first, other].filter((one) => one?.kind === 'joined')).toHaveLength(1)
      const [member] = await db.teamMember.findMany({ where: { userId: guest.userId } })
      expect(member?.role).toBe(first!.kind === 'joined' ? 'viewer' : 'finance')
      const { allocated } = await stage.balance(guest.userId)
      expect(allocated).toBe(usd(member?.role === 'viewer' ? 0 : 40))
      expect(await db.invitation.count({ where: { usedBy: guest.userId } })).toBe(1)
      await checkLedger(world, guest.userId)
    }
  },
)

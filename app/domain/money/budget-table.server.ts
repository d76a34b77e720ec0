/**
 * The budgets of many members, changed at once with one reason. Guarantee: all of them or none, in
 * one transaction, and only if every member stands as the owner was shown: in the team, in the same
 * month, with the same budget now and next month. Members are locked in the order of their ids.
 */
import type { Tx } from '~/adapters/db.server'
import type { NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import { moneyView, type MoneyView } from '../money-view'
import {
  effectOf,
  postedWith,
  readBudgetVersion,
  setBudgetIn,
  type BudgetPreview,
} from './budgets.server'
import {
  openMember,
  requireMoneyRole,
  requireOpenTeam,
  type OpenMember,
} from './member-lock.server'
import type { Month } from './month'
import { mayHoldKeys } from './roles'

/** As many as a form of ours can carry. */
export const maxRows = 300

export type BudgetTable = {
  teamId: string
  actorUserId: string
  effective: 'now' | 'next-month'
  /** `was`: see `budgetVersion`. */
  rows: { userId: string; budget: NanoUsd; was: string }[]
}
export type BudgetTableView = {
  /** The first month that the change counts in. */
  month: Month
  rows: {
    userId: string
    from: MoneyView
    to: MoneyView
    freeAfter: MoneyView
    /** This month's budget would be below what is spent and set aside. */
    short: boolean
  }[]
  from: MoneyView
  to: MoneyView
}
export type TableOutcome =
  | { kind: 'ready'; preview: BudgetTableView }
  | { kind: 'set'; changed: number }
  | { kind: 'refused'; reason: 'stale' | 'month-changed' }

class Refused extends Error {
  override name = 'Refused'
  constructor(readonly reason: 'stale' | 'month-changed') {
    super(reason)
  }
}

type Effect = { member: OpenMember; effect: BudgetPreview }

/** What the change would do, without doing it. */
export async function previewTable(ctx: Ctx, table: BudgetTable): Promise<TableOutcome> {
  return held(ctx, table, (_tx, effects) => {
    const rows = effects.map(({ member, effect }) => ({
      userId: member.userId,
      from: moneyView(effect.from),
      to: moneyView(effect.to),
      freeAfter: moneyView(effect.after.free),
      short: table.effective === 'now' && effect.after.free < 0n,
    }))
    const sum = (of: 'from' | 'to') =>
      moneyView(effects.reduce((all, { effect }) => all + effect[of], 0n))
    const month = effects[0]?.effect.month ?? ''
    return Promise.resolve({
      kind: 'ready',
      preview: { month, rows, from: sum('from'), to: sum('to') },
    })
  })
}

/** Sets them all. A refusal changes nothing; the same form, posted again, is the same change. */
export async function setTable(
  ctx: Ctx,
  table: BudgetTable,
  change: { month: Month; reason: string; formId?: string },
): Promise<TableOutcome> {
  return held(
    ctx,
    table,
    async (tx, effects) => {
      if (effects.some(({ effect }) => effect.month !== change.month))
        throw new Refused('month-changed')
      for (const { member, effect } of effects)
        await setBudgetIn(
          ctx,
          tx,
          member,
          {
            budget: effect.to,
            effective: table.effective,
            reason: change.reason,
            ...(change.formId === undefined ? {} : { formId: change.formId }),
          },
          table.actorUserId,
        )
      return { kind: 'set', changed: effects.length }
    },
    change.formId,
  )
}

/** Runs `act` with every member of the table locked and found as shown. */
async function held(
  ctx: Ctx,
  { teamId, actorUserId, effective, rows }: BudgetTable,
  act: (tx: Tx, effects: Effect[]) => Promise<TableOutcome>,
  formId?: string,
): Promise<TableOutcome> {
  const inOrder = [...rows].sort((a, b) => (a.userId < b.userId ? -1 : 1))
  try {
    return await ctx.db.$transaction(
      async (tx): Promise<TableOutcome> => {
        await requireMoneyRole(tx, teamId, actorUserId)
        await requireOpenTeam(tx, teamId)
        const effects: Effect[] = []
        let posted = 0
        for (const { userId, budget, was } of inOrder) {
          const member = await openMember(ctx, tx, { teamId, userId })
          if (!member || member.state === 'removed' || !mayHoldKeys(member.role))
            throw new Refused('stale')
          const effect = await effectOf(tx, member, { budget, effective })
          if (await postedWith(tx, member, formId)) posted++
          else if ((await readBudgetVersion(tx, member)) !== was) throw new Refused('stale')
          effects.push({ member, effect })
        }
        // A browser brought the form back: with other amounts it is a table of its own.
        if (posted > 0 && effects.some(({ effect }) => effect.from !== effect.to))
          throw new Refused('stale')
        return posted > 0 ? { kind: 'set', changed: rows.length } : act(tx, effects)
      },
      { timeout: 60_000 },
    )
  } catch (error) {
    // Thrown, so that nothing of the table stays.
    if (error instanceof Refused) return { kind: 'refused', reason: error.reason }
    throw error
  }
}

/** The team's ceiling for owners and for pages: setting it, and how the month stands under it. */
import { decimalStringFromNano, nanoFromDecimalString, type NanoUsd } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { moneyView, type MoneyView } from '../money-view'
import { lockCeiling, readUnderCeiling } from '../money/ceiling.server'
import { requireActiveOwner, requireOpenTeam, teamScope } from '../money/member-lock.server'
import { monthOf, type Month } from '../money/month'
import { lockTeam } from './team.server'

export type CeilingView = {
  month: Month
  ceiling: MoneyView
  spent: MoneyView
  /** Set aside for keys: it may still be spent. */
  committed: MoneyView
  /** What may still be set aside, never less than nothing. */
  left: MoneyView
  /** Spent and set aside beyond the ceiling; zero where it holds. */
  beyond: MoneyView
  /** All budgets of the month, top-ups included. */
  budgets: MoneyView
  /** The budgets add up to more than the ceiling. */
  overbooked: boolean
}

/** Null without a ceiling. */
export async function readCeilingView(ctx: Ctx, teamId: string): Promise<CeilingView | null> {
  const month = monthOf(ctx.now())
  const [under, [sum]] = await Promise.all([
    readUnderCeiling(ctx.db, teamId, month),
    ctx.db.$queryRaw<{ spent: string; allocated: string }[]>`
      select coalesce(sum(b.spent_usd), 0)::text as spent,
        coalesce(sum(b.allocated_usd), 0)::text as allocated
      from keymint.budget_months b where b.team_id = ${teamId}::uuid and b.month = ${month}::date`,
  ])
  if (!under) return null
  const { ceiling, left } = under
  const spent = nanoFromDecimalString(sum?.spent ?? '0')
  const budgets = nanoFromDecimalString(sum?.allocated ?? '0')
  return {
    month,
    ceiling: moneyView(ceiling),
    spent: moneyView(spent),
    committed: moneyView(ceiling - left - spent),
    left: moneyView(left > 0n ? left : 0n),
    beyond: moneyView(left < 0n ? -left : 0n),
    budgets: moneyView(budgets),
    overbooked: budgets > ceiling,
  }
}

/**
 * Sets the ceiling, for an active owner; null for none. Budgets and keys stay as they are: above it,
 * nothing new is set aside. `stale` when it is another one than `was`, which the owner was shown.
 */
export async function setCeiling(
  ctx: Ctx,
  input: {
    teamId: string
    slug: string
    actorUserId: string
    ceiling: NanoUsd | null
    was: NanoUsd | null
  },
): Promise<'set' | 'stale'> {
  const { teamId, slug, actorUserId } = input
  return ctx.db.$transaction(async (tx): Promise<'set' | 'stale'> => {
    await lockTeam(tx, teamId)
    await requireActiveOwner(tx, teamId, actorUserId)
    await requireOpenTeam(tx, teamId)
    await lockCeiling(tx, teamId)
    const [row] = await tx.$queryRaw<{ usd: string | null }[]>`
      select ceiling_usd::text as usd from keymint.teams where id = ${teamId}::uuid`
    const present = row?.usd == null ? null : nanoFromDecimalString(row.usd)
    // Posted twice, it is there already.
    if (present === input.ceiling) return 'set'
    if (present !== input.was) return 'stale'
    const text = (amount: NanoUsd | null) =>
      amount === null ? null : decimalStringFromNano(amount)
    await tx.$executeRaw`
      update keymint.teams set ceiling_usd = ${text(input.ceiling)}::numeric where id = ${teamId}::uuid`
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'team.ceiling-set',
      subject: `team:${slug}`,
      scope: teamScope(slug),
      details: {
        ...(present === null ? { from: 'none' } : { fromUsd: text(present) }),
        ...(input.ceiling === null ? { to: 'none' } : { toUsd: text(input.ceiling) }),
      },
    })
    return 'set'
  })
}

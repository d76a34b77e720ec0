/**
 * Budgets: what an owner lets a member use a month, in nano-USD. A change can be previewed, carries
 * a reason, and counts from this month or the next; one that is planned stays when the present one
 * changes. A top-up counts in one month alone, beside the budget. A budget below what is committed makes `free`
 * negative: nothing new is committed until keys end, caps are lowered or the budget is raised.
 */
import type { Tx } from '~/adapters/db.server'
import { decimalStringFromNano, nanoFromDecimalString, type NanoUsd } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { MoneyView } from '../money-view'
import type { Ctx } from '../ctx'
import { moneyView } from '../money-view'
import {
  openMember,
  requireMoneyRole,
  requireOpenTeam,
  teamScope,
  type OpenMember,
} from './member-lock.server'
import { nextMonth, type Month } from './month'
import { readBudget, readTopUp } from './open-month.server'
import { post, readBalance, type Balance, type MemberRef } from './postings.server'
import { mayHoldKeys } from './roles'

export type BudgetChange = {
  /** For one calendar month. */
  budget: NanoUsd
  effective: 'now' | 'next-month'
  /** What the owner wrote; may be empty. */
  reason: string
  /** The first month that the owner was shown. Another one by now is not what they agreed to. */
  month?: Month
  /** The budgets that the owner was shown: see `budgetVersion`. Others by now are not what they agreed to. */
  was?: string
  /** The form's own id: posted twice, it sets the budget once. */
  formId?: string
}

/** What an owner sees of a member's budget: this month's and next month's. Another one is stale. */
export const budgetVersion = (monthly: MoneyView, next: MoneyView) => `${monthly.usd}/${next.usd}`

/** The version now, under the member's lock. */
export async function readBudgetVersion(tx: Tx, member: OpenMember): Promise<string> {
  return budgetVersion(
    moneyView(await readBudget(tx, member, member.month)),
    moneyView(await readBudget(tx, member, nextMonth(member.month))),
  )
}

/** Thrown when a month has begun since the change was shown. Nothing is changed. */
export class MonthChanged extends Error {
  override name = 'MonthChanged'
}

/** Thrown when somebody has set the budget since it was shown. Nothing is changed. */
export class BudgetStale extends Error {
  override name = 'BudgetStale'
}

export type BudgetPreview = {
  /** The first month that the change counts in. */
  month: Month
  from: NanoUsd
  to: NanoUsd
  before: Balance
  after: Balance
}

/**
 * What the change would do, without doing it. A change for next month leaves both balances at those
 * of this month. Null when there is no such member, or they have left.
 */
export async function previewBudget(
  ctx: Ctx,
  ref: MemberRef,
  change: Pick<BudgetChange, 'budget' | 'effective'>,
): Promise<BudgetPreview | null> {
  return ctx.db.$transaction(async (tx) => {
    const member = await openMember(ctx, tx, ref)
    return member && member.state !== 'removed' ? effectOf(tx, member, change) : null
  })
}

export async function effectOf(
  tx: Tx,
  member: OpenMember,
  { budget, effective }: Pick<BudgetChange, 'budget' | 'effective'>,
): Promise<BudgetPreview> {
  const before = await readBalance(tx, member, member.month)
  const month = effective === 'now' ? member.month : nextMonth(member.month)
  const from = await readBudget(tx, member, month)
  const allocated = budget + (await readTopUp(tx, member, member.month))
  const after =
    effective === 'now'
      ? { ...before, allocated, free: before.free + allocated - before.allocated }
      : before
  return { month, from, to: budget, before, after }
}

export type BudgetPreviewView = {
  effective: 'now' | 'next-month'
  month: Month
  from: MoneyView
  to: MoneyView
  freeBefore: MoneyView
  freeAfter: MoneyView
  used: MoneyView
  short: boolean
  shortBy: MoneyView
}

/** The preview with amounts as text, for the member's page. Null as for previewBudget. */
export async function previewBudgetView(
  ctx: Ctx,
  ref: MemberRef,
  change: Pick<BudgetChange, 'budget' | 'effective'>,
): Promise<BudgetPreviewView | null> {
  const preview = await previewBudget(ctx, ref, change)
  if (!preview) return null
  const { before, after } = preview
  return {
    effective: change.effective,
    month: preview.month,
    from: moneyView(preview.from),
    to: moneyView(preview.to),
    freeBefore: moneyView(before.free),
    freeAfter: moneyView(after.free),
    used: moneyView(after.committed + after.spent),
    short: change.effective === 'now' && after.free < 0n,
    shortBy: moneyView(after.free < 0n ? -after.free : 0n),
  }
}

/**
 * Sets the budget and posts the difference when it counts from this month. Null when there is no
 * such member, or they have left; then nothing is changed. Throws MonthChanged and BudgetStale.
 */
export async function setBudget(
  ctx: Ctx,
  ref: MemberRef,
  change: BudgetChange,
  actorUserId: string,
): Promise<BudgetPreview | null> {
  return ctx.db.$transaction(async (tx) => {
    await requireMoneyRole(tx, ref.teamId, actorUserId)
    await requireOpenTeam(tx, ref.teamId)
    const member = await openMember(ctx, tx, ref)
    return member && setBudgetIn(ctx, tx, member, change, actorUserId)
  })
}

/**
 * The same in the caller's transaction, which holds the team's row, has asked for the right and has
 * opened the member. Their month stays the one that counts, although another begins meanwhile: what
 * the caller read and was shown is of that month.
 */
export async function setBudgetIn(
  ctx: Ctx,
  tx: Tx,
  member: OpenMember,
  change: BudgetChange,
  actorUserId: string,
): Promise<BudgetPreview | null> {
  if (member.state === 'removed' || !mayHoldKeys(member.role)) return null
  const ref = { teamId: member.teamId, userId: member.userId }
  const effect = await effectOf(tx, member, change)
  const posted = await postedWith(tx, ref, change.formId)
  if (posted?.month === effect.month && posted.budget === change.budget) return effect
  // A browser brought the form back: what it shows is from before its own change.
  if (posted) throw new BudgetStale()
  if (change.month !== undefined && change.month !== effect.month) throw new MonthChanged()
  if (change.was !== undefined && change.was !== (await readBudgetVersion(tx, member)))
    throw new BudgetStale()
  const actor = `user:${actorUserId}` as const
  // The same amount as is planned, or as this month has, plans nothing: posted twice, it is done.
  if (change.effective === 'next-month' && effect.from === effect.to) return effect
  await tx.$executeRaw`
    insert into keymint.budgets (team_id, user_id, month, allocated_usd, reason, set_by, set_at, form_id)
    values (${ref.teamId}::uuid, ${ref.userId}, ${effect.month}::date,
      ${decimalStringFromNano(change.budget)}::numeric, ${change.reason}, ${actorUserId},
      ${ctx.now()}::timestamptz, ${change.formId ?? null}::uuid)
    on conflict (team_id, user_id, month) do update
      set allocated_usd = excluded.allocated_usd, reason = excluded.reason, set_by = excluded.set_by,
      set_at = excluded.set_at, form_id = coalesce(excluded.form_id, budgets.form_id)`
  // What is planned for later stays when this month changes. A plan with the amount of this month is
  // the plan taken back: as a row it would undo a later change at the month's end.
  if (
    change.effective === 'next-month' &&
    change.budget === (await readBudget(tx, member, member.month))
  )
    await tx.$executeRaw`
      delete from keymint.budgets where team_id = ${ref.teamId}::uuid and user_id = ${ref.userId}
        and month = ${effect.month}::date`
  await recordAudit(tx, {
    actor,
    action: 'budget.set',
    subject: `user:${ref.userId}`,
    scope: teamScope(member.slug),
    details: {
      fromUsd: decimalStringFromNano(effect.from),
      toUsd: decimalStringFromNano(effect.to),
      month: effect.month,
      effective: change.effective,
      reason: change.reason,
    },
  })
  if (change.effective === 'now') {
    const difference = effect.after.allocated - effect.before.allocated
    const [kind, amount] =
      difference >= 0n
        ? (['allocate', difference] as const)
        : (['deallocate', -difference] as const)
    await post(tx, member, ctx.now(), actor, [
      { kind, month: member.month, amount, reason: change.reason },
    ])
  }
  return effect
}

/** The budget that this form has set, as it is now. Asked under the member's lock; null when it set none. */
export async function postedWith(
  tx: Tx,
  ref: MemberRef,
  formId: string | undefined,
): Promise<{ month: Month; budget: NanoUsd } | null> {
  if (formId === undefined) return null
  const [row] = await tx.$queryRaw<{ month: Month; usd: string }[]>`
    select month::text as month, allocated_usd::text as usd from keymint.budgets
    where team_id = ${ref.teamId}::uuid and user_id = ${ref.userId} and form_id = ${formId}::uuid
    order by budgets.month desc limit 1`
  return row ? { month: row.month, budget: nanoFromDecimalString(row.usd) } : null
}

/**
 * Opens the present month of every member who has not got it open, of one team or of all, and
 * returns how many. May run late, twice at once, or be interrupted.
 */
export async function rollMonths(
  ctx: Ctx,
  teamId: string | null = null,
): Promise<{ opened: number }> {
  const behind = await ctx.db.$queryRaw<MemberRef[]>`
    select m.team_id as "teamId", m.user_id as "userId" from keymint.team_members m
    join keymint.teams t on t.id = m.team_id and t.closed_at is null
    where m.state <> 'removed' and (${teamId}::uuid is null or m.team_id = ${teamId}::uuid)
      and not exists (select 1 from keymint.budget_months b where b.team_id = m.team_id
        and b.user_id = m.user_id
        and b.month >= date_trunc('month', keymint.now() at time zone 'UTC')::date)
    order by m.team_id, m.user_id`
  for (const ref of behind) await ctx.db.$transaction((tx) => openMember(ctx, tx, ref))
  return { opened: behind.length }
}

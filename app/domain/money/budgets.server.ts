/**
 * Budgets: what an owner lets a member use a month, in nano-USD. A change can be previewed, carries
 * a reason, and counts from this month or the next. A budget below what is committed makes `free`
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
  requireNotBanned,
  requireOpenTeam,
  teamScope,
  type OpenMember,
} from './member-lock.server'
import { monthOf, nextMonth, type Month } from './month'
import { readBudget } from './open-month.server'
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
  /** The form's own id: posted twice, it sets the budget once. */
  formId?: string
  /** More for a request, in this month alone where a later budget is planned. */
  onRequest?: boolean
}
/** Thrown when a month has begun since the change was shown. Nothing is changed. */
export class MonthChanged extends Error {
  override name = 'MonthChanged'
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

async function effectOf(
  tx: Tx,
  member: OpenMember,
  { budget, effective }: Pick<BudgetChange, 'budget' | 'effective'>,
): Promise<BudgetPreview> {
  const before = await readBalance(tx, member, member.month)
  const month = effective === 'now' ? member.month : nextMonth(member.month)
  const from = await readBudget(tx, member, month)
  const after =
    effective === 'now'
      ? { ...before, allocated: budget, free: before.free + budget - before.allocated }
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
 * such member, or they have left; then nothing is changed. Throws MonthChanged.
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
    return setBudgetIn(ctx, tx, ref, change, actorUserId)
  })
}

async function setBudgetIn(
  ctx: Ctx,
  tx: Tx,
  ref: MemberRef,
  change: BudgetChange,
  actorUserId: string,
): Promise<BudgetPreview | null> {
  const member = await openMember(ctx, tx, ref)
  if (!member || member.state === 'removed' || !mayHoldKeys(member.role)) return null
  const effect = await effectOf(tx, member, change)
  if (change.formId !== undefined && (await wasPosted(tx, ref, change.formId))) return effect
  if (change.month !== undefined && change.month !== effect.month) throw new MonthChanged()
  const actor = `user:${actorUserId}` as const
  await tx.$executeRaw`
    insert into keymint.budgets (team_id, user_id, month, allocated_usd, reason, set_by, set_at, form_id)
    values (${ref.teamId}::uuid, ${ref.userId}, ${effect.month}::date,
      ${decimalStringFromNano(change.budget)}::numeric, ${change.reason}, ${actorUserId},
      ${ctx.now()}::timestamptz, ${change.formId ?? null}::uuid)
    on conflict (team_id, user_id, month) do update
      set allocated_usd = excluded.allocated_usd, reason = excluded.reason, set_by = excluded.set_by,
      set_at = excluded.set_at, form_id = coalesce(excluded.form_id, budgets.form_id)`
  // A budget set for a later month would replace this one. More for a request is no such budget: what
  // the owner has planned for later stays.
  if (change.effective === 'now' && !change.onRequest)
    await tx.$executeRaw`
      delete from keymint.budgets where team_id = ${ref.teamId}::uuid and user_id = ${ref.userId}
        and month > ${effect.month}::date`
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

/** Whether this form has set a budget of the member already. Asked under the member's lock. */
async function wasPosted(tx: Tx, ref: MemberRef, formId: string): Promise<boolean> {
  const rows = await tx.$queryRaw<object[]>`
    select 1 from keymint.budgets where team_id = ${ref.teamId}::uuid and user_id = ${ref.userId}
      and form_id = ${formId}::uuid`
  return rows.length > 0
}

export type RequestOutcome =
  { kind: 'asked' } | { kind: 'refused'; reason: 'already-asked' | 'not-active' }

/**
 * Records that a member requests `more` nano-USD a month. A second request is refused while one is
 * open; the same form, posted again, is the same request.
 */
export async function requestMore(
  ctx: Ctx,
  ref: MemberRef,
  ask: { more: NanoUsd; reason: string; formId?: string },
): Promise<RequestOutcome> {
  return ctx.db.$transaction(async (tx): Promise<RequestOutcome> => {
    await requireNotBanned(tx, ref.userId)
    const member = await openMember(ctx, tx, ref)
    if (member?.state !== 'active' || !mayHoldKeys(member.role))
      return { kind: 'refused', reason: 'not-active' }
    await requireOpenTeam(tx, ref.teamId)
    const written = await tx.$executeRaw`
      insert into keymint.budget_requests (id, team_id, user_id, more_usd, reason, created_at)
      values (coalesce(${ask.formId ?? null}::uuid, gen_random_uuid()), ${ref.teamId}::uuid,
        ${ref.userId}, ${decimalStringFromNano(ask.more)}::numeric, ${ask.reason},
        ${ctx.now()}::timestamptz) on conflict do nothing`
    if (written !== 1) {
      const same = await tx.$queryRaw<object[]>`
        select 1 from keymint.budget_requests where id = ${ask.formId ?? null}::uuid
          and team_id = ${ref.teamId}::uuid and user_id = ${ref.userId}`
      return same.length > 0 ? { kind: 'asked' } : { kind: 'refused', reason: 'already-asked' }
    }
    await recordAudit(tx, {
      actor: `user:${ref.userId}`,
      action: 'budget.asked',
      subject: `user:${ref.userId}`,
      scope: teamScope(member.slug),
      details: { moreUsd: decimalStringFromNano(ask.more), reason: ask.reason },
    })
    return { kind: 'asked' }
  })
}

export type DecisionOutcome =
  | { kind: 'approved'; effect: BudgetPreview }
  | { kind: 'refused' }
  | { kind: 'withdrawn' }
  | { kind: 'not-open' }

/**
 * Decides an open request once. Approving raises the budget by the requested amount from this month
 * on. `not-open` when it was decided before, or is not the team's; then nothing is changed.
 */
export async function decideRequest(
  ctx: Ctx,
  input: {
    teamId: string
    requestId: string
    actorUserId: string
    decision: 'approved' | 'refused'
    reason: string
  },
): Promise<DecisionOutcome> {
  return ctx.db.$transaction(async (tx): Promise<DecisionOutcome> => {
    await requireMoneyRole(tx, input.teamId, input.actorUserId)
    await requireOpenTeam(tx, input.teamId)
    const [asked] = await tx.$queryRaw<{ userId: string }[]>`
      select user_id as "userId" from keymint.budget_requests where id = ${input.requestId}::uuid
        and team_id = ${input.teamId}::uuid`
    const member = asked
      ? await openMember(ctx, tx, { teamId: input.teamId, userId: asked.userId })
      : null
    if (!asked || !member || member.state === 'removed') return { kind: 'not-open' }
    const [decided] = await tx.$queryRaw<{ more: string }[]>`
      update keymint.budget_requests
        set state = ${input.decision}, decided_at = ${ctx.now()}::timestamptz,
        decided_by = ${input.actorUserId}, decision_reason = ${input.reason}
      where id = ${input.requestId}::uuid and state = 'open' returning more_usd::text as more`
    if (!decided) return { kind: 'not-open' }
    await recordAudit(tx, {
      actor: `user:${input.actorUserId}`,
      action: `budget.request-${input.decision}`,
      subject: `user:${asked.userId}`,
      scope: teamScope(member.slug),
      details: { moreUsd: decided.more, reason: input.reason },
    })
    if (input.decision === 'refused') return { kind: 'refused' }
    const present = await readBudget(tx, member, member.month)
    const effect = await setBudgetIn(
      ctx,
      tx,
      member,
      {
        budget: present + nanoFromDecimalString(decided.more),
        effective: 'now',
        reason: input.reason,
        onRequest: true,
      },
      input.actorUserId,
    )
    return effect ? { kind: 'approved', effect } : { kind: 'not-open' }
  })
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
        and b.user_id = m.user_id and b.month >= ${monthOf(ctx.now())}::date)
    order by m.team_id, m.user_id`
  for (const ref of behind) await ctx.db.$transaction((tx) => openMember(ctx, tx, ref))
  return { opened: behind.length }
}

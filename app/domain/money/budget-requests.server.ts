/**
 * Budget requests: a member asks, an owner or finance decides, with the amount that was asked or
 * another one. Small ones are approved at once where the team says so.
 * Guarantee: a request is decided or withdrawn once, because both update the open row under the
 * member's lock; and what is granted is booked in the same transaction.
 */
import type { Tx } from '~/adapters/db.server'
import { decimalStringFromNano, nanoFromDecimalString, type NanoUsd } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import {
  automaticUpTo,
  readAutomaticApproval,
  type AutomaticApproval,
} from './automatic-approval.server'
import { setBudgetIn } from './budgets.server'
import { lockCeiling } from './ceiling.server'
import {
  openMember,
  requireMoneyRole,
  requireNotBanned,
  requireOpenTeam,
  teamScope,
  type OpenMember,
} from './member-lock.server'
import type { Month } from './month'
import { readBudget } from './open-month.server'
import type { MemberRef } from './postings.server'
import { mayHoldKeys } from './roles'
import { addTopUpIn } from './top-ups.server'

export type RequestOutcome =
  | { kind: 'asked' }
  /** Approved automatically, for this month alone. */
  | { kind: 'granted' }
  | { kind: 'refused'; reason: 'already-asked' | 'not-active' }

/**
 * Records that a member requests `more` nano-USD a month, and approves it at once where the team's
 * rule covers it. A second request is refused while one is open; the same form, posted again, is the
 * same request.
 */
export async function requestMore(
  ctx: Ctx,
  ref: MemberRef,
  ask: { more: NanoUsd; reason: string; formId?: string },
): Promise<RequestOutcome> {
  return ctx.db.$transaction(async (tx): Promise<RequestOutcome> => {
    await requireNotBanned(tx, ref.userId)
    // Before the member, as every lock of the team: nothing is approved once it is turned off.
    const rule = await readAutomaticApproval(tx, ref.teamId, { keep: true })
    const member = await openMember(ctx, tx, ref)
    if (member?.state !== 'active' || !mayHoldKeys(member.role))
      return { kind: 'refused', reason: 'not-active' }
    await requireOpenTeam(tx, ref.teamId)
    const more = decimalStringFromNano(ask.more)
    const [posted] = await tx.$queryRaw<{ same: boolean; granted: boolean }[]>`
      select (team_id = ${ref.teamId}::uuid and user_id = ${ref.userId} and more_usd = ${more}::numeric
          and reason = ${ask.reason} and state <> 'withdrawn') as same, auto_month is not null as granted
      from keymint.budget_requests where id = ${ask.formId ?? null}::uuid`
    if (posted?.same) return { kind: posted.granted ? 'granted' : 'asked' }
    // Another wish of a form that a browser brought back is a request of its own.
    const id = posted ? null : (ask.formId ?? null)
    const written = await tx.$executeRaw`
      insert into keymint.budget_requests (id, team_id, user_id, more_usd, reason, created_at)
      values (coalesce(${id}::uuid, gen_random_uuid()), ${ref.teamId}::uuid, ${ref.userId}, ${more}::numeric,
        ${ask.reason}, ${ctx.now()}::timestamptz) on conflict do nothing`
    if (written !== 1) return { kind: 'refused', reason: 'already-asked' }
    await recordAudit(tx, {
      actor: `user:${ref.userId}`,
      action: 'budget.asked',
      subject: `user:${ref.userId}`,
      scope: teamScope(member.slug),
      details: { moreUsd: more, reason: ask.reason },
    })
    return rule && (await grantAtOnce(ctx, tx, member, ask, rule))
      ? { kind: 'granted' }
      : { kind: 'asked' }
  })
}

/** Approves the member's open request where the rule and the ceiling allow it. False: a person decides. */
async function grantAtOnce(
  ctx: Ctx,
  tx: Tx,
  member: OpenMember,
  ask: { more: NanoUsd; reason: string },
  rule: AutomaticApproval,
): Promise<boolean> {
  await lockCeiling(tx, member.teamId)
  if (ask.more > (await automaticUpTo(tx, member, member.month, rule))) return false
  const more = decimalStringFromNano(ask.more)
  await tx.$executeRaw`
    update keymint.budget_requests set state = 'approved', decided_at = ${ctx.now()}::timestamptz,
      decided_by = 'worker', granted_usd = more_usd, granted_once = true, auto_month = ${member.month}::date
    where team_id = ${member.teamId}::uuid and user_id = ${member.userId} and state = 'open'`
  await recordAudit(tx, {
    actor: 'worker',
    action: 'budget.request-granted',
    subject: `user:${member.userId}`,
    scope: teamScope(member.slug),
    details: {
      grantedUsd: more,
      month: member.month,
      requestUsd: decimalStringFromNano(rule.perRequest),
      monthUsd: decimalStringFromNano(rule.perMonth),
      decided: 'automatically',
    },
  })
  const reason = `approved automatically: ${ask.reason}`
  await addTopUpIn(ctx, tx, member, { amount: ask.more, reason }, 'worker')
  return true
}

/** Withdraws the member's own open request. False when there is none: decided before, or withdrawn. */
export async function withdrawRequest(
  ctx: Ctx,
  ref: MemberRef,
  requestId: string,
): Promise<boolean> {
  return ctx.db.$transaction(async (tx) => {
    const member = await openMember(ctx, tx, ref)
    if (!member || member.state === 'removed') return false
    const [withdrawn] = await tx.$queryRaw<{ more: string }[]>`
      update keymint.budget_requests
        set state = 'withdrawn', decided_at = ${ctx.now()}::timestamptz, decided_by = ${ref.userId}
      where id = ${requestId}::uuid and team_id = ${ref.teamId}::uuid and user_id = ${ref.userId}
        and state = 'open' returning more_usd::text as more`
    if (!withdrawn) return false
    await recordAudit(tx, {
      actor: `user:${ref.userId}`,
      action: 'budget.request-withdrawn',
      subject: `user:${ref.userId}`,
      scope: teamScope(member.slug),
      details: { moreUsd: withdrawn.more },
    })
    return true
  })
}

/** The member has seen what was decided. */
export async function markDecisionsSeen(ctx: Ctx, { teamId, userId }: MemberRef): Promise<void> {
  await ctx.db.$executeRaw`
    update keymint.budget_requests set seen_at = keymint.now()
    where team_id = ${teamId}::uuid and user_id = ${userId} and state in ('approved', 'refused')
      and seen_at is null`
}

export type DecisionOutcome =
  | { kind: 'approved' }
  | { kind: 'refused' }
  | { kind: 'not-open' }
  /** A month has begun since the request was shown: what is approved would count in another one. */
  | { kind: 'month-changed' }

/**
 * Decides an open request once. Approving raises the budget by the granted amount, which is the
 * requested one unless whoever decides says otherwise: from this month on, or in this
 * month alone. `not-open` when it was decided before, or is not the team's; then nothing is changed.
 */
export async function decideRequest(
  ctx: Ctx,
  input: {
    teamId: string
    requestId: string
    actorUserId: string
    decision: 'approved' | 'refused'
    reason: string
    /** What is granted; absent: what was requested. */
    amount?: NanoUsd
    /** In this month alone. */
    once?: boolean
    /** The month that the person was shown. */
    month?: Month
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
    if (!asked || !member || member.state === 'removed' || !mayHoldKeys(member.role))
      return { kind: 'not-open' }
    const approved = input.decision === 'approved'
    if (approved && input.month !== undefined && input.month !== member.month)
      return { kind: 'month-changed' }
    const granted = input.amount === undefined ? null : decimalStringFromNano(input.amount)
    const once = approved && input.once === true
    const [decided] = await tx.$queryRaw<{ more: string; granted: string }[]>`
      update keymint.budget_requests
        set state = ${input.decision}, decided_at = ${ctx.now()}::timestamptz,
        decided_by = ${input.actorUserId}, decision_reason = ${input.reason},
        granted_once = ${once}::boolean,
        granted_usd = case when ${approved}::boolean then coalesce(${granted}::numeric, more_usd) end
      where id = ${input.requestId}::uuid and state = 'open'
      returning more_usd::text as more, coalesce(granted_usd, 0)::text as granted`
    if (!decided) return { kind: 'not-open' }
    await recordAudit(tx, {
      actor: `user:${input.actorUserId}`,
      action: `budget.request-${input.decision}`,
      subject: `user:${asked.userId}`,
      scope: teamScope(member.slug),
      details: {
        moreUsd: decided.more,
        ...(approved ? { grantedUsd: decided.granted, ...(once ? { once: 'yes' } : {}) } : {}),
        reason: input.reason,
      },
    })
    if (!approved) return { kind: 'refused' }
    const amount = nanoFromDecimalString(decided.granted)
    if (once) {
      const more = { amount, reason: input.reason }
      await addTopUpIn(ctx, tx, member, more, `user:${input.actorUserId}`)
      return { kind: 'approved' }
    }
    const present = await readBudget(tx, member, member.month)
    await setBudgetIn(
      ctx,
      tx,
      member,
      { budget: present + amount, effective: 'now', reason: input.reason },
      input.actorUserId,
    )
    return { kind: 'approved' }
  })
}

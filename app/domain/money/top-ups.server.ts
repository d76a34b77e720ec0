/**
 * Top-ups: what a member may use in the present month alone, beside the budget. One amount a month;
 * setting another one replaces it, and zero takes it back. It is gone with the month, because the
 * next one begins with the budget.
 */
import type { Tx } from '~/adapters/db.server'
import { decimalStringFromNano, nanoFromDecimalString, type NanoUsd } from '~/money'
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { openMember, requireMoneyRole, requireOpenTeam, teamScope } from './member-lock.server'
import type { OpenMember } from './member-lock.server'
import type { Month } from './month'
import { readTopUp } from './open-month.server'
import { post, type MemberRef } from './postings.server'
import { mayHoldKeys } from './roles'

export type TopUpChange = {
  amount: NanoUsd
  reason: string
  /** The month that the person was shown. */
  month: Month
  /** The amount that the person was shown, which this one replaces. */
  was: NanoUsd
  /** The form's own id: posted twice, it is set once. */
  formId?: string
}
export type TopUpOutcome =
  | { kind: 'set' }
  | { kind: 'refused'; reason: 'no-such-member' | 'no-budget' | 'month-changed' | 'stale' }

/** Sets the top-up of the present month. A refusal changes nothing. */
export async function setTopUp(
  ctx: Ctx,
  ref: MemberRef,
  change: TopUpChange,
  actorUserId: string,
): Promise<TopUpOutcome> {
  return ctx.db.$transaction(async (tx): Promise<TopUpOutcome> => {
    await requireMoneyRole(tx, ref.teamId, actorUserId)
    await requireOpenTeam(tx, ref.teamId)
    const member = await openMember(ctx, tx, ref)
    if (!member || member.state === 'removed') return { kind: 'refused', reason: 'no-such-member' }
    if (!mayHoldKeys(member.role)) return { kind: 'refused', reason: 'no-budget' }
    const posted = await postedWith(tx, member, change.formId)
    if (posted?.month === change.month && posted.amount === change.amount) return { kind: 'set' }
    if (change.month !== member.month) return { kind: 'refused', reason: 'month-changed' }
    const present = await readTopUp(tx, member, member.month)
    if (present !== change.was) return { kind: 'refused', reason: 'stale' }
    await setTopUpIn(ctx, tx, member, present, change, `user:${actorUserId}`)
    return { kind: 'set' }
  })
}

/** Adds to the top-up of the present month, in the transaction that holds the member. */
export async function addTopUpIn(
  ctx: Ctx,
  tx: Tx,
  member: OpenMember,
  more: { amount: NanoUsd; reason: string },
  actor: AuditActor,
): Promise<void> {
  const present = await readTopUp(tx, member, member.month)
  const change = { amount: present + more.amount, reason: more.reason }
  await setTopUpIn(ctx, tx, member, present, change, actor)
}

async function setTopUpIn(
  ctx: Ctx,
  tx: Tx,
  member: OpenMember,
  present: NanoUsd,
  { amount, reason, formId }: Pick<TopUpChange, 'amount' | 'reason' | 'formId'>,
  actor: AuditActor,
): Promise<void> {
  await tx.$executeRaw`
    insert into keymint.budget_top_ups (team_id, user_id, month, amount_usd, reason, set_by, set_at, form_id)
    values (${member.teamId}::uuid, ${member.userId}, ${member.month}::date,
      ${decimalStringFromNano(amount)}::numeric, ${reason},
      ${actor.replace(/^user:/, '')}, ${ctx.now()}::timestamptz,
      ${formId ?? null}::uuid)
    on conflict (team_id, user_id, month) do update
      set amount_usd = excluded.amount_usd, reason = excluded.reason, set_by = excluded.set_by,
      set_at = excluded.set_at, form_id = coalesce(excluded.form_id, budget_top_ups.form_id)`
  await recordAudit(tx, {
    actor,
    action: 'budget.topped-up',
    subject: `user:${member.userId}`,
    scope: teamScope(member.slug),
    details: {
      fromUsd: decimalStringFromNano(present),
      toUsd: decimalStringFromNano(amount),
      month: member.month,
      reason,
    },
  })
  const posting = { month: member.month, reason: `this month alone: ${reason}` }
  await post(tx, member, ctx.now(), actor, [
    amount >= present
      ? { ...posting, kind: 'allocate', amount: amount - present }
      : { ...posting, kind: 'deallocate', amount: present - amount },
  ])
}

/** The top-up that this form has set, as it is now. Asked under the member's lock; null when it set none. */
async function postedWith(
  tx: Tx,
  ref: MemberRef,
  formId: string | undefined,
): Promise<{ month: Month; amount: NanoUsd } | null> {
  if (formId === undefined) return null
  const [row] = await tx.$queryRaw<{ month: Month; usd: string }[]>`
    select month::text as month, amount_usd::text as usd from keymint.budget_top_ups
    where team_id = ${ref.teamId}::uuid and user_id = ${ref.userId} and form_id = ${formId}::uuid
    order by budget_top_ups.month desc limit 1`
  return row ? { month: row.month, amount: nanoFromDecimalString(row.usd) } : null
}

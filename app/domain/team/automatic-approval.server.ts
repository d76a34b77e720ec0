/** The team's rule for budget requests that need no person: setting it, and what pages say of it. */
import { decimalStringFromNano, type NanoUsd } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { moneyView, type MoneyView } from '../money-view'
import {
  automaticUpTo,
  readAutomaticApproval,
  type AutomaticApproval,
} from '../money/automatic-approval.server'
import { requireMoneyRole, requireOpenTeam, teamScope } from '../money/member-lock.server'
import { monthOf } from '../money/month'
import type { MemberRef } from '../money/postings.server'
import { lockTeam } from './team.server'

export type ApprovalView = { perRequest: MoneyView; perMonth: MoneyView }

/** Null while it is off. */
export async function readApprovalView(
  ctx: Pick<Ctx, 'db'>,
  teamId: string,
): Promise<ApprovalView | null> {
  const rule = await readAutomaticApproval(ctx.db, teamId)
  return rule && { perRequest: moneyView(rule.perRequest), perMonth: moneyView(rule.perMonth) }
}

/** The largest request of the member that is approved at once; null for none. */
export async function readApprovedAtOnce(ctx: Ctx, ref: MemberRef): Promise<MoneyView | null> {
  const rule = await readAutomaticApproval(ctx.db, ref.teamId)
  const most = rule ? await automaticUpTo(ctx.db, ref, monthOf(ctx.now()), rule) : 0n
  return most > 0n ? moneyView(most) : null
}

/**
 * Sets the rule, for an active owner or finance; null turns it off. `stale` when it is another one
 * than `was`, which the person was shown.
 */
export async function setAutomaticApproval(
  ctx: Ctx,
  input: {
    teamId: string
    slug: string
    actorUserId: string
    rule: AutomaticApproval | null
    was: AutomaticApproval | null
  },
): Promise<'set' | 'stale'> {
  const { teamId, slug, actorUserId, rule } = input
  return ctx.db.$transaction(async (tx): Promise<'set' | 'stale'> => {
    await lockTeam(tx, teamId)
    await requireMoneyRole(tx, teamId, actorUserId)
    await requireOpenTeam(tx, teamId)
    const present = await readAutomaticApproval(tx, teamId)
    // Posted twice, it is there already.
    if (isSame(present, rule)) return 'set'
    if (!isSame(present, input.was)) return 'stale'
    const text = (amount: NanoUsd | undefined) =>
      amount === undefined ? null : decimalStringFromNano(amount)
    await tx.$executeRaw`
      update keymint.teams set auto_request_usd = ${text(rule?.perRequest)}::numeric,
        auto_month_usd = ${text(rule?.perMonth)}::numeric where id = ${teamId}::uuid`
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'team.automatic-approval-set',
      subject: `team:${slug}`,
      scope: teamScope(slug),
      details: rule
        ? { requestUsd: text(rule.perRequest), monthUsd: text(rule.perMonth) }
        : { approval: 'off' },
    })
    return 'set'
  })
}

const isSame = (one: AutomaticApproval | null, other: AutomaticApproval | null) =>
  one?.perRequest === other?.perRequest && one?.perMonth === other?.perMonth

/**
 * Corrections: an owner or finance says that a provider counted wrongly, in one month of one key.
 * What a correction moves is the ledger alone, between spent and free, and never below nothing: caps
 * and windows go on by what the provider counts. Guarantee: a form is one posting, and one that was
 * shown another state of the key's corrections is none.
 */
import { decimalStringFromNano, nanoFromDecimalString, type NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import { moneyView, type MoneyView } from '../money-view'
import { requireMoneyRole, requireOpenTeam } from '../money/member-lock.server'
import type { Month } from '../money/month'
import { post } from '../money/postings.server'
import { mayHoldKeys } from '../money/roles'
import { audit, returnFree } from './end-key.server'
import { openSubKey } from './key-row.server'

export type CorrectableKey = {
  /** Names the key in a form without showing its id to who may not see it. */
  handle: string
  holder: string
  service: string
  /** Null where the key is not named to the reader. */
  purpose: string | null
  madeAt: string
  /** In this month, with what was corrected before. */
  spent: MoneyView
  /** What was corrected before: another sum by then is stale. */
  corrected: string
}

/** As many as a choice can show; they are those that cost most. */
const maxKeys = 300

/**
 * The keys that have something in the books of this month, those that cost most first. Of a key that
 * was handed over, the part of who holds it now.
 */
export async function listCorrectableKeys(
  ctx: Ctx,
  teamId: string,
  month: Month,
  keysOf: string | null,
): Promise<CorrectableKey[]> {
  const rows = await ctx.db.$queryRaw<
    {
      handle: string
      holder: string
      service: string
      purpose: string | null
      madeAt: Date
      spent: string
      corrected: string
    }[]
  >`
    select md5('correct ' || k.id) as handle, a.display_name as holder, k.service,
      case when ${keysOf}::text is null or k.user_id = ${keysOf} then k.purpose end as purpose,
      k.created_at as "madeAt", m.spent_usd::text as spent, m.corrected_usd::text as corrected
    from keymint.key_months m join keymint.api_keys k on k.id = m.api_key_id and k.user_id = m.user_id
    join keymint.attendees a on a.user_id = k.user_id
    where k.team_id = ${teamId}::uuid and m.month = ${month}::date
    order by m.spent_usd desc, k.created_at, k.id limit ${maxKeys}::int`
  return rows.map(({ spent, madeAt, ...row }) => ({
    ...row,
    madeAt: madeAt.toISOString(),
    spent: moneyView(nanoFromDecimalString(spent)),
  }))
}

export type Correction = {
  teamId: string
  actorUserId: string
  handle: string
  month: Month
  direction: 'up' | 'down'
  amount: NanoUsd
  reason: string
  /** The sum of the corrections before, as it was shown. */
  was: NanoUsd
  formId?: string
}
export type CorrectionOutcome =
  | { kind: 'corrected' }
  | { kind: 'refused'; reason: 'no-such-key' | 'stale' }
  | { kind: 'refused'; reason: 'below-zero'; spent: NanoUsd }

/** Posts the correction. A refusal changes nothing. */
export async function correctUsage(ctx: Ctx, correction: Correction): Promise<CorrectionOutcome> {
  const { teamId, actorUserId, month, amount, direction, formId, reason } = correction
  return ctx.db.$transaction(async (tx): Promise<CorrectionOutcome> => {
    await requireMoneyRole(tx, teamId, actorUserId)
    await requireOpenTeam(tx, teamId)
    const [named] = await tx.$queryRaw<{ id: string }[]>`
      select id from keymint.api_keys where team_id = ${teamId}::uuid
        and md5('correct ' || id) = ${correction.handle}`
    const open = named ? await openSubKey(ctx, tx, named.id) : null
    const [booked] = open
      ? await tx.$queryRaw<{ spent: string; corrected: string }[]>`
          select spent_usd::text as spent, corrected_usd::text as corrected
          from keymint.key_months m where api_key_id = ${open.key.id}::uuid and month = ${month}::date
            and user_id = ${open.key.userId}`
      : []
    if (!open || !booked) return { kind: 'refused', reason: 'no-such-key' }
    const [posted] = await tx.$queryRaw<{ same: boolean }[]>`
      select (api_key_id = ${open.key.id}::uuid and month = ${month}::date and kind = ${`correct-${direction}`}
        and amount_usd = ${decimalStringFromNano(amount)}::numeric) as same
      from keymint.transactions where form_id = ${formId ?? null}::uuid`
    if (posted?.same) return { kind: 'corrected' }
    const spent = nanoFromDecimalString(booked.spent)
    if (nanoFromDecimalString(booked.corrected) !== correction.was)
      return { kind: 'refused', reason: 'stale' }
    if (direction === 'down' && amount > spent)
      return { kind: 'refused', reason: 'below-zero', spent }
    const { member, key } = open
    const actor = `user:${actorUserId}` as const
    await audit(tx, member, key, actor, 'sub-key.usage-corrected', {
      direction,
      amountUsd: decimalStringFromNano(amount),
      fromUsd: decimalStringFromNano(spent),
      toUsd: decimalStringFromNano(direction === 'up' ? spent + amount : spent - amount),
      month,
      reason,
    })
    // Another wish of a form that a browser brought back is a correction of its own.
    const form = formId && !posted ? { formId } : {}
    const posting = { month, apiKeyId: key.id, amount, reason, ...form }
    await post(tx, member, ctx.now(), actor, [{ kind: `correct-${direction}`, ...posting }])
    // What comes back to who has no budget any more goes where the rest of it went.
    if (member.state === 'removed') await returnFree(ctx, tx, member, actor)
    else if (!mayHoldKeys(member.role))
      await returnFree(ctx, tx, member, actor, 'the member is a viewer')
    return { kind: 'corrected' }
  })
}

export type CorrectionView = {
  id: string
  at: string
  holder: string
  service: string
  purpose: string | null
  /** Negative where less was spent than was counted. */
  amount: MoneyView
  actor: string
  reason: string | null
}

/** The corrections of a month, newest first, 200 at most: the ledger has all. */
export async function listCorrections(
  ctx: Ctx,
  teamId: string,
  month: Month,
  keysOf: string | null,
): Promise<CorrectionView[]> {
  const rows = await ctx.db.$queryRaw<
    {
      id: bigint
      at: Date
      holder: string
      service: string
      purpose: string | null
      amount: string
      actor: string
      reason: string | null
    }[]
  >`
    select t.id, t.at, a.display_name as holder, k.service,
      case when ${keysOf}::text is null or k.user_id = ${keysOf} then k.purpose end as purpose,
      (case t.kind when 'correct-down' then -t.amount_usd else t.amount_usd end)::text as amount,
      coalesce(p.display_name, t.actor) as actor, t.reason
    from keymint.transactions t join keymint.api_keys k on k.id = t.api_key_id
    join keymint.attendees a on a.user_id = t.user_id
    left join keymint.attendees p on t.actor = 'user:' || p.user_id
    where t.team_id = ${teamId}::uuid and t.month = ${month}::date
      and t.kind in ('correct-up', 'correct-down')
    order by t.id desc limit 200`
  return rows.map(({ id, at, amount, ...row }) => ({
    ...row,
    id: id.toString(),
    at: at.toISOString(),
    amount: moneyView(nanoFromDecimalString(amount)),
  }))
}

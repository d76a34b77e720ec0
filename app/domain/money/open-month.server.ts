/**
 * Opening a member's month: the budget is allocated, and what keys may still spend is committed
 * before anything else. Whoever uses the month first calls this under the member's lock; the job at
 * midnight does the same for all. Decision 017 says what happens to each kind of key.
 */
import type { Tx } from '~/adapters/db.server'
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import type { OpenMember } from './member-lock.server'
import { nextMonth, type Month } from './month'
import { post, type Posting } from './postings.server'

export async function openMonth(
  ctx: Ctx,
  tx: Tx,
  member: OpenMember,
  latest: Month | null,
  now: Date,
): Promise<void> {
  // Months that nobody used are opened too: a key that ended in one of them is charged there.
  for (
    let month = latest === null ? member.month : nextMonth(latest);
    month <= member.month;
    month = nextMonth(month)
  )
    if (!(await allocateMonth(tx, { ...member, month }, now))) return
  // What keys may still spend in this month is committed before anything else.
  await ctx.bookMonth(ctx, tx, member)
}

/** False when the month was open. */
async function allocateMonth(tx: Tx, member: OpenMember, now: Date): Promise<boolean> {
  const { teamId, userId, month } = member
  // The caller may have looked before it got the lock; then the month may be open by now.
  if (
    (await tx.$executeRaw`
      insert into keymint.budget_months (team_id, user_id, month)
        values (${teamId}::uuid, ${userId}, ${month}::date) on conflict do nothing`) === 0
  )
    return false
  const postings: Posting[] = []
  if (member.state !== 'removed')
    postings.push({
      kind: 'allocate',
      month,
      amount: await readBudget(tx, member, month),
      reason: 'the month begins',
    })

  await post(tx, member, now, 'worker', postings)
  return true
}

/** The budget that applies in a month, in nano-USD: the latest set for it or before it, or zero. */
export async function readBudget(
  tx: Tx,
  ref: { teamId: string; userId: string },
  month: Month,
): Promise<NanoUsd> {
  const [row] = await tx.$queryRaw<{ usd: string }[]>`
    select allocated_usd::text as usd from keymint.budgets
    where team_id = ${ref.teamId}::uuid and user_id = ${ref.userId} and month <= ${month}::date
      order by month desc limit 1`
  return nanoFromDecimalString(row?.usd ?? '0')
}

/** What a member has in this month alone beside the budget, in nano-USD. */
export async function readTopUp(
  tx: Tx,
  ref: { teamId: string; userId: string },
  month: Month,
): Promise<NanoUsd> {
  const [row] = await tx.$queryRaw<{ usd: string }[]>`
    select amount_usd::text as usd from keymint.budget_top_ups
    where team_id = ${ref.teamId}::uuid and user_id = ${ref.userId} and month = ${month}::date`
  return nanoFromDecimalString(row?.usd ?? '0')
}

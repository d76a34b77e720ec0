/**
 * Which budget requests are approved at once, without a person: up to a sum a request, and up to
 * another one a member and month. What is granted so counts in one month alone, so the second sum is
 * all that it can cost.
 */
import type { Tx } from '~/adapters/db.server'
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import { readUnderCeiling } from './ceiling.server'
import type { Month } from './month'
import type { MemberRef } from './postings.server'

export type AutomaticApproval = { perRequest: NanoUsd; perMonth: NanoUsd }

/** The team's rule; null while it is off. With `keep` it stays so until the end of the transaction. */
export async function readAutomaticApproval(
  db: Tx,
  teamId: string,
  options: { keep: boolean } = { keep: false },
): Promise<AutomaticApproval | null> {
  if (options.keep)
    await db.$executeRaw`select 1 from keymint.teams where id = ${teamId}::uuid for share`
  const [row] = await db.$queryRaw<{ request: string | null; month: string | null }[]>`
    select auto_request_usd::text as request, auto_month_usd::text as month from keymint.teams
    where id = ${teamId}::uuid`
  return row?.request == null || row.month === null
    ? null
    : {
        perRequest: nanoFromDecimalString(row.request),
        perMonth: nanoFromDecimalString(row.month),
      }
}

/** The largest request of this member that is approved at once now; zero for none. */
export async function automaticUpTo(
  db: Tx,
  ref: MemberRef,
  month: Month,
  rule: AutomaticApproval,
): Promise<NanoUsd> {
  const [row] = await db.$queryRaw<{ granted: string }[]>`
    select coalesce(sum(granted_usd), 0)::text as granted from keymint.budget_requests
    where team_id = ${ref.teamId}::uuid and user_id = ${ref.userId} and auto_month = ${month}::date`
  const under = await readUnderCeiling(db, ref.teamId, month)
  const bounds = [rule.perRequest, rule.perMonth - nanoFromDecimalString(row?.granted ?? '0')]
  if (under) bounds.push(under.left)
  const least = bounds.reduce((min, bound) => (bound < min ? bound : min))
  return least > 0n ? least : 0n
}

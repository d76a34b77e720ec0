/** What staff see of a workshop's claims. */
import type { Ctx } from '../ctx'
import { moneyViewOfDecimal } from '../money-view'
import type { MoneyView } from './view-types'

export type StaffClaimRow = {
  claimId: string
  reference: string
  displayName: string
  email: string | null
  provider: string
  state: 'pending' | 'ready' | 'ended' | 'refused'
  reason: string | null
  reasonDetail: string | null
  bound: boolean
  bindError: string | null
  keyLabel: string | null
  usage: MoneyView | null
  usageAsOf: string | null
  limit: MoneyView
  attendedAt: string
}

const mostRows = 500

/** The newest claims of a workshop (500 at most); those that need a person stand first. */
export async function listClaimsForStaff(ctx: Ctx, workshopSlug: string): Promise<StaffClaimRow[]> {
  type Row = Omit<StaffClaimRow, 'usage' | 'limit' | 'attendedAt' | 'usageAsOf' | 'reference'> & { usageUsd: string; limitUsd: string; attendedAt: Date; usageSyncedAt: Date | null }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select c.claim_id as "claimId", a.display_name as "displayName", a.email, c.provider, c.state, c.reason, c.reason_detail as "reasonDetail",
      c.guardrail_attached_at is not null as bound, c.bind_error as "bindError", c.key_label as "keyLabel", c.usage_usd::text as "usageUsd",
      c.usage_synced_at as "usageSyncedAt", c.limit_usd::text as "limitUsd", c.attended_at as "attendedAt"
    from keymint.workshop_attendance c join keymint.attendees a using (user_id)
    where c.workshop_slug = ${workshopSlug}
    order by (c.state = 'refused' or (c.state = 'ready' and c.guardrail_attached_at is null)) desc, c.attended_at desc, c.claim_id
    limit ${mostRows}::int`
  return rows.map(({ usageUsd, limitUsd, usageSyncedAt, attendedAt, ...row }) => ({
    ...row,
    reference: row.claimId.slice(0, 8).toUpperCase(),
    usage: usageSyncedAt ? moneyViewOfDecimal(usageUsd) : null,
    usageAsOf: usageSyncedAt?.toISOString() ?? null,
    limit: moneyViewOfDecimal(limitUsd),
    attendedAt: attendedAt.toISOString(),
  }))
}

/** What was spent this month, by day and by provider. Every amount is a sum of the ledger. */
import { nanoFromDecimalString } from '~/money'
import type { MoneyView } from '../money-view'
import type { Ctx } from '../ctx'
import { monthBefore, monthOf, nextMonth, startOf, type Month } from '../money/month'
import { isUsage } from '../money/postings.server'
import { moneyView } from '../money-view'
import { readDays } from './months.server'

export type DayView = { day: string; spent: MoneyView }
export type ProviderView = {
  service: string
  liveKeys: number
  committed: MoneyView
  spent: MoneyView
}
export type SpendingView = {
  days: DayView[]
  /** What people corrected; null where nothing was. */
  corrected: MoneyView | null
  /** Both together. */
  total: MoneyView
  /** The whole month, days to come included: ISO UTC, the end excluded. */
  from: string
  to: string
  providers: ProviderView[]
  /** What was read since this month began and belongs to the one before; null for nothing. */
  late: { month: Month; spent: MoneyView } | null
  /** The oldest of the keys' last readings, ISO UTC. */
  asOf: string | null
}

/** The spending of one member, or of the whole team, in the present month. */
export async function readSpending(
  ctx: Ctx,
  filter: { teamId: string; userId: string | null },
): Promise<SpendingView> {
  const month = monthOf(ctx.now())
  const before = monthBefore(month)
  const [byDay, providers, [late], [read]] = await Promise.all([
    readDays(ctx, filter, month),
    ctx.db.$queryRaw<{ service: string; liveKeys: number; committed: string; spent: string }[]>`
      select s.service, sum(s.live)::int as "liveKeys", sum(s.committed)::text as committed,
        sum(s.spent)::text as spent
      from (
        select k.service, 1 as live, 0 as committed, 0 as spent from keymint.api_keys k
        where k.team_id = ${filter.teamId}::uuid and k.state in ('pending', 'ready')
          and k.expires_at > ${ctx.now()}::timestamptz
          and (${filter.userId}::text is null or k.user_id = ${filter.userId})
        union all
        select k.service, 0, m.committed_usd, m.spent_usd
        from keymint.key_months m join keymint.api_keys k on k.id = m.api_key_id
        where m.month = ${month}::date and k.team_id = ${filter.teamId}::uuid
          and (${filter.userId}::text is null or m.user_id = ${filter.userId})) s
      group by s.service order by s.service`,
    ctx.db.$queryRaw<{ usd: string }[]>`
      select coalesce(sum(t.amount_usd), 0)::text as usd from keymint.transactions t
      where t.team_id = ${filter.teamId}::uuid and t.month = ${before}::date and ${isUsage}
        and t.at >= ${startOf(month)}::timestamptz
        and (${filter.userId}::text is null or t.user_id = ${filter.userId})`,
    ctx.db.$queryRaw<{ asOf: Date | null }[]>`
      select min(usage_synced_at) as "asOf" from keymint.api_keys
      where team_id = ${filter.teamId}::uuid and state = 'ready' and usage_synced_at is not null
        and (${filter.userId}::text is null or user_id = ${filter.userId})`,
  ])
  const lateNano = nanoFromDecimalString(late?.usd ?? '0')
  return {
    ...byDay,
    late: lateNano > 0n ? { month: before, spent: moneyView(lateNano) } : null,
    from: startOf(month).toISOString(),
    to: startOf(nextMonth(month)).toISOString(),
    providers: providers.map(({ committed, spent, ...row }) => ({
      ...row,
      committed: moneyView(nanoFromDecimalString(committed)),
      spent: moneyView(nanoFromDecimalString(spent)),
    })),
    asOf: read?.asOf?.toISOString() ?? null,
  }
}

/** Keys that cannot be used soon: their cap is spent, will be at the recent pace, or they expire. */
import { nanoFromDecimalString } from '~/money'
import type { MoneyView } from '../money-view'
import type { Ctx } from '../ctx'
import { monthOf, nextMonth, startOf } from '../money/month'
import { moneyView } from '../money-view'
import { forecastEnd, paceDays } from './forecast'

export type KeyForecast = {
  id: string
  purpose: string
  holder: string
  left: MoneyView
  because: 'spent' | 'ends' | 'dry' | 'hourly'
  /** What it costs an hour while it exists, where Keymint ends it at its cap. */
  perHour: MoneyView | null
  at: string
}

const horizonMs = 14 * 86_400_000

/** Keys of one member or of the whole team, soonest first, 20 at most, within 14 days. */
export async function readForecasts(
  ctx: Ctx,
  filter: { teamId: string; userId: string | null },
): Promise<KeyForecast[]> {
  const now = ctx.now()
  const month = monthOf(now)
  const rows = await ctx.db.$queryRaw<
    {
      id: string
      purpose: string
      holder: string
      cap: string
      spent: string
      lately: string
      reset: string | null
      createdAt: Date
      expiresAt: Date
      capDueAt: Date | null
      perHour: string | null
      capped: boolean | null
    }[]
  >`
    select k.id, k.purpose, a.display_name as holder, k.cap_usd::text as cap, k.reset,
      k.created_at as "createdAt", k.expires_at as "expiresAt",
      e.cap_due_at as "capDueAt", e.per_hour_usd::text as "perHour", e.off_cap_at is not null as capped,
      (select coalesce(sum(m.spent_usd - m.corrected_usd), 0)::text from keymint.key_months m where m.api_key_id = k.id
        and (k.reset is null or m.month = ${month}::date)) as spent,
      (select coalesce(sum(d.usage_usd), 0)::text from keymint.key_days d where d.api_key_id = k.id
        and d.day > (${now}::timestamptz at time zone 'UTC')::date - ${paceDays}::int
        and (k.reset is null or d.month = ${month}::date)) as lately
    from keymint.api_keys k join keymint.attendees a using (user_id)
    left join keymint.keys e on e.holder_kind = 'sub-key' and e.holder_id = k.id and e.generation = k.generation
    where k.team_id = ${filter.teamId}::uuid
      and (${filter.userId}::text is null or k.user_id = ${filter.userId}) and k.state = 'ready'
      and k.expires_at > ${now}::timestamptz`
  const horizon = new Date(now.getTime() + horizonMs)
  return rows
    .flatMap((row): KeyForecast[] => {
      const left = nanoFromDecimalString(row.cap) - nanoFromDecimalString(row.spent)
      const facts = {
        id: row.id,
        purpose: row.purpose,
        holder: row.holder,
        left: moneyView(left > 0n ? left : 0n),
        perHour: row.perHour === null ? null : moneyView(nanoFromDecimalString(row.perHour)),
      }
      if (left <= 0n || row.capped) return [{ ...facts, because: 'dry', at: now.toISOString() }]
      // Paid by the hour: the moment at which Keymint ends it is known, whatever was spent lately.
      if (row.capDueAt !== null && row.capDueAt < row.expiresAt)
        return row.capDueAt < horizon
          ? [{ ...facts, because: 'hourly', at: row.capDueAt.toISOString() }]
          : []
      // A monthly cap starts afresh with the month: until then, or until the key ends.
      const until =
        row.reset === 'monthly' && startOf(nextMonth(month)) < row.expiresAt
          ? startOf(nextMonth(month))
          : row.expiresAt
      const since =
        row.reset === 'monthly' && startOf(month) > row.createdAt ? startOf(month) : row.createdAt
      const gone = forecastEnd({
        left,
        lately: nanoFromDecimalString(row.lately),
        now,
        since,
        until,
      })
      if (gone && gone < horizon) return [{ ...facts, because: 'spent', at: gone.toISOString() }]
      return row.expiresAt < horizon
        ? [{ ...facts, because: 'ends', at: row.expiresAt.toISOString() }]
        : []
    })
    .sort((a, b) => a.at.localeCompare(b.at))
    .slice(0, 20)
}

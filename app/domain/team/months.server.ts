/**
 * What was spent in one month, whichever it is: by day, member, service and key. Every amount is a
 * sum of the ledger, so who has left and keys that have ended stay in it.
 */
import { Prisma } from '~/adapters/db.server'
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import { moneyView, type MoneyView } from '../money-view'
import { monthOf, nextMonth, startOf, type Month } from '../money/month'
import type { DayView } from './spending.server'

export type BooksScope = {
  teamId: string
  /** One member's books, or null for those of all. */
  userId: string | null
  /** Whose keys are named: one member's, or null for those of all. */
  keysOf: string | null
}

/** Whether the key `k` is named to who reads. */
export const isNamed = (keysOf: string | null) =>
  Prisma.sql`(${keysOf}::text is null or k.user_id = ${keysOf})`

export type MonthMember = {
  userId: string
  name: string
  /** No longer in the team, or closed. */
  gone: boolean
  /** A service account. */
  service: boolean
  allocated: MoneyView
  spent: MoneyView
  committed: MoneyView
}
export type MonthKey = {
  id: string
  purpose: string
  holder: string
  service: string
  ended: boolean
  spent: MoneyView
  committed: MoneyView
}
export type MonthView = {
  month: Month
  /** What was read, by day; corrections are beside it. */
  days: DayView[]
  /** What people corrected, negative where providers counted too much. Null where nothing was. */
  corrected: MoneyView | null
  total: MoneyView
  /** The whole month: ISO UTC, the end excluded. */
  from: string
  to: string
  isOver: boolean
  members: MonthMember[]
  services: { service: string; keys: number; spent: MoneyView }[]
  /** Those that cost most, `maxKeys` at most. */
  keys: MonthKey[]
  moreKeys: number
}

const maxKeys = 200
const usd = (text: string) => moneyView(nanoFromDecimalString(text))

/** The months that have books, newest first, and the present one. */
export async function listMonths(ctx: Ctx, { teamId, userId }: BooksScope): Promise<Month[]> {
  const rows = await ctx.db.$queryRaw<{ month: string }[]>`
    select distinct b.month::text as month from keymint.budget_months b
    where b.team_id = ${teamId}::uuid and (${userId}::text is null or b.user_id = ${userId})
    order by 1 desc limit 240`
  const months = rows.map(({ month }) => month)
  const present = monthOf(ctx.now())
  return months.includes(present) ? months : [present, ...months].sort().reverse()
}

export async function readMonth(
  ctx: Ctx,
  { teamId, userId, keysOf }: BooksScope,
  month: Month,
): Promise<MonthView> {
  const [byDay, members, keys, services] = await Promise.all([
    readDays(ctx, { teamId, userId }, month),
    ctx.db.$queryRaw<
      {
        userId: string
        name: string
        gone: boolean
        service: boolean
        allocated: string
        spent: string
        committed: string
      }[]
    >`
      select b.user_id as "userId", a.display_name as name, m.state = 'removed' as gone,
        m.role = 'service' as service,
        b.allocated_usd::text as allocated, b.spent_usd::text as spent, b.committed_usd::text as committed
      from keymint.budget_months b join keymint.attendees a using (user_id)
      join keymint.team_members m on m.team_id = b.team_id and m.user_id = b.user_id
      where b.team_id = ${teamId}::uuid and b.month = ${month}::date
        and (${userId}::text is null or b.user_id = ${userId})
        and (m.state <> 'removed' or b.allocated_usd <> 0 or b.spent_usd <> 0 or b.committed_usd <> 0)
      order by b.spent_usd desc, a.display_name, b.user_id`,
    ctx.db.$queryRaw<
      {
        id: string
        purpose: string
        holder: string
        service: string
        ended: boolean
        spent: string
        committed: string
        count: number
      }[]
    >`
      select k.id, k.purpose, a.display_name as holder, k.service, k.state not in ('pending', 'ready') as ended,
        m.spent_usd::text as spent, m.committed_usd::text as committed, (count(*) over ())::int as count
      from keymint.api_keys k join keymint.key_months m on m.api_key_id = k.id
      join keymint.attendees a on a.user_id = m.user_id
      where k.team_id = ${teamId}::uuid and m.month = ${month}::date
        and (${userId}::text is null or m.user_id = ${userId})
        and (${keysOf}::text is null or m.user_id = ${keysOf})
        and (m.spent_usd <> 0 or m.committed_usd <> 0)
      order by m.spent_usd desc, k.created_at, k.id limit ${maxKeys}::int`,
    ctx.db.$queryRaw<{ service: string; keys: number; spent: string }[]>`
      select k.service, count(distinct k.id)::int as keys, sum(m.spent_usd)::text as spent
      from keymint.api_keys k join keymint.key_months m on m.api_key_id = k.id
      where k.team_id = ${teamId}::uuid and m.month = ${month}::date
        and (${userId}::text is null or m.user_id = ${userId}) and m.spent_usd <> 0
      group by k.service order by sum(m.spent_usd) desc, k.service`,
  ])
  return {
    month,
    ...byDay,
    from: startOf(month).toISOString(),
    to: startOf(nextMonth(month)).toISOString(),
    isOver: month < monthOf(ctx.now()),
    members: members.map(({ allocated, spent, committed, ...row }) => ({
      ...row,
      allocated: usd(allocated),
      spent: usd(spent),
      committed: usd(committed),
    })),
    services: services.map(({ spent, ...row }) => ({ ...row, spent: usd(spent) })),
    keys: keys.map(({ id, purpose, holder, service, ended, spent, committed }) => ({
      id,
      purpose,
      holder,
      service,
      ended,
      spent: usd(spent),
      committed: usd(committed),
    })),
    moreKeys: (keys[0]?.count ?? 0) - keys.length,
  }
}

/** What was read on each day of a month, what was corrected, and the sum of both. */
export async function readDays(
  ctx: Ctx,
  { teamId, userId }: Pick<BooksScope, 'teamId' | 'userId'>,
  month: Month,
): Promise<Pick<MonthView, 'days' | 'corrected' | 'total'>> {
  const byDay = await ctx.db.$queryRaw<{ day: string; usd: string; corrected: string }[]>`
    select d.day::text as day, sum(d.usage_usd)::text as usd, sum(d.corrected_usd)::text as corrected
    from keymint.key_days d where d.team_id = ${teamId}::uuid and d.month = ${month}::date
      and (${userId}::text is null or d.user_id = ${userId}) group by d.day`
  const days = daysOf(month, ctx.now())
  const today = days.at(-1) ?? month
  const spentOn = new Map<string, NanoUsd>()
  for (const row of byDay) {
    // A reading of a machine whose clock is ahead counts today.
    const day = row.day > today ? today : row.day
    spentOn.set(day, (spentOn.get(day) ?? 0n) + nanoFromDecimalString(row.usd))
  }
  const corrected = byDay.reduce((sum, row) => sum + nanoFromDecimalString(row.corrected), 0n)
  return {
    days: days.map((day) => ({ day, spent: moneyView(spentOn.get(day) ?? 0n) })),
    corrected: corrected === 0n ? null : moneyView(corrected),
    total: moneyView([...spentOn.values()].reduce((all, nano) => all + nano, corrected)),
  }
}

/** The days of a month, in the present one up to today. */
export function daysOf(month: Month, now: Date): string[] {
  const days: string[] = []
  const end = Math.min(startOf(nextMonth(month)).getTime() - 1, now.getTime())
  for (let at = startOf(month).getTime(); at <= end; at += 86_400_000)
    days.push(new Date(at).toISOString().slice(0, 10))
  return days
}

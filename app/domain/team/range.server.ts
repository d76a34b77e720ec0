/**
 * What was spent from one UTC day to another: by day, service, member, project and key. Every
 * amount is a sum of the ledger's postings of those days, so who has left and keys that have ended
 * stay in it.
 */
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import { moneyView, type MoneyView } from '../money-view'
import { monthOf, nextMonth, startOf, type Month } from '../money/month'
import type { BooksScope } from './months.server'

/** Both days are UTC, written as 2026-11-28, and belong to it. */
export type DayRange = { from: string; to: string }
export const rangeParts = ['service', 'member', 'project', 'key'] as const
/** What the bars of a chart are divided by. */
export type RangePart = (typeof rangeParts)[number]

type Spent = { spent: MoneyView }
export type RangeMember = Spent & {
  userId: string
  name: string
  gone: boolean
  /** A service account. */
  service: boolean
}
export type RangeService = Spent & { service: string; keys: number }
/** Null for keys without a project. */
export type RangeProject = Spent & { project: string | null; keys: number }
export type RangeKey = Spent & {
  id: string
  purpose: string
  holder: string
  service: string
  ended: boolean
}
/** What was read on each of the days; corrections are beside it. The name is null of all the rest. */
export type RangeSeries = { name: string | null; days: NanoUsd[] }
export type RangeView = DayRange & {
  days: string[]
  /** Those that cost most, the largest first, and the rest as one. */
  series: RangeSeries[]
  /** What people corrected; null where nothing was. */
  corrected: MoneyView | null
  total: MoneyView
  members: RangeMember[]
  services: RangeService[]
  projects: RangeProject[]
  /** Those that cost most, `maxKeys` at most. */
  keys: RangeKey[]
  moreKeys: number
}

const maxKeys = 200
const maxSeries = 5
const usd = (text: string) => moneyView(nanoFromDecimalString(text))

/**
 * The months that the range touches, and the last day that is asked for: with today, a reading of a
 * machine whose clock is ahead counts too.
 */
export function boundsOf({ from, to }: DayRange, now: Date) {
  const present = monthOf(now)
  const last = to < now.toISOString().slice(0, 10) ? to : lastDayOf(present)
  return { first: `${from.slice(0, 7)}-01`, final: `${to.slice(0, 7)}-01`, last }
}

const lastDayOf = (month: Month) =>
  new Date(startOf(nextMonth(month)).getTime() - 1).toISOString().slice(0, 10)

/** The days of a range, in order. */
export function daysIn({ from, to }: DayRange): string[] {
  const days: string[] = []
  for (let at = startOf(from).getTime(); at <= startOf(to).getTime(); at += 86_400_000)
    days.push(new Date(at).toISOString().slice(0, 10))
  return days
}

export async function readRange(
  ctx: Ctx,
  { teamId, userId, keysOf }: BooksScope,
  range: DayRange,
  part: RangePart,
): Promise<RangeView> {
  const { from } = range
  const { first, final, last } = boundsOf(range, ctx.now())
  const [members, services, projects, keys] = await Promise.all([
    ctx.db.$queryRaw<
      { userId: string; name: string; gone: boolean; service: boolean; spent: string }[]
    >`
      select s.user_id as "userId", a.display_name as name, m.state = 'removed' as gone,
        m.role = 'service' as service, s.spent::text as spent
      from (select d.user_id, sum(d.usage_usd + d.corrected_usd) as spent from keymint.key_days d
        where d.team_id = ${teamId}::uuid and d.month between ${first}::date and ${final}::date
          and d.day between ${from}::date and ${last}::date
          and (${userId}::text is null or d.user_id = ${userId}) group by d.user_id) s
      join keymint.attendees a on a.user_id = s.user_id
      join keymint.team_members m on m.team_id = ${teamId}::uuid and m.user_id = s.user_id
      where s.spent <> 0 order by s.spent desc, a.display_name, s.user_id`,
    ctx.db.$queryRaw<{ service: string; keys: number; spent: string }[]>`
      select k.service, count(distinct k.id)::int as keys, sum(d.usage_usd + d.corrected_usd)::text as spent
      from keymint.key_days d join keymint.api_keys k on k.id = d.api_key_id
      where d.team_id = ${teamId}::uuid and d.month between ${first}::date and ${final}::date
        and d.day between ${from}::date and ${last}::date
        and (${userId}::text is null or d.user_id = ${userId})
      group by k.service having sum(d.usage_usd + d.corrected_usd) <> 0
      order by sum(d.usage_usd + d.corrected_usd) desc, k.service`,
    ctx.db.$queryRaw<{ project: string | null; keys: number; spent: string }[]>`
      select k.project, count(distinct k.id)::int as keys, sum(d.usage_usd + d.corrected_usd)::text as spent
      from keymint.key_days d join keymint.api_keys k on k.id = d.api_key_id
      where d.team_id = ${teamId}::uuid and d.month between ${first}::date and ${final}::date
        and d.day between ${from}::date and ${last}::date
        and (${userId}::text is null or d.user_id = ${userId})
      group by k.project having sum(d.usage_usd + d.corrected_usd) <> 0
      order by sum(d.usage_usd + d.corrected_usd) desc, k.project`,
    ctx.db.$queryRaw<
      {
        id: string
        purpose: string
        holder: string
        service: string
        ended: boolean
        spent: string
        count: number
      }[]
    >`
      select k.id, k.purpose, a.display_name as holder, k.service, k.state not in ('pending', 'ready') as ended,
        s.spent::text as spent, (count(*) over ())::int as count
      from (select d.api_key_id, d.user_id, sum(d.usage_usd + d.corrected_usd) as spent from keymint.key_days d
        where d.team_id = ${teamId}::uuid and d.month between ${first}::date and ${final}::date
          and d.day between ${from}::date and ${last}::date
          and (${userId}::text is null or d.user_id = ${userId})
          and (${keysOf}::text is null or d.user_id = ${keysOf}) group by d.api_key_id, d.user_id) s
      join keymint.api_keys k on k.id = s.api_key_id join keymint.attendees a on a.user_id = s.user_id
      where s.spent <> 0 order by s.spent desc, k.created_at, k.id, s.user_id limit ${maxKeys}::int`,
  ])
  return {
    ...range,
    ...(await readDays(ctx, { teamId, userId, keysOf }, range, part)),
    members: members.map(({ spent, ...row }) => ({ ...row, spent: usd(spent) })),
    services: services.map(({ spent, ...row }) => ({ ...row, spent: usd(spent) })),
    projects: projects.map(({ spent, ...row }) => ({ ...row, spent: usd(spent) })),
    keys: keys.map(({ id, purpose, holder, service, ended, spent }) => ({
      id,
      purpose,
      holder,
      service,
      ended,
      spent: usd(spent),
    })),
    moreKeys: (keys[0]?.count ?? 0) - keys.length,
  }
}

/** What each of the parts that cost most was read to have spent on each day. */
async function readDays(
  ctx: Ctx,
  { teamId, userId, keysOf }: BooksScope,
  range: DayRange,
  part: RangePart,
): Promise<Pick<RangeView, 'days' | 'series' | 'corrected' | 'total'>> {
  const { first, final, last } = boundsOf(range, ctx.now())
  const rows = await ctx.db.$queryRaw<
    { day: string; place: number; name: string | null; usd: string; corrected: string }[]
  >`
    with spent as (
      select d.day, d.usage_usd, d.corrected_usd, case ${part}::text when 'service' then k.service
          when 'member' then d.user_id when 'project' then coalesce(k.project, '')
          when 'key' then case when ${keysOf}::text is null or d.user_id = ${keysOf} then k.id::text end
        end as id
      from keymint.key_days d join keymint.api_keys k on k.id = d.api_key_id
      where d.team_id = ${teamId}::uuid and d.month between ${first}::date and ${final}::date
        and d.day between ${range.from}::date and ${last}::date
        and (${userId}::text is null or d.user_id = ${userId})),
    ranked as (
      select id, row_number() over (order by sum(usage_usd) desc, id) as place from spent
      where id is not null group by id having sum(usage_usd) > 0 order by 2 limit ${maxSeries}::int),
    -- A handful of names: joined to each day, 200,000 keys would be read for it.
    named as (
      select r.id, r.place, case ${part}::text when 'member' then a.display_name when 'key' then k.purpose
        else r.id end as name
      from ranked r left join keymint.attendees a on ${part}::text = 'member' and a.user_id = r.id
      left join keymint.api_keys k on k.id = case when ${part}::text = 'key' then r.id::uuid end)
    select least(s.day, ${range.to}::date)::text as day, coalesce(r.place, 0)::int as place, max(r.name) as name,
      sum(s.usage_usd)::text as usd, sum(s.corrected_usd)::text as corrected
    from spent s left join named r on r.id = s.id
    group by 1, 2`
  const days = daysIn(range)
  const placeOf = new Map(days.map((day, index) => [day, index]))
  const byPlace = new Map<number, RangeSeries>()
  let corrected = 0n
  let usage = 0n
  for (const row of rows) {
    const nano = nanoFromDecimalString(row.usd)
    corrected += nanoFromDecimalString(row.corrected)
    usage += nano
    if (nano === 0n) continue
    const series = byPlace.get(row.place) ?? {
      name: row.place === 0 ? null : row.name,
      days: days.map(() => 0n),
    }
    byPlace.set(row.place, series)
    const index = placeOf.get(row.day)
    if (index !== undefined) series.days[index] = (series.days[index] ?? 0n) + nano
  }
  // The rest has the place 0, and stands last.
  const order = [...byPlace].sort(([one], [other]) => (one || Infinity) - (other || Infinity))
  return {
    days,
    series: order.map(([, series]) => series),
    corrected: corrected === 0n ? null : moneyView(corrected),
    total: moneyView(usage + corrected),
  }
}

/**
 * What a workshop came to: money, people, seats, waits, and months of a giveaway. Read from rows at
 * any time; the receipt keeps what it says when all is settled. No name is part of it.
 */
import { Prisma } from '~/adapters/db.server'
import { decimalStringFromNano, nanoFromDecimalString } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { MoneyView } from '../money-view'
import { readWorkshopLine } from './overview.server'
import { maxListed, type Month, type Report } from './receipt-view'

/** Null where there is neither a file nor a claim of this name. */
export async function readReport(ctx: Ctx, slug: string): Promise<Report | null> {
  const found = await readWorkshopLine(ctx, slug)
  if (!found) return null
  const { kind, money, seats } = found.line
  const [people, live, spending, turnedAway, optIns, timeToKey, months] = await Promise.all([
    readPeople(ctx, slug),
    readLive(ctx, slug),
    readSpending(ctx, slug),
    readTurnedAwayEver(ctx, slug),
    ctx.db.attendee.count({
      where: { marketingOptedIn: true, marketingOptedInWorkshop: slug },
    }),
    readTimeToKey(ctx, slug),
    kind === 'giveaway' ? readMonths(ctx, slug) : null,
  ])
  const { cameBackUsd, ...ofPeople } = people
  return {
    kind,
    spentUsd: decimalStringFromNano(found.counters.spent),
    maySpendUsd: decimalOf(money.maySpend),
    leftUsd: money.left && decimalOf(money.left),
    ...live,
    spending,
    people: ofPeople,
    cameBackUsd,
    seats,
    turnedAway,
    optIns,
    timeToKey,
    months,
  }
}

const decimalOf = ({ usd }: MoneyView) => usd.toFixed(9)

/** What each claim with a key has cost: its present key and the ones before it. */
const costs = (slug: string) => Prisma.sql`
  former as (select holder_id, sum(used_usd) as usage, count(*) as keys from keymint.keys k
    where k.scope = ${slug} and k.holder_kind = 'claim' and k.saved_at is not null and k.generation <
      (select c.generation from keymint.workshop_attendance c where c.claim_id = k.holder_id) group by holder_id),
  cost as (
    select c.usage_usd + coalesce(f.usage, 0) as spent, c.limit_usd, c.settled_at,
      coalesce(f.keys, 0) + (c.or_key_hash is not null)::int as keys
    from keymint.workshop_attendance c left join former f on f.holder_id = c.claim_id
    where c.workshop_slug = ${slug} and (c.or_key_hash is not null or f.keys > 0))`

type People = Report['people'] & { cameBackUsd: string }

/** Percentiles are discrete: amounts that somebody really cost. */
async function readPeople(ctx: Ctx, slug: string): Promise<People> {
  type Row = Omit<People, 'all'> & { users: number; spentUsd: string; topTenthUsd: string }
  const [row] = await ctx.db.$queryRaw<Row[]>`
    with ${costs(slug)},
      ranked as (select spent, row_number() over (order by spent desc) as place, count(*) over () as keys from cost)
    select count(*)::int as "withKey",
      (percentile_disc(0.5) within group (order by spent))::text as "medianUsd",
      (percentile_disc(0.9) within group (order by spent))::text as "p90Usd", max(spent)::text as "maxUsd",
      coalesce(sum(greatest(limit_usd - spent, 0)) filter (where settled_at is not null),
        0)::numeric(20,9)::text as "cameBackUsd",
      array(select spent::text from cost order by spent desc limit ${maxListed}::int) as amounts,
      count(*) filter (where spent > 0)::int as users, coalesce(sum(spent), 0)::numeric(20,9)::text as "spentUsd",
      (select coalesce(sum(spent), 0)::numeric(20,9)::text from ranked where place <= ceil(keys / 10.0))
        as "topTenthUsd"
    from cost`
  if (!row) throw new Error('an aggregate gives one row')
  const { users, spentUsd, topTenthUsd, ...people } = row
  return { ...people, all: { users, spentUsd, topTenthUsd } }
}

async function readLive(ctx: Ctx, slug: string): Promise<Pick<Report, 'live' | 'unsettled'>> {
  const [row] = await ctx.db.$queryRaw<{ keys: number; until: Date | null; unsettled: number }[]>`
    select count(*) filter (where state in ('pending', 'ready'))::int as keys,
      max(expires_at) filter (where state in ('pending', 'ready')) as until,
      (select count(*)::int from keymint.keys k where k.scope = ${slug} and k.saved_at is not null
        and k.settled_at is null and (k.off_ended_at is not null or k.off_replaced_at is not null)) as unsettled
    from keymint.workshop_attendance where workshop_slug = ${slug}`
  return {
    live: { keys: row?.keys ?? 0, until: row?.until?.toISOString() ?? null },
    unsettled: row?.unsettled ?? 0,
  }
}

/** A picture has about so many steps, of a length that people can name. */
const maxSteps = 120
const stepLengths = [60, 300, 900, 3_600, 10_800, 86_400, 7 * 86_400, 30 * 86_400]

/** From the first claim to the last change, the last sample of each step. */
async function readSpending(ctx: Ctx, slug: string): Promise<Report['spending']> {
  const [span] = await ctx.db.$queryRaw<{ from: Date | null; to: Date | null }[]>`
    select (select min(attended_at) from keymint.workshop_attendance where workshop_slug = ${slug}) as from,
      (select min(sampled_at) from keymint.usage_samples s where s.scope = ${slug} and s.usage_usd =
        (select usage_usd from keymint.usage_samples where scope = ${slug} order by sampled_at desc limit 1)) as to`
  const now = ctx.now().toISOString()
  if (!span?.from || !span.to) return { from: now, to: now, stepSeconds: 60, points: [] }
  const seconds = Math.max(60, (span.to.getTime() - span.from.getTime()) / 1_000)
  const stepSeconds = stepLengths.find((step) => seconds / step <= maxSteps) ?? 30 * 86_400
  const stepMs = stepSeconds * 1_000
  const from = Math.floor(span.from.getTime() / stepMs) * stepMs
  const to = Math.max(from, Math.floor(span.to.getTime() / stepMs) * stepMs) + stepMs
  const rows = await ctx.db.$queryRaw<{ step: number; usd: string }[]>`
    select distinct on (1) floor(extract(epoch from sampled_at - ${new Date(from)}::timestamptz)
        / ${stepSeconds}::int)::int as step, usage_usd::text as usd
    from keymint.usage_samples where scope = ${slug} and sampled_at >= ${new Date(from)}::timestamptz
      and sampled_at < ${new Date(to)}::timestamptz
    order by 1, sampled_at desc`
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    stepSeconds,
    points: rows.map(({ step, usd }) => ({
      at: new Date(from + (step + 1) * stepMs).toISOString(),
      usd,
    })),
  }
}

/** Steps of the widest kind and what is not folded yet are every try there ever was. */
async function readTurnedAwayEver(ctx: Ctx, slug: string): Promise<Report['turnedAway']> {
  return ctx.db.$queryRaw<Report['turnedAway']>`
    select substring(facet from 13) as reason, sum(n)::int as count from (
      select facet, n from keymint.figure_steps where scope = ${slug} and width = ${wideSeconds}::int
      union all select facet, n from keymint.figure_deltas where scope = ${slug} and minute is not null) tried
    where facet like 'turned-away:%' group by 1 order by 2 desc, 1`
}

const wideSeconds = 10_800

async function readTimeToKey(ctx: Ctx, slug: string): Promise<Report['timeToKey']> {
  const [row] = await ctx.db.$queryRaw<{ p50: number | null; p95: number | null }[]>`
    select percentile_disc(0.5) within group (order by took) as p50,
      percentile_disc(0.95) within group (order by took) as p95
    from (select extract(epoch from done_at - queued_at)::float8 as took from keymint.mints
      where scope = ${slug} and holder_kind = 'claim' and generation = 1 and state = 'done') waits`
  return row?.p50 == null || row.p95 == null ? null : { p50: row.p50, p95: row.p95 }
}

/** Claims and keys from the steps of the counters, spending from the last sample of each month. */
async function readMonths(ctx: Ctx, slug: string): Promise<Month[]> {
  const [counted, sampled] = await Promise.all([
    ctx.db.$queryRaw<{ month: string; claims: number; keys: number }[]>`
      select to_char(at at time zone 'UTC', 'YYYY-MM') as month,
        coalesce(sum(n) filter (where facet = 'claims'), 0)::int as claims,
        coalesce(sum(n) filter (where facet = 'keys'), 0)::int as keys
      from (select starts_at as at, facet, n from keymint.figure_steps
          where scope = ${slug} and width = ${wideSeconds}::int
        union all select minute, facet, n from keymint.figure_deltas
          where scope = ${slug} and minute is not null) happened
      where facet in ('claims', 'keys') group by 1`,
    ctx.db.$queryRaw<{ month: string; usd: string }[]>`
      select distinct on (1) to_char(sampled_at at time zone 'UTC', 'YYYY-MM') as month, usage_usd::text as usd
      from keymint.usage_samples where scope = ${slug} order by 1, sampled_at desc`,
  ])
  const countOf = new Map(counted.map((row) => [row.month, row]))
  const totalOf = new Map(sampled.map((row) => [row.month, nanoFromDecimalString(row.usd)]))
  let before = 0n
  return [...new Set([...countOf.keys(), ...totalOf.keys()])].sort().map((month): Month => {
    const total = totalOf.get(month)
    const spent = total === undefined ? null : total - before
    if (total !== undefined) before = total
    return {
      month,
      claims: countOf.get(month)?.claims ?? 0,
      keys: countOf.get(month)?.keys ?? 0,
      spentUsd: spent === null ? null : decimalStringFromNano(spent < 0n ? 0n : spent),
    }
  })
}

/** What each person with a key cost, the most first, without names. Audited before the first row. */
export async function exportCosts(
  ctx: Ctx,
  input: { workshopSlug: string; actorUserId: string },
): Promise<[place: number, spentUsd: string, limitUsd: string, keys: number, settled: string][]> {
  const { workshopSlug, actorUserId } = input
  await ctx.db.$transaction((tx) =>
    recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'receipt.exported',
      subject: `workshop:${workshopSlug}`,
      scope: workshopSlug,
    }),
  )
  const rows = await ctx.db.$queryRaw<
    { spent: string; limit: string; keys: number; settled: boolean }[]
  >`
    with ${costs(workshopSlug)}
    select spent::text, limit_usd::text as limit, keys::int, settled_at is not null as settled
    from cost order by spent desc, limit_usd desc`
  return rows.map(({ spent, limit, keys, settled }, index) => [
    index + 1,
    spent,
    limit,
    keys,
    settled ? 'yes' : 'no',
  ])
}

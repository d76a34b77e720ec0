/**
 * What happened when: claims, keys and waits by the minute from the kept figures, and spend from
 * the usage samples.
 */
import { Prisma } from '~/adapters/db.server'
import { nanoFromDecimalString, usdNumberFromNano } from '~/money'
import type { Ctx } from '../ctx'
import { percentile } from '../operations/histogram'
import { spans, type SpanName } from '../operations/spans'

export type ActivityPoint = {
  at: string
  claims: number
  keys: number
  refused: number
  p50: number | null
  p95: number | null
}
export type SpendPoint = { at: string; usd: number }
export type Activity = {
  from: string
  to: string
  stepSeconds: number
  points: ActivityPoint[]
  spend: SpendPoint[]
  claims: number
  keys: number
  p50: number | null
  p95: number | null
}

const timeToKey = 'time-to-key/'

/**
 * One span of time that ends now, or, when nothing has happened in it, at the last thing that did:
 * after an event the pages show the event. `scope` null means all workshops. Steps without anything
 * are there too, with zeros.
 */
export async function readActivity(
  ctx: Pick<Ctx, 'db' | 'now'>,
  scope: string | null,
  span: SpanName,
): Promise<Activity> {
  const { seconds, stepSeconds } = spans[span]
  const now = ctx.now().getTime()
  const last = await readLastMinute(ctx, scope)
  const end = last !== null && last < now - seconds * 1000 ? last + 60_000 : now
  const stepMs = stepSeconds * 1000
  const to = Math.ceil(end / stepMs) * stepMs
  const from = to - seconds * 1000
  const [moments, spend] = await Promise.all([
    readMoments(ctx, scope, from, to, stepSeconds),
    readSpend(ctx, scope, from, Math.min(to, now), stepSeconds),
  ])
  const byStep = Map.groupBy(moments, (moment) => moment.step)
  const points = Array.from({ length: seconds / stepSeconds }, (_, step) =>
    pointOf(new Date(from + step * stepMs).toISOString(), byStep.get(step) ?? []),
  )
  const whole = pointOf('', moments)
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    stepSeconds,
    points,
    spend,
    claims: whole.claims,
    keys: whole.keys,
    p50: whole.p50,
    p95: whole.p95,
  }
}

type Moment = { step: number; facet: string; n: number }

const ofScope = (scope: string | null) =>
  scope === null ? Prisma.sql`true` : Prisma.sql`scope = ${scope}`

async function readLastMinute(ctx: Pick<Ctx, 'db'>, scope: string | null): Promise<number | null> {
  const [row] = await ctx.db.$queryRaw<{ minute: Date | null }[]>`
    select greatest((select max(starts_at) from keymint.figure_steps where width = 60 and ${ofScope(scope)}),
      (select max(minute) from keymint.figure_deltas where ${ofScope(scope)})) as minute`
  return row?.minute?.getTime() ?? null
}

async function readMoments(
  ctx: Pick<Ctx, 'db'>,
  scope: string | null,
  from: number,
  to: number,
  stepSeconds: number,
): Promise<Moment[]> {
  const [start, end] = [new Date(from), new Date(to)]
  return ctx.db.$queryRaw<Moment[]>`
    select floor(extract(epoch from at - ${start}::timestamptz) / ${stepSeconds}::int)::int as step, facet,
      sum(n)::int as n from (
      select starts_at as at, facet, n from keymint.figure_steps where width = ${stepSeconds}::int
        and starts_at >= ${start}::timestamptz and starts_at < ${end}::timestamptz and ${ofScope(scope)}
      union all select minute, facet, n from keymint.figure_deltas where minute >= ${start}::timestamptz
        and minute < ${end}::timestamptz and ${ofScope(scope)}) happened
    group by 1, 2`
}

function pointOf(at: string, moments: Moment[]): ActivityPoint {
  const count = (facet: string) =>
    moments.reduce((sum, moment) => (moment.facet === facet ? sum + moment.n : sum), 0)
  const waits = new Map<number, number>()
  for (const { facet, n } of moments) {
    if (!facet.startsWith(timeToKey)) continue
    const step = Number(facet.slice(timeToKey.length))
    waits.set(step, (waits.get(step) ?? 0) + n)
  }
  return {
    at,
    claims: count('claims'),
    keys: count('keys'),
    refused: count('refused'),
    p50: percentile(waits, 0.5),
    p95: percentile(waits, 0.95),
  }
}

/**
 * The last sample of each step, of every workshop; where a workshop has none in a step, what it had
 * before counts on.
 */
async function readSpend(
  ctx: Pick<Ctx, 'db'>,
  scope: string | null,
  from: number,
  to: number,
  stepSeconds: number,
): Promise<SpendPoint[]> {
  const [start, end] = [new Date(from), new Date(to)]
  const known = Prisma.sql`
    (select scope from keymint.figures where ${ofScope(scope)} union select scope from keymint.figure_deltas
      where minute is null and ${ofScope(scope)}) known`
  const [rows, before] = await Promise.all([
    ctx.db.$queryRaw<{ scope: string; step: number; usd: string }[]>`
      select known.scope, sampled.step, sampled.usd from ${known} cross join lateral (
        select distinct on (step) step, usd from (
          select floor(extract(epoch from s.sampled_at - ${start}::timestamptz) / ${stepSeconds}::int)::int as
            step, s.sampled_at, s.usage_usd::text as usd
          from keymint.usage_samples s where s.scope = known.scope and s.sampled_at >= ${start}::timestamptz
            and s.sampled_at < ${end}::timestamptz) stepped
        order by step, sampled_at desc) sampled`,
    ctx.db.$queryRaw<{ scope: string; usd: string }[]>`
      select known.scope, latest.usd from ${known} cross join lateral (
        select usage_usd::text as usd from keymint.usage_samples s where s.scope = known.scope
          and s.sampled_at < ${start}::timestamptz order by sampled_at desc limit 1) latest`,
  ])
  if (rows.length === 0) return []
  const snapshot = new Map(before.map((row) => [row.scope, nanoFromDecimalString(row.usd)]))
  const points: SpendPoint[] = []
  const byStep = Map.groupBy(rows, (row) => row.step)
  for (let step = 0; step < Math.ceil((to - from) / 1000 / stepSeconds); step++) {
    for (const row of byStep.get(step) ?? [])
      snapshot.set(row.scope, nanoFromDecimalString(row.usd))
    if (snapshot.size === 0) continue
    const at = Math.min(from + (step + 1) * stepSeconds * 1000, to)
    points.push({
      at: new Date(at).toISOString(),
      usd: usdNumberFromNano([...snapshot.values()].reduce((sum, usd) => sum + usd, 0n)),
    })
  }
  return points
}

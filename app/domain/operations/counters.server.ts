/**
 * Counters: how many claims are in each state, and what they used, without counting them. Guarantee:
 * kept plus not yet folded equals a full count at every moment, because triggers on the claims
 * append every change in its own transaction. Folding only moves amounts from figure_deltas to
 * figures.
 */
import type { Db, Tx } from '~/adapters/db.server'
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import { stepWidths } from './spans'

/** Of the claims of a workshop, or of all. */
export type Counters = {
  total: number
  pending: number
  ready: number
  ended: number
  refused: number
  /** Ready, and the guardrail is not attached. */
  unbound: number
  /** Unbound, and left for a person because the provider refused this very key. */
  setAside: number
  disabled: number
  missing: number
  /** Ready, and the cap is spent as far as it was read. */
  overLimit: number
  /** Have used their key. */
  active: number
  /** Keys that were replaced or revoked. */
  retired: number
  /** Used by all keys, replaced ones included. */
  spent: NanoUsd
  /** Used beyond what was committed. */
  overrun: NanoUsd
  overrunClaims: number
}

type Row = { scope: string; facet: string; n: number; usd: string }

const maxPerFold = 50_000
// Any fixed number: two sweeps that fold at once would wait for each other's rows.
const foldLock = 7_126_202

/**
 * Adds the changes since the last fold to the counters. Returns how many changes there were; 0 when
 * another process is folding.
 */
export async function foldCounters(ctx: Pick<Ctx, 'db'>): Promise<number> {
  return ctx.db.$transaction(async (tx) => {
    const [lock] = await tx.$queryRaw<
      { mine: boolean }[]
    >`select pg_try_advisory_xact_lock(${foldLock}::bigint) as mine`
    if (!lock?.mine) return 0
    const [folded] = await tx.$queryRaw<{ entries: number }[]>`
      with taken as (
        delete from keymint.figure_deltas
          where id in (select id from keymint.figure_deltas order by id limit ${maxPerFold}::int)
          returning scope, minute, facet, n, usd),
      kept_counters as (
        insert into keymint.figures as kept (scope, facet, n, usd)
        select scope, facet, sum(n), sum(usd) from taken where minute is null group by scope, facet
        on conflict (scope, facet) do update set n = kept.n + excluded.n, usd = kept.usd + excluded.usd),
      steps as (
        insert into keymint.figure_steps as kept (scope, width, starts_at, facet, n)
        select scope, width, date_bin(make_interval(secs => width), minute, 'epoch'), facet, sum(n) from taken
          cross join unnest(${stepWidths}::int[]) width where minute is not null group by 1, 2, 3, 4
        on conflict (scope, width, starts_at, facet) do update set n = kept.n + excluded.n)
      select count(*)::int as entries from taken`
    return folded?.entries ?? 0
  })
}

/** The counters of every workshop that ever had a claim. */
export async function readAllCounters(db: Db | Tx): Promise<Map<string, Counters>> {
  const rows = await db.$queryRaw<Row[]>`
    select scope, facet, sum(n)::int as n, sum(usd)::text as usd from (
      select scope, facet, n, usd from keymint.figures
      union all select scope, facet, n, usd from keymint.figure_deltas where minute is null) kept
    group by scope, facet`
  const byScope = Map.groupBy(rows, (row) => row.scope)
  return new Map([...byScope].map(([scope, ofScope]) => [scope, countersOf(ofScope)]))
}

/** The counters of one workshop; all zero where nobody has claimed. */
export async function readCounters(db: Db | Tx, scope: string): Promise<Counters> {
  return countersOf(
    await db.$queryRaw<Row[]>`
    select ${scope} as scope, facet, sum(n)::int as n, sum(usd)::text as usd from (
      select facet, n, usd from keymint.figures where scope = ${scope}
      union all select facet, n, usd from keymint.figure_deltas where scope = ${scope} and minute is null) kept
    group by facet`,
  )
}

export type CounterDifference = {
  scope: string
  facet: string
  kept: number
  counted: number
  keptUsd: string
  countedUsd: string
}

/**
 * Counts everything and compares. An empty list means that the counters are right. It reads every
 * claim, so it is for tests and proofs.
 */
export async function verifyCounters(ctx: Pick<Ctx, 'db'>): Promise<CounterDifference[]> {
  return ctx.db.$queryRaw<CounterDifference[]>`
    with kept as (
      select scope, facet, sum(n) as n, sum(usd) as usd from (
        select scope, facet, n, usd from keymint.figures
        union all select scope, facet, n, usd from keymint.figure_deltas where minute is null) entries
      group by scope, facet)
    select coalesce(kept.scope, counted.scope) as scope, coalesce(kept.facet, counted.facet) as facet,
      coalesce(kept.n, 0)::int as kept, coalesce(counted.n, 0)::int as counted,
      coalesce(kept.usd, 0)::text as "keptUsd", coalesce(counted.usd, 0)::text as "countedUsd"
    from kept full join keymint.counted_figures counted on counted.scope = kept.scope
      and counted.facet = kept.facet
    where coalesce(kept.n, 0) <> coalesce(counted.n, 0) or coalesce(kept.usd, 0) <> coalesce(counted.usd, 0)
    order by 1, 2`
}

/** The sum over several workshops. */
export function sumCounters(all: Iterable<Counters>): Counters {
  const sum = countersOf([])
  for (const counters of all) {
    for (const [name, value] of Object.entries(counters) as [keyof Counters, number | NanoUsd][]) {
      Object.assign(sum, {
        [name]:
          typeof value === 'bigint'
            ? (sum[name] as NanoUsd) + value
            : (sum[name] as number) + value,
      })
    }
  }
  return sum
}

function countersOf(rows: Row[]): Counters {
  const byFacet = new Map(rows.map((row) => [row.facet, row]))
  const count = (facet: string) => byFacet.get(facet)?.n ?? 0
  const amount = (facet: string) => nanoFromDecimalString(byFacet.get(facet)?.usd ?? '0')
  return {
    total: count('total'),
    pending: count('pending'),
    ready: count('ready'),
    ended: count('ended'),
    refused: count('refused'),
    unbound: count('unbound'),
    setAside: count('set-aside'),
    disabled: count('disabled'),
    missing: count('missing'),
    overLimit: count('over-limit'),
    active: count('active'),
    retired: count('retired'),
    spent: amount('usage') + amount('retired'),
    overrun: amount('overrun'),
    overrunClaims: count('overrun'),
  }
}

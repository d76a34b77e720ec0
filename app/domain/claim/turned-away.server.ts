/**
 * Who came for a key and got none: counted by workshop, minute and reason, without the person. A
 * second try counts again. Appended like the counters of claims, so that a crowd waits for no row.
 */
import type { Ctx } from '../ctx'

const facet = 'turned-away:'

/** Losing a count is better than keeping somebody waiting for it. */
export async function recordTurnedAway(
  ctx: Pick<Ctx, 'db' | 'log'>,
  workshopSlug: string,
  reason: string,
): Promise<void> {
  try {
    await ctx.db.$executeRaw`
      insert into keymint.figure_deltas (scope, minute, facet, n)
      values (${workshopSlug}, date_trunc('minute', keymint.now()), ${facet + reason}, 1)`
  } catch (error) {
    ctx.log.warn({ error }, 'a person who was turned away could not be counted')
  }
}

/** By workshop, the most frequent reason first. */
export async function readTurnedAway(
  ctx: Pick<Ctx, 'db'>,
  minutes: number,
): Promise<Map<string, { reason: string; count: number }[]>> {
  const rows = await ctx.db.$queryRaw<{ scope: string; facet: string; count: number }[]>`
    select scope, facet, sum(n)::int as count from (
      select scope, facet, n from keymint.figure_steps where width = 60
        and starts_at >= keymint.now() - make_interval(mins => ${minutes}::int) and facet like 'turned-away:%'
      union all select scope, facet, n from keymint.figure_deltas
        where minute >= keymint.now() - make_interval(mins => ${minutes}::int)
          and facet like 'turned-away:%') counted
    group by scope, facet order by count desc, facet`
  const found = new Map<string, { reason: string; count: number }[]>()
  for (const { scope, facet: name, count } of rows)
    found.set(scope, [...(found.get(scope) ?? []), { reason: name.slice(facet.length), count }])
  return found
}

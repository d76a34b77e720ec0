/** How fast money is spent lately, from the samples that readings leave. */
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import type { Ctx } from '../ctx'

const paceMinutes = 30
/** Over less than this a pace says nothing. */
const minSeconds = 240

/** Spent for each hour, by workshop; one without two samples lately is left out. */
export async function readPace(ctx: Pick<Ctx, 'db'>): Promise<Map<string, NanoUsd>> {
  const rows = await ctx.db.$queryRaw<{ scope: string; usd: string; seconds: number }[]>`
    select p.workshop_slug as scope, (newest.usage_usd - oldest.usage_usd)::text as usd,
      extract(epoch from newest.sampled_at - oldest.sampled_at)::float8 as seconds
    from keymint.pools p
    cross join lateral (select usage_usd, sampled_at from keymint.usage_samples where scope = p.workshop_slug
      and sampled_at >= keymint.now() - make_interval(mins => ${paceMinutes}::int)
      order by sampled_at desc limit 1) newest
    cross join lateral (select usage_usd, sampled_at from keymint.usage_samples where scope = p.workshop_slug
      and sampled_at >= keymint.now() - make_interval(mins => ${paceMinutes}::int)
      order by sampled_at limit 1) oldest`
  return new Map(
    rows
      .filter(({ seconds }) => seconds >= minSeconds)
      .map(({ scope, usd, seconds }) => [
        scope,
        (nanoFromDecimalString(usd.replace(/^-.*/, '0')) * 3_600n) / BigInt(Math.round(seconds)),
      ]),
  )
}

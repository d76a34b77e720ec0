/**
 * Samples: what all keys of a workshop had used at a moment. The last one of each workshop is never
 * thrown away, so no total is lost.
 */
import type { Db, Tx } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import { engineNow } from './key-store.server'

const minutesKeptDays = 7
/** Older samples have been thinned out already. */
const lookBackDays = 40

/**
 * One row for each scope: every key it ever held that a row still knows, ended and replaced ones
 * too.
 */
export async function takeSamples(db: Tx, scopes: string[], sampledAt: Date): Promise<void> {
  await db.$executeRaw`
    insert into keymint.usage_samples (scope, sampled_at, usage_usd, live_keys, active_keys, over_keys,
      over_usd)
    select held.*, coalesce(o.keys, 0), coalesce(o.usd, 0)
    from (
      select k.scope, ${sampledAt}::timestamptz, sum(k.used_usd), count(*) filter (where l.live)::int,
        count(*) filter (where l.live and k.used_usd > 0)::int
      from keymint.keys k cross join lateral (select k.off_ended_at is null and k.off_replaced_at is null
        and not k.without_reset and k.expires_at > keymint.now() as live) as l
      where k.scope = any(${scopes}) and k.saved_at is not null group by k.scope) as held
    left join (
      select scope, count(*)::int as keys, sum(over_usd) as usd from (
        select c.workshop_slug as scope,
          (case when c.limit_reset is null then c.usage_usd else c.window_used_usd
          end) - coalesce(c.limit_now_usd, c.limit_usd) as over_usd
        from keymint.workshop_attendance c where c.workshop_slug = any(${scopes})
          and c.or_key_hash is not null) as each
      where over_usd > 0 group by scope) as o using (scope)
    on conflict do nothing`
}

/** A sample of each scope that an account's reading may have changed. */
export async function sampleAccount(db: Db, account: string): Promise<void> {
  const scopes = await db.$queryRaw<{ scope: string }[]>`
    select distinct scope from keymint.keys where account = ${account}::uuid and saved_at is not null
      and (settled_at is null or settled_at > keymint.now() - interval '24 hours')`
  if (scopes.length > 0)
    await takeSamples(
      db,
      scopes.map(({ scope }) => scope),
      await engineNow(db),
    )
}

/** After a week one sample an hour stays: its last. */
export async function thinSamples(ctx: Ctx): Promise<number> {
  return ctx.db.$executeRaw`
    delete from keymint.usage_samples s
    where s.sampled_at < now() - make_interval(days => ${minutesKeptDays}::int)
      and s.sampled_at > now() - make_interval(days => ${lookBackDays}::int)
      and exists (select 1 from keymint.usage_samples later where later.scope = s.scope
        and later.sampled_at > s.sampled_at
        and later.sampled_at < date_trunc('hour', s.sampled_at, 'UTC') + interval '1 hour')`
}

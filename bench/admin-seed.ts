/**
 * Many claims with all that depends on them, by SQL: people, mints, attempts, jobs, audit events and
 * usage samples, made over the last days.
 */
import type { Db } from '~/adapters/db.server'
import { deploymentAccount } from '~/domain/keys/accounts.server'

/**
 * Nine of ten are ready, one of a hundred unbound, one of twenty refused; half were used. However
 * many there are, they come at the same pace, ten a minute: more of them means a longer time.
 */
export async function seedClaims(
  db: Db,
  { slug, claims }: { slug: string; claims: number },
): Promise<void> {
  const run = (sql: string) => db.$executeRawUnsafe(sql)
  const id = (kind: string) => `md5('${kind}' || n)::uuid`
  const at = `now() - make_interval(secs => n * 6)`
  const rows = `generate_series(1, ${claims}) n`
  const stated = `(select n, case when n % 20 = 3 then 'refused' when n % 20 = 5 then 'ended' else 'ready' end as state
    from ${rows}) claim`
  await run(`
    insert into keymint.attendees (user_id, display_name, email, email_normalized, auth_provider)
    select 'github:' || n, 'Person ' || n, 'p' || n || '@example.org', 'p' || n || '@example.org', 'github'
    from ${rows}`)
  await run(`
    insert into keymint.workshop_attendance (user_id, workshop_slug, claim_id, email_normalized, provider, state,
      reason, committed_usd, limit_usd, expires_at, allowed_models, attended_at)
    select 'github:' || n, '${slug}', ${id('claim')}, 'p' || n || '@example.org', 'github', state,
      case when state <> 'ready' and state <> 'pending' then 'expired' end,
      case when state = 'ready' then 2 else 0 end, 2, now() + interval '90 days', '{openai/gpt-5-nano}', ${at}
    from ${stated}`)
  await run(`
    insert into keymint.pools (workshop_slug, committed_usd, seats)
    select workshop_slug, sum(committed_usd), count(*) from keymint.workshop_attendance group by 1`)
  await run(`
    insert into keymint.mints (id, holder_kind, holder_id, generation, scope, account, state, limit_usd, expires_at,
      attempts, queued_at, taken_at, done_at)
    select ${id('mint')}, 'claim', ${id('claim')}, 1, '${slug}', '${deploymentAccount}',
      case when n % 20 = 3 then 'refused' else 'done' end, 2, now() + interval '90 days', 1, ${at}, ${at},
      case when n % 20 <> 3 then ${at} + interval '3 s' end
    from ${rows}`)
  await run(`
    insert into keymint.mint_attempts (id, mint_id, token, name, state, http_status, sent_at, settled_at)
    select ${id('attempt')}, ${id('mint')}, ${id('token')}, 'km/bench/' || n,
      case when n % 20 = 3 then 'refused' else 'saved' end, case when n % 20 = 3 then 400 else 201 end, ${at},
      ${at} + interval '1 s'
    from ${rows}`)
  // The claims' columns about their keys are copies, which these rows write.
  await run(`
    insert into keymint.keys (id, installation, holder_kind, holder_id, generation, account, scope, mint_id,
      attempt_id, hash, label, sealed, requested_at, saved_at, expires_at, expiry_echoed, limit_usd, wants_guardrail,
      seen_limit_usd, seen_at, seen_revision, seen_off, guardrail_id, guardrail_at, bind_error, used_usd,
      window_used_usd, read_at)
    select ${id('key')}, (select id from keymint.installation), 'claim', ${id('claim')}, 1, '${deploymentAccount}',
      '${slug}', ${id('mint')}, ${id('attempt')}, 'abc' || lpad(n::text, 61, '0'),
      'sk-or-v1-' || left(md5(n::text), 3) || '...' || right(md5(n::text), 4), 'sealed', ${at},
      ${at} + make_interval(secs => 2 + n % 20), now() + interval '90 days', true, 2, true,
      2, ${at} + make_interval(secs => 2 + n % 20), 1, n % 500 = 1, 'guardrail',
      case when n % 100 <> 7 then ${at} + interval '30 s' end,
      case when n % 100 = 7 then 'The provider answered 500.' end,
      case when n % 2 = 0 then (n % 200) / 100.0 else 0 end,
      case when n % 2 = 0 then (n % 200) / 100.0 else 0 end, now() - interval '1 min'
    from ${stated} where state = 'ready'`)
  await run(`
    insert into keymint.key_windows (key_id, starts_at, reserved_usd, used_usd)
    select id, '1970-01-01Z', 2, used_usd from keymint.keys where scope = '${slug}'`)
  await run(`
    insert into keymint.audit_events (at, actor, action, subject, workshop_slug)
    select ${at}, 'user:github:' || n, 'claim.made', 'claim:' || ${id('claim')}, '${slug}' from ${rows}`)
  await run(`
    insert into pgboss.job (id, name, policy, data, state, priority, retry_limit, start_after, created_on,
      started_on, completed_on, singleton_key)
    select ${id('job')}, 'mint-key', 'exclusive', jsonb_build_object('mintId', ${id('mint')}),
      (case when n % 400 = 3 then 'failed' else 'completed' end)::pgboss.job_state, 0, 100000, ${at}, ${at},
      ${at} + interval '1 s', ${at} + interval '3 s', (${id('mint')})::text
    from ${rows}`)
  await run(`
    insert into keymint.usage_samples (scope, sampled_at, usage_usd, live_keys, active_keys)
    select '${slug}', now() - make_interval(mins => n), greatest(0, 500 - n / 20.0), ${claims}, 10
    from generate_series(1, 10080) n`)
}

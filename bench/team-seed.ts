/**
 * A team's year by SQL: live keys with a month of readings, and keys that have ended and are
 * settled. Triggers are off meanwhile, so what they keep is written here as they would.
 */
import type { World } from '../tests/world'

export type TeamSize = { liveKeys: number; readings: number; endedKeys: number }

const id = (kind: string) => `md5('${kind}' || n)::uuid`

/** The team's members in turn hold the keys; `readings` are spread evenly over the month so far. */
export async function seedTeam(
  { db }: World,
  team: { teamId: string; scope: string; slug: string; masterKeyId: string },
  size: TeamSize,
): Promise<void> {
  const { liveKeys, readings, endedKeys } = size
  const people = `(select array_agg(user_id order by user_id) from keymint.team_members
    where team_id = '${team.teamId}')`
  const month = `(select date_trunc('month', keymint.now() at time zone 'UTC')::date)`
  const holder = `(${people})[1 + n % 20]`
  const live = `n <= ${liveKeys}`
  // Who has ended did so in the months before this one.
  const past = `(case when ${live} then ${month} else ${month} - make_interval(mins => n) end)`
  const keys = `generate_series(1, ${liveKeys + endedKeys}) n`
  const statements = [
    `insert into keymint.api_keys (id, team_id, user_id, master_key_id, service, purpose, project, cap_usd, reset,
      expires_at, state, reason, key_hash, sealed, key_label, key_saved_at, upstream_cap_usd, usage_usd,
      usage_synced_at, created_at, ended_at, closed_upstream_at, settled_at, deleted_upstream_at)
    select ${id('api-key')}, '${team.teamId}', ${holder}, '${team.masterKeyId}', m.service, 'Key ' || n,
      'project-' || n % 7, 50, null,
      keymint.now() + case when ${live} then interval '90 days' else interval '-1 day' end,
      case when ${live} then 'ready' else 'ended' end, case when not (${live}) then 'expired' end,
      encode(sha256(('key' || n)::bytea), 'hex'), case when ${live} then 'sealed' end, 'sk-...' || n % 1000,
      ${past}, 50, 1, keymint.now(), ${past},
      case when not (${live}) then ${past} end,
      case when not (${live}) then ${past} end,
      case when not (${live}) then ${past} end,
      case when not (${live}) then ${past} end
    from ${keys}, keymint.master_keys m where m.id = '${team.masterKeyId}'`,
    `insert into keymint.mints (id, holder_kind, holder_id, generation, scope, account, state, limit_usd, expires_at,
      attempts, queued_at, taken_at, done_at)
    select ${id('team-mint')}, 'sub-key', ${id('api-key')}, 1, '${team.scope}', '${team.masterKeyId}', 'done', 50,
      keymint.now() + interval '90 days', 1, keymint.now(), keymint.now(), keymint.now() from ${keys}`,
    `insert into keymint.mint_attempts (id, mint_id, token, name, state, http_status, sent_at, settled_at)
    select ${id('team-attempt')}, ${id('team-mint')}, ${id('token')}, 'km/team/' || n, 'saved', 201, keymint.now(),
      keymint.now() from ${keys}`,
    `insert into keymint.keys (id, installation, holder_kind, holder_id, generation, account, scope, mint_id,
      attempt_id, hash, label, sealed, saved_at, expires_at, limit_usd, seen_limit_usd, seen_at, seen_revision,
      used_usd, read_at, off_ended_at, closed_at, stable_at, settled_at, deleted_at)
    select ${id('team-key')}, (select i.id from keymint.installation i), 'sub-key', ${id('api-key')}, 1,
      '${team.masterKeyId}', '${team.scope}', ${id('team-mint')}, ${id('team-attempt')},
      encode(sha256(('key' || n)::bytea), 'hex'), 'sk-...' || n % 1000, case when ${live} then 'sealed' end,
      ${past},
      keymint.now() + case when ${live} then interval '90 days' else interval '-1 day' end, 50, 50, keymint.now(), 1, 1,
      keymint.now(), ended, ended, ended, ended, ended
    from ${keys}, lateral (select case when not (${live}) then ${past} end as ended) e`,
    `insert into keymint.transactions (at, team_id, user_id, month, kind, from_account, to_account, amount_usd,
      api_key_id, actor)
    select ${month} + (keymint.now() - ${month}) * r / ${readings + 1}, '${team.teamId}', k.user_id, ${month}, 'spend',
      'committed', 'spent', 0.00001, k.id, 'worker'
    from generate_series(1, ${readings}) r
    join keymint.api_keys k on k.id = md5('api-key' || (1 + r % ${liveKeys}))::uuid`,
    `insert into keymint.budget_months as b (team_id, user_id, month, allocated_usd, free_usd)
    select '${team.teamId}', m.user_id, ${month} - make_interval(months => back), 500, 500
    from keymint.team_members m, generate_series(0, 12) back where m.team_id = '${team.teamId}'
    on conflict (team_id, user_id, month) do update set allocated_usd = 500, free_usd = 500`,
    `insert into keymint.key_months (api_key_id, user_id, month, committed_usd, spent_usd)
    select k.id, k.user_id, case when k.state = 'ready' then ${month} else ${month}
        - make_interval(months => 1 + extract(minute from k.created_at)::int % 11) end,
      case when k.state = 'ready' then 1 else 0 end, 0.01
    from keymint.api_keys k where k.team_id = '${team.teamId}'`,
    `insert into keymint.key_days (api_key_id, team_id, user_id, month, day, usage_usd, last_used_at)
    select t.api_key_id, t.team_id, t.user_id, t.month, keymint.day_of_posting(t.at, t.month), sum(t.amount_usd),
      max(t.at)
    from keymint.transactions t where t.kind = 'spend' group by 1, 2, 3, 4, 5`,
    `update keymint.budget_months b set spent_usd = s.usd, committed_usd = s.committed,
      free_usd = b.allocated_usd - s.usd - s.committed
    from (select k.user_id, m.month, sum(m.spent_usd) as usd, sum(m.committed_usd) as committed
      from keymint.key_months m join keymint.api_keys k on k.id = m.api_key_id group by 1, 2) s
    where b.team_id = '${team.teamId}' and b.user_id = s.user_id and b.month = s.month`,
    `insert into keymint.audit_events (at, actor, action, subject, workshop_slug)
    select ${past}, 'user:' || ${holder}, 'sub-key.made', 'sub-key:' || ${id('api-key')},
      '${team.scope}' from ${keys}`,
  ]
  await db.$transaction(
    async (tx) => {
      await tx.$executeRawUnsafe(`set local session_replication_role = replica`)
      for (const statement of statements) await tx.$executeRawUnsafe(statement)
    },
    { timeout: 600_000 },
  )
  // As autovacuum leaves a database that has been running.
  await db.$executeRawUnsafe('vacuum analyze')
}

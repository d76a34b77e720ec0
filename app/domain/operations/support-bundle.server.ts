/**
 * What somebody who helps needs to know of a deployment: versions, counts and what failed. No name,
 * no address, no key: numbers and our own codes, and texts only after every value of the
 * environment and all that looks like a secret was taken out.
 */
import { scrub } from '~/adapters/log.server'
import type { Db } from '~/adapters/db.server'

type Rows = Record<string, string | number | boolean | null | string[]>[]

/** One question each: what cannot be answered says why, and the rest is there. */
export async function readSupportFacts(db: Db): Promise<Record<string, Rows | string>> {
  const facts: Record<string, Rows | string> = {}
  for (const [name, read] of Object.entries(questions)) {
    try {
      facts[name] = await read(db)
    } catch (error) {
      facts[name] = `not read: ${error instanceof Error ? error.message : String(error)}`
    }
  }
  return facts
}

const questions: Record<string, (db: Db) => Promise<Rows>> = {
  database: (db) => db.$queryRaw`
    select current_setting('server_version') as version, current_setting('max_connections') as connections,
      pg_database_size(current_database())::float8 as bytes, pg_is_in_recovery() as "isReplica"`,
  migrations: (db) => db.$queryRaw`
    select migration_name as name, finished_at::text as "finishedAt", rolled_back_at::text as "rolledBackAt"
    from keymint._prisma_migrations order by started_at`,
  tables: (db) => db.$queryRaw`
    select n.nspname || '.' || c.relname as name, greatest(c.reltuples, 0)::float8 as "rowsAbout",
      pg_total_relation_size(c.oid)::float8 as bytes
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname in ('keymint', 'pgboss') order by 3 desc, 1 limit 40`,
  claims: (db) => db.$queryRaw`
    select state, coalesce(reason, '') as reason, count(*)::int as count
    from keymint.workshop_attendance group by 1, 2 order by 1, 2`,
  mints: (db) => db.$queryRaw`
    select state, count(*)::int as count from keymint.mints group by 1 order by 1`,
  queues: (db) => db.$queryRaw`
    select name, ready_count as ready, deferred_count as deferred, active_count as active,
      failed_count as failed from pgboss.queue order by 1`,
  workers: (db) => db.$queryRaw`
    select version, region, slots, locked, started_at::text as "startedAt", last_seen_at::text as "lastSeenAt",
      gone_at::text as "goneAt" from keymint.workers order by last_seen_at desc limit 20`,
  gate: (db) => db.$queryRaw`
    select count(*)::int as accounts, (count(*) filter (where cooldown_until is not null))::int as cooling,
      (count(*) filter (where parked_at is not null))::int as parked,
      (select count(*)::int from keymint.minting where paused_at is not null) as paused
    from keymint.accounts`,
  alerts: (db) => db.$queryRaw`
    select kind, threshold, severity, state, count(*)::int as count, max(seen_at)::text as "lastSeenAt"
    from keymint.alerts group by 1, 2, 3, 4 order by 6 desc limit 40`,
  backups: (db) => db.$queryRaw`
    select finished_at::text as "finishedAt", bytes::float8 as bytes, rows::float8 as rows, error
    from keymint.backups order by id desc limit 7`,
  errors: (db) => db.$queryRaw`
    select class, message, http_status as "httpStatus", job_names as jobs, count::float8 as count,
      first_seen::text as "firstSeen", last_seen::text as "lastSeen"
    from keymint.error_groups order by last_seen desc limit 30`,
}

const mailbox = /[^\s@"'<>(),;:]+@[^\s@"'<>(),;:]+\.[a-z]{2,}/gi

/** Every text in it, at any depth, without secrets and addresses. */
export function withoutSecrets<Value>(value: Value): Value {
  if (typeof value === 'string') return scrub(value).replace(mailbox, '[address]') as Value
  if (Array.isArray(value)) return value.map((one: unknown) => withoutSecrets(one)) as Value
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, withoutSecrets(one as unknown)]),
  ) as Value
}

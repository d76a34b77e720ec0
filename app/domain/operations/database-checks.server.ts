/**
 * What only the database can say: whether it is there, as this build needs it, and whether somebody
 * works the queue.
 */
import { readQueueInstallation } from '~/adapters/queue-installation.server'
import { workerQuietSeconds } from './workers.server'
import {
  count,
  fail,
  listed,
  ok,
  together,
  warn,
  type Finding,
  type PatientWith,
} from './doctor-check'
import { switchFindings, switchIsOn } from './config-checks'

type WithDb = PatientWith<'db'>

export async function checkDatabase({ db }: WithDb): Promise<Finding> {
  try {
    // The first question also waits for a connection, which is no latency.
    await db.$queryRaw`select 1`
    const startedAt = performance.now()
    const [server] = await db.$queryRaw<{ version: string; recovering: boolean; most: number }[]>`
      select current_setting('server_version') as version, pg_is_in_recovery() as recovering,
        current_setting('max_connections')::int as most`
    const took = Math.round(performance.now() - startedAt)
    if (server?.recovering)
      return fail(
        'The database answers but takes no writes: it is a replica.',
        'Point DATABASE_URL at the primary.',
      )
    return ok(
      `PostgreSQL ${server?.version} answers in ${took} ms and allows ${server?.most} connections. A web process may use 12, a worker 26.`,
    )
  } catch {
    return fail(
      'The database of DATABASE_URL does not answer.',
      'Bring it back: docs/runbook.md, “Database down”. What waits goes on by itself then.',
    )
  }
}

export async function checkMigrations({ db, migrations }: WithDb): Promise<Finding> {
  const [table] = await db.$queryRaw<
    { there: boolean }[]
  >`select to_regclass('keymint._prisma_migrations') is not null as there`
  const remedy =
    'Run `npm run migrate` (in the image: `node build/node/migrate.js`) and read what it says.'
  if (!table?.there) return fail('The database was never migrated.', remedy)
  const rows = await db.$queryRaw<{ name: string; applied: boolean; failed: boolean }[]>`
    select migration_name as name, bool_or(finished_at is not null and rolled_back_at is null) as applied,
      bool_or(finished_at is null and rolled_back_at is null) as failed
    from keymint._prisma_migrations group by 1`
  const applied = new Set(rows.filter((row) => row.applied).map((row) => row.name))
  const missing = migrations.filter((name) => !applied.has(name))
  const halfway = rows.filter((row) => row.failed && !row.applied).map((row) => row.name)
  const ahead = [...applied].filter((name) => !migrations.includes(name))
  const findings: Finding[] = []
  if (missing.length > 0)
    findings.push(
      fail(
        `${count(missing.length, 'migration')} of this build ${missing.length === 1 ? 'is' : 'are'} missing: ${listed(missing)}.${halfway.length > 0 ? ` Begun and not finished: ${listed(halfway)}.` : ''}`,
        remedy,
      ),
    )
  if (ahead.length > 0)
    findings.push(
      warn(
        `The database is ahead of this build by ${listed(ahead)}.`,
        'Deploy the newest build; during a rolling deploy this passes by itself.',
      ),
    )
  return together(
    findings,
    `All ${migrations.length} migrations of this build are applied, and none besides.`,
  )
}

export async function checkQueue({ db }: WithDb): Promise<Finding> {
  const found = await readQueueInstallation(db)
  const remedy = 'Run `npm run migrate`: it makes every queue and schedule.'
  const findings: Finding[] = []
  if (found.version === null) return fail('pg-boss’s tables are missing.', remedy)
  if (found.version < found.neededVersion)
    findings.push(
      fail(
        `pg-boss’s tables are of version ${found.version}, this build needs ${found.neededVersion}.`,
        remedy,
      ),
    )
  if (found.version > found.neededVersion)
    findings.push(
      warn(
        `pg-boss’s tables are of version ${found.version}, newer than the ${found.neededVersion} of this build.`,
        'Deploy the newest build.',
      ),
    )
  if (found.missingQueues.length > 0)
    findings.push(fail(`Queues are missing: ${listed(found.missingQueues)}.`, remedy))
  if (found.wrongPolicies.length > 0)
    findings.push(
      fail(
        `Queues were made under another policy: ${listed(found.wrongPolicies)}.`,
        'A policy cannot be changed: give the queue a new name in the catalog.',
      ),
    )
  if (found.missingSchedules.length > 0)
    findings.push(fail(`Schedules are missing: ${listed(found.missingSchedules)}.`, remedy))
  return together(findings, `pg-boss ${found.version}, every queue and schedule is there.`)
}

export async function checkWorker({ db }: WithDb): Promise<Finding> {
  const [workers] = await db.$queryRaw<{ lately: number; slots: number; quiet: number | null }[]>`
    select count(*) filter (where last_seen_at > now() - make_interval(secs =>
      ${workerQuietSeconds}::int))::int as lately,
      coalesce(sum(slots) filter (where last_seen_at > now() - make_interval(secs =>
        ${workerQuietSeconds}::int)), 0)::int as slots,
      extract(epoch from now() - max(last_seen_at))::int as quiet from keymint.workers`
  if (workers && workers.lately > 0)
    return ok(
      `${count(workers.lately, 'worker')} seen within ${workerQuietSeconds} s, ${count(workers.slots, 'call')} of POST /keys at once.`,
    )
  const words =
    workers?.quiet === null || workers === undefined
      ? 'No worker was ever seen.'
      : `No worker was seen for ${workers.quiet} s.`
  return fail(
    `${words} Claims are accepted and wait.`,
    'Start one: `fly scale count worker=2`, or `npm run worker`. docs/runbook.md, “Worker gone”.',
  )
}

/** The switch of the environment, and the gate that all workers share. */
export async function checkSwitch(patient: WithDb): Promise<Finding> {
  const findings = switchFindings(patient)
  const [gate] = await patient.db.$queryRaw<
    { paused: boolean; why: string | null; seconds: number | null; reason: string | null }[]
  >`
    select paused_at is not null as paused, pause_reason as why, reason,
      case when cooldown_until is not null then greatest(0,
        ceil(extract(epoch from cooldown_until - now())))::int end as seconds from keymint.minting`
  if (gate?.paused)
    findings.push(
      fail(`Minting is paused${gate.why ? `: “${gate.why}”` : ''}.`, 'Resume it at /admin/queue.'),
    )
  if (gate && gate.seconds !== null)
    findings.push(
      warn(
        `The provider refused the last call (${gate.reason ?? 'no reason kept'}); ${gate.seconds > 0 ? `the next try is in ${gate.seconds} s` : 'the next mint is a probe'}.`,
        'It opens by itself when the provider answers: docs/runbook.md, “Trouble upstream”.',
      ),
    )
  return together(findings, switchIsOn(patient))
}

/** Whether what is sealed can be opened with the keys we hold. */
export async function findLostSealKeys({ db, sealKeyIds }: WithDb): Promise<Finding[]> {
  if (sealKeyIds === null) return []
  const [lost] = await db.$queryRaw<{ rows: number; ids: string[] | null }[]>`
    select count(*)::int as rows, array_agg(distinct split_part(or_key_plaintext, '.', 2)) as ids
      from keymint.workshop_attendance
    where or_key_plaintext is not null and split_part(or_key_plaintext, '.', 2) <> all(${sealKeyIds})`
  if (!lost || lost.rows === 0) return []
  return [
    fail(
      `${count(lost.rows, 'key')} cannot be shown to ${lost.rows === 1 ? 'its owner' : 'their owners'}: sealed with a key that ENCRYPTION_KEY no longer holds (${listed(lost.ids ?? [])}).`,
      'Put that key back, behind the newest one: docs/runbook.md, “Rotating a secret”.',
    ),
  ]
}

/** What the database says: whether it is as this build needs it, and whether a worker is running. */
import { refusalOf } from '~/database-refusal'
import { catalog } from '~/adapters/job-catalog'
import { editedMigrations } from '~/adapters/migrations.server'
import { readQueueInstallation } from '~/adapters/queue-installation.server'
import { workerQuietSeconds, workerSeen } from '../worker-seen.server'
import { readLastBackups } from './backup.server'
import { giveawayFindings, switchIsOn } from './config-checks'
import { maxBackupHours, type CauseCode } from './judgement'
import { readPausedQueues } from './paused-queues.server'
import type { TestedWith } from './readiness-check'
import { error, judged, ok, orWhenFine, warning, type Finding } from './readiness-finding'

/** The version of PostgreSQL that the tests run on. */
const testedMajor = 17

type WithDb = TestedWith<'db'>

export async function checkDatabase({ db, findPoolers }: WithDb): Promise<Finding | Finding[]> {
  try {
    // The first query also waits for a connection, which is not latency.
    await db.$queryRaw`select 1`
    const startedAt = performance.now()
    const [server] = await db.$queryRaw<
      { version: string; major: number; recovering: boolean; max: number }[]
    >`
      select current_setting('server_version') as version, pg_is_in_recovery() as recovering,
        current_setting('server_version_num')::int / 10000 as major,
        current_setting('max_connections')::int as max`
    if (!server || server.recovering) return error({ code: 'database-replica' })
    const ms = Math.round(performance.now() - startedAt)
    if (server.major < testedMajor)
      return warning({ code: 'database-old', version: server.version })
    return orWhenFine(await poolerFindings(findPoolers), {
      code: 'database-ok',
      version: server.version,
      ms,
      connections: server.max,
    })
  } catch (thrown) {
    const refusal = refusalOf(thrown)
    return error(refusal ? { code: 'database-refused', refusal } : { code: 'database-down' })
  }
}

/** Web and the workers' own reads may go through one; what listens and holds locks may not. */
async function poolerFindings(findPoolers: TestedWith<'db'>['findPoolers']): Promise<Finding[]> {
  const { poolers, hasDirect } = await findPoolers()
  const at = (variable: string) => poolers.find((one) => one.variable === variable)
  const ofPages = at('DATABASE_URL')
  const ofSessions = hasDirect ? at('DIRECT_DATABASE_URL') : ofPages
  const findings: Finding[] = []
  if (ofSessions) findings.push(error({ code: 'pooler-direct', variable: ofSessions.variable }))
  if (ofPages?.takesNamedStatements === false) findings.push(error({ code: 'pooler-statements' }))
  else if (ofPages && !ofSessions) findings.push(warning({ code: 'pooler-between' }))
  return findings
}

export async function checkMigrations({ db, migrations }: WithDb): Promise<Finding | Finding[]> {
  const [table] = await db.$queryRaw<
    { there: boolean }[]
  >`select to_regclass('keymint._prisma_migrations') is not null as there`
  if (!table?.there) return error({ code: 'never-migrated' })
  const rows = await db.$queryRaw<
    { name: string; checksum: string; applied: boolean; failed: boolean }[]
  >`
    select migration_name as name, max(checksum) filter (where finished_at is not null) as checksum,
      bool_or(finished_at is not null and rolled_back_at is null) as applied,
      bool_or(finished_at is null and rolled_back_at is null) as failed
    from keymint._prisma_migrations group by 1`
  const applied = new Set(rows.filter((row) => row.applied).map((row) => row.name))
  const missing = migrations.filter((name) => !applied.has(name))
  const unfinished = rows.filter((row) => row.failed && !row.applied).map((row) => row.name)
  const unknown = [...applied].filter((name) => !migrations.includes(name))
  const findings: Finding[] = []
  if (missing.length > 0)
    findings.push(error({ code: 'migrations-missing', names: missing, unfinished }))
  const edited = editedMigrations(rows.filter((row) => row.applied))
  if (edited.length > 0) findings.push(error({ code: 'migrations-edited', names: edited }))
  if (unknown.length > 0) findings.push(warning({ code: 'migrations-unknown', names: unknown }))
  return orWhenFine(findings, { code: 'migrations-ok', count: migrations.length })
}

export async function checkQueue({ db }: WithDb): Promise<Finding | Finding[]> {
  const found = await readQueueInstallation(db)
  const { version, neededVersion: needed } = found
  if (version === null) return error({ code: 'queue-missing' })
  const findings: Finding[] = []
  if (version < needed) findings.push(error({ code: 'queue-version', version, needed }))
  if (version > needed) findings.push(warning({ code: 'queue-version', version, needed }))
  if (found.missingQueues.length > 0)
    findings.push(error({ code: 'queues-missing', names: found.missingQueues }))
  if (found.wrongPolicies.length > 0)
    findings.push(error({ code: 'queue-policies', names: found.wrongPolicies }))
  if (found.missingSchedules.length > 0)
    findings.push(error({ code: 'schedules-missing', names: found.missingSchedules }))
  return orWhenFine(findings, { code: 'queue-ok', version })
}

export async function checkWorker(tested: WithDb): Promise<Finding[]> {
  const [row] = await tested.db.$queryRaw<{ workers: number; calls: number }[]>`
    select count(*) filter (where ${workerSeen})::int as workers,
      coalesce(sum(slots) filter (where ${workerSeen}), 0)::int as calls
    from keymint.workers`
  const idle = await countIdleWorkers(tested)
  const findings = await judgedOf(tested, workerCodes)
  if (idle > 0) findings.push(warning({ code: 'workers-idle', workers: idle }))
  return orWhenFine(findings, {
    code: 'workers-ok',
    workers: row?.workers ?? 0,
    calls: row?.calls ?? 0,
    quietSeconds: workerQuietSeconds,
  })
}

/** Of those that have had the time: a worker is told of a job at once, and asks twice a second. */
async function countIdleWorkers(tested: WithDb): Promise<number> {
  const held = (await readPausedQueues(tested)).map(({ name }) => name)
  const names = Object.keys(catalog).filter((name) => !held.includes(name))
  const [row] = await tested.db.$queryRaw<{ idle: number }[]>`
    select count(*)::int as idle from keymint.workers w
    where ${workerSeen} and w.started_at < now() - interval '2 min' and w.current_jobs = '[]'::jsonb
      and not exists (select 1 from keymint.job_runs r
        where r.worker_id = w.id and r.ended_at > now() - interval '10 min')
      and exists (select 1 from pgboss.job j where j.name = any(${names}) and j.state in ('created', 'retry')
        and j.blocked = false and j.start_after < now() - interval '30 s')`
  return row?.idle ?? 0
}

/** Whether somebody who claims now gets a key. */
export async function checkSwitch(tested: WithDb): Promise<Finding[]> {
  return orWhenFine(
    [...(await judgedOf(tested, switchCodes)), ...giveawayFindings(tested)],
    switchIsOn(tested),
  )
}

/** All else that the judgement finds: what other checks look into themselves is left to them. */
export async function checkState(tested: WithDb): Promise<Finding[]> {
  const elsewhere = new Set([...workerCodes, ...switchCodes, ...lookedInto])
  const found = (await tested.judged()).filter(({ code }) => !elsewhere.has(code))
  return orWhenFine(found.map(judged), { code: 'nothing-wrong' })
}

const workerCodes: ReadonlySet<CauseCode> = new Set(['no-worker', 'workers-behind', 'long-wait'])
const switchCodes: ReadonlySet<CauseCode> = new Set([
  'account-parked',
  'switched-off',
  'paused',
  'queue-paused',
  'cooling-down',
  'calls-failing',
  'runs-fail',
])
/** Files are read line by line, the provider is asked for the credit, and backups have a check. */
const lookedInto: ReadonlySet<CauseCode> = new Set([
  'file-broken',
  'files-broken',
  'credits-low',
  'backup-failed',
  'backup-late',
])

const judgedOf = async (tested: WithDb, codes: ReadonlySet<CauseCode>): Promise<Finding[]> =>
  (await tested.judged()).filter(({ code }) => codes.has(code)).map(judged)

/** Whether everything sealed can be opened with the keys that are configured. */
export async function findLostSealKeys({ db, sealKeyIds }: WithDb): Promise<Finding[]> {
  if (sealKeyIds === null) return []
  const lost = await db.$queryRaw<{ what: 'keys' | 'credentials'; count: number; ids: string[] }[]>`
    select what, count(*)::int as count, array_agg(distinct split_part(sealed, '.', 2)) as ids from (
      select 'keys' as what, sealed from keymint.keys where sealed is not null
      union all select 'credentials', sealed from keymint.master_keys where sealed is not null) s
    where split_part(sealed, '.', 2) <> all(${sealKeyIds}) group by what order by what desc`
  return lost.map(({ what, count, ids }) =>
    error(
      what === 'keys'
        ? { code: 'seal-keys-lost', keys: count, ids }
        : { code: 'sealed-credentials-lost', credentials: count, ids },
    ),
  )
}

export async function checkBackup({ db, backup }: WithDb): Promise<Finding> {
  if (backup === null) return ok({ code: 'backup-none' })
  const last = await readLastBackups(db)
  const hours = last.made && Math.floor(last.made.ageMs / 3_600_000)
  if (last.error !== null) return error({ code: 'backup-failed', error: last.error, hours })
  if (!last.made || hours === null) return warning({ code: 'backup-none-yet' })
  if (hours >= maxBackupHours) return error({ code: 'backup-late', hours })
  return ok({
    code: 'backup-ok',
    file: last.made.file,
    hours,
    isEncrypted: last.made.file.endsWith('.age'),
  })
}

/** pg-boss's tables, queues and schedules in the database: made by `migrate`, and read back. */
import { createRequire } from 'node:module'
import { PgBoss } from 'pg-boss'
import { withoutPrismaParameters, type Db } from './db.server'
import { catalog, schedules, type CatalogEntry, type JobName } from './job-catalog'

/**
 * Installs or upgrades pg-boss's tables and makes every queue and schedule of the catalog. Only
 * `migrate` calls this.
 */
export async function migrateQueues(url: string): Promise<void> {
  const boss = new PgBoss({
    connectionString: withoutPrismaParameters(url),
    max: 2,
    supervise: false,
    schedule: false,
    registerInstance: false,
  })
  boss.on('error', () => undefined)
  await boss.start()
  try {
    for (const [name, { queue }] of Object.entries(catalog) as [JobName, CatalogEntry][]) {
      if (queue.deadLetter)
        await boss.createQueue(queue.deadLetter, { retentionSeconds: 90 * 86_400 })
      await boss.createQueue(name, queue)
      const { policy: _policy, ...changeable } = queue
      await boss.updateQueue(name, changeable)
    }
    for (const { name, cron } of schedules) await boss.schedule(name, cron, {}, { tz: 'UTC' })
  } finally {
    await boss.stop({ graceful: false, timeout: 1_000 })
  }
}

export type QueueInstallation = {
  /** pg-boss's own schema: what the database has, null for none, and what this build needs. */
  version: number | null
  neededVersion: number
  missingQueues: string[]
  /** A policy is fixed when a queue is made: these were made under another one. */
  wrongPolicies: string[]
  missingSchedules: string[]
}

/**
 * What `migrate` has left in the database, against what this build's catalog asks for. Throws when
 * the database does not answer.
 */
export async function readQueueInstallation(db: Db): Promise<QueueInstallation> {
  const { pgboss } = createRequire(import.meta.url)('pg-boss/package.json') as {
    pgboss: { schema: number }
  }
  const wanted = Object.entries<CatalogEntry>(catalog).flatMap(
    ([name, { queue }]): { name: string; policy: string | undefined }[] => [
      { name, policy: queue.policy },
      ...(queue.deadLetter ? [{ name: queue.deadLetter, policy: undefined }] : []),
    ],
  )
  const [installed] = await db.$queryRaw<
    { there: boolean }[]
  >`select to_regclass('pgboss.version') is not null as there`
  if (!installed?.there)
    return {
      version: null,
      neededVersion: pgboss.schema,
      missingQueues: wanted.map(({ name }) => name),
      wrongPolicies: [],
      missingSchedules: schedules.map(({ name }) => name),
    }
  const [versions, queues, crons] = await Promise.all([
    db.$queryRaw<{ version: number }[]>`select version from pgboss.version`,
    db.$queryRaw<{ name: string; policy: string }[]>`select name, policy from pgboss.queue`,
    db.$queryRaw<{ name: string; cron: string }[]>`select name, cron from pgboss.schedule`,
  ])
  const policyOf = new Map(queues.map(({ name, policy }) => [name, policy]))
  return {
    version: versions[0]?.version ?? null,
    neededVersion: pgboss.schema,
    missingQueues: wanted.filter(({ name }) => !policyOf.has(name)).map(({ name }) => name),
    wrongPolicies: wanted
      .filter(
        ({ name, policy }) =>
          policy !== undefined && policyOf.has(name) && policyOf.get(name) !== policy,
      )
      .map(({ name }) => name),
    missingSchedules: schedules
      .filter(
        (schedule) =>
          !crons.some(({ name, cron }) => name === schedule.name && cron === schedule.cron),
      )
      .map(({ name }) => name),
  }
}

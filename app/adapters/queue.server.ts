/**
 * The queue: the catalog of jobs with their payloads and rules, and the sending of them inside a
 * transaction. It sits below the domain, so that the domain sends by name and knows no handler.
 * A queue's policy is fixed when it is created; changing one here needs a new name.
 */
import { createRequire } from 'node:module'
import { PgBoss, fromPrisma, type Queue as BossQueue } from 'pg-boss'
import { z } from 'zod'
import { withoutPrismaParameters, type Db, type Tx } from './db.server'

// Attempts are counted on our own rows: pg-boss's limit is so high that it never decides.
const never = 100_000
// A worker that died is noticed after one missed heartbeat (10 s, the least pg-boss allows).
const durable = {
  retryLimit: never,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 15,
  heartbeatSeconds: 10,
} as const
const mintPayload = z.object({ mintId: z.uuid() })
const bulkPayload = z.object({ bulkId: z.uuid() })
const subKeyPayload = z.object({ keyId: z.uuid() })
const emptyPayload = z.object({})
const masterKeyPayload = z.object({ masterKeyId: z.uuid() })

type CatalogEntry = { payload: z.ZodType<object>; queue: Omit<BossQueue, 'name'> }

export const catalog = {
  /** Makes the key of one mint. Singleton key: the mint id. */
  'mint-key': {
    payload: mintPayload,
    queue: {
      ...durable,
      policy: 'exclusive',
      notify: true,
      expireInSeconds: 60,
      deadLetter: 'mint-key-dead',
    },
  },
  /**
   * The same for a mint that needs a team's service: slots of its own, so that a proxy that hangs
   * holds no claim up. Singleton key: the mint id.
   */
  'mint-sub-key': {
    payload: mintPayload,
    queue: {
      ...durable,
      policy: 'exclusive',
      notify: true,
      expireInSeconds: 60,
      deadLetter: 'mint-sub-key-dead',
    },
  },
  /**
   * Attaches one minted key to its guardrail. Fetched in batches. Singleton key: the mint id. It
   * does not NOTIFY: commits that do take turns, and saves must not; the worker that saved wakes
   * its own bind slot instead.
   */
  'bind-guardrail': {
    payload: mintPayload,
    queue: {
      ...durable,
      policy: 'exclusive',
      notify: false,
      expireInSeconds: 120,
      deadLetter: 'bind-guardrail-dead',
    },
  },
  /**
   * Works the items of one bulk action, a stretch at a time. Singleton key: the bulk action's id.
   */
  'bulk-action': {
    payload: bulkPayload,
    queue: {
      ...durable,
      policy: 'exclusive',
      notify: true,
      expireInSeconds: 300,
      deadLetter: 'bulk-action-dead',
    },
  },
  /** Copies usage of live keys into the database. */
  'sync-usage': {
    payload: emptyPayload,
    queue: {
      policy: 'exclusive',
      retryLimit: 1,
      expireInSeconds: 240,
      heartbeatSeconds: 30,
      deleteAfterSeconds: 86_400,
    },
  },
  /** Finds and removes keys of ours that no row holds. One may wait while one runs. */
  'reconcile-keys': {
    payload: emptyPayload,
    queue: {
      policy: 'short',
      notify: true,
      retryLimit: 1,
      expireInSeconds: 240,
      heartbeatSeconds: 30,
      deleteAfterSeconds: 86_400,
    },
  },
  /**
   * Compares everything upstream with our rows: the run that somebody asked for, or one of its own.
   * Singleton key: the run id.
   */
  'reconcile-check': {
    payload: z.object({ runId: z.uuid().optional() }),
    queue: {
      ...durable,
      policy: 'exclusive',
      notify: true,
      expireInSeconds: 240,
      deleteAfterSeconds: 86_400,
    },
  },
  /** Carries out the fixes of one run. Singleton key: the run id. */
  'reconcile-fix': {
    payload: z.object({ runId: z.uuid() }),
    queue: {
      ...durable,
      policy: 'exclusive',
      notify: true,
      expireInSeconds: 600,
      deleteAfterSeconds: 86_400,
    },
  },
  /** Thins out samples and forgets old checks. */
  'tidy-readings': {
    payload: emptyPayload,
    queue: { policy: 'exclusive', retryLimit: 1, expireInSeconds: 240, deleteAfterSeconds: 86_400 },
  },
  /** Makes a workshop's receipt; comes back until the books are closed. Singleton key: the slug. */
  'make-receipt': {
    payload: z.object({ workshopSlug: z.string() }),
    queue: {
      policy: 'exclusive',
      retryLimit: never,
      retryDelay: 30,
      retryBackoff: true,
      retryDelayMax: 900,
      expireInSeconds: 900,
      heartbeatSeconds: 30,
    },
  },
  /**
   * Checks whether this deployment is ready for a room, as staff asked for it. Not tried again:
   * they see that it did not end and ask anew.
   */
  doctor: {
    payload: z.object({ reportId: z.uuid() }),
    queue: {
      policy: 'exclusive',
      notify: true,
      retryLimit: 0,
      expireInSeconds: 180,
      heartbeatSeconds: 30,
      deleteAfterSeconds: 86_400,
    },
  },
  /** Sends `reconcile-service` for each master key that may have keys. */
  'reconcile-services': {
    payload: emptyPayload,
    queue: {
      policy: 'exclusive',
      retryLimit: 1,
      expireInSeconds: 60,
      heartbeatSeconds: 30,
      deleteAfterSeconds: 86_400,
    },
  },
  /**
   * Finds and removes keys of ours behind one master key that no row holds. Singleton key: the
   * master key's id.
   */
  'reconcile-service': {
    payload: masterKeyPayload,
    queue: {
      policy: 'exclusive',
      retryLimit: 1,
      expireInSeconds: 240,
      heartbeatSeconds: 30,
      deleteAfterSeconds: 86_400,
    },
  },
  /**
   * Brings the provider in line with the row of one sub-key. One may wait while one runs. Singleton
   * key: the key's id.
   */
  'apply-sub-key': {
    payload: subKeyPayload,
    queue: {
      ...durable,
      policy: 'short',
      notify: true,
      expireInSeconds: 120,
      deadLetter: 'apply-sub-key-dead',
    },
  },
  /** Copies usage of sub-keys into the ledger, and returns what ended keys have not spent. */
  'sync-sub-keys': {
    payload: emptyPayload,
    queue: {
      policy: 'exclusive',
      retryLimit: 1,
      expireInSeconds: 240,
      heartbeatSeconds: 30,
      deleteAfterSeconds: 86_400,
    },
  },
  /**
   * Opens the month of every member. Nothing depends on it: whoever touches a month first opens it.
   */
  'roll-months': {
    payload: emptyPayload,
    queue: {
      policy: 'exclusive',
      retryLimit: 10,
      retryDelay: 30,
      expireInSeconds: 600,
      heartbeatSeconds: 30,
      deleteAfterSeconds: 7 * 86_400,
    },
  },
  /** Sends again what was lost, ends what has expired. Sends itself again. */
  sweep: {
    payload: emptyPayload,
    queue: {
      policy: 'short',
      notify: true,
      retryLimit: never,
      retryDelay: 5,
      expireInSeconds: 60,
      heartbeatSeconds: 10,
      deleteAfterSeconds: 3_600,
    },
  },
  /** Chains audit events of finished transactions. Sends itself again. */
  'chain-audit': {
    payload: emptyPayload,
    queue: {
      policy: 'short',
      notify: true,
      retryLimit: never,
      retryDelay: 5,
      expireInSeconds: 120,
      heartbeatSeconds: 10,
      deleteAfterSeconds: 3_600,
    },
  },
  /** Erases people who have not been here for long, and what has had its day. */
  tidy: {
    payload: emptyPayload,
    queue: {
      policy: 'exclusive',
      retryLimit: 3,
      retryDelay: 60,
      expireInSeconds: 900,
      heartbeatSeconds: 30,
      deleteAfterSeconds: 7 * 86_400,
    },
  },
} as const satisfies Record<string, CatalogEntry>

export type JobName = keyof typeof catalog
export type JobPayload<Name extends JobName> = z.output<(typeof catalog)[Name]['payload']>

/** Where jobs end that no worker could read, or that failed more often than their queue allows. */
export const deadLetterNames: readonly string[] = Object.values(catalog).flatMap(
  (entry: CatalogEntry) => (entry.queue.deadLetter ? [entry.queue.deadLetter] : []),
)

const schedules: { name: JobName; cron: string }[] = [
  { name: 'sync-usage', cron: '* * * * *' },
  { name: 'reconcile-keys', cron: '*/5 * * * *' },
  { name: 'reconcile-check', cron: '7 * * * *' },
  { name: 'tidy-readings', cron: '23 * * * *' },
  { name: 'tidy', cron: '23 3 * * *' },
  { name: 'reconcile-services', cron: '*/5 * * * *' },
  { name: 'sync-sub-keys', cron: '* * * * *' },
  // Every midnight, not only the first of a month: a night that was missed is made up for by the
  // next.
  { name: 'roll-months', cron: '0 0 * * *' },
]

export type SendOptions = { singletonKey?: string; startAfterSeconds?: number }

export type Queue = {
  /**
   * Sends a job in the caller's transaction. `already-queued` means a job with this key waits or
   * runs.
   */
  enqueue<Name extends JobName>(
    tx: Tx,
    name: Name,
    payload: JobPayload<Name>,
    options?: SendOptions,
  ): Promise<'queued' | 'already-queued'>
  /**
   * Makes a job that waits for its next try run now. Does nothing to one that runs or is not there.
   */
  bringForward(tx: Tx, name: JobName, singletonKey: string): Promise<void>
  /** Runs this waiting job after so many seconds (0: now). False when it does not wait any more. */
  runAfter(tx: Tx, name: string, jobId: string, seconds: number): Promise<boolean>
  /**
   * Takes a job that waits or runs out of the queue; whatever a worker then says of it is ignored.
   * False when it has ended.
   */
  cancel(tx: Tx, name: string, jobId: string): Promise<boolean>
  /** Runs a job again that failed for good. False when it is in no such state. */
  retryFailed(tx: Tx, name: string, jobId: string): Promise<boolean>
  /**
   * Puts a dead letter back into the queue it came from, or into `name` when it does not know.
   * False when it is gone.
   */
  redrive(tx: Tx, deadLetterName: string, jobId: string): Promise<boolean>
  /**
   * Brings every waiting job of this name forward, so many at once and the next ones a second
   * later. Returns how many.
   */
  spreadForward(tx: Tx, name: JobName, perSecond: number): Promise<number>
  stop(): Promise<void>
}

/** Sends inside `tx` through any started pg-boss instance. */
async function sendInTransaction<Name extends JobName>(
  boss: PgBoss,
  tx: Tx,
  name: Name,
  payload: JobPayload<Name>,
  options: SendOptions = {},
) {
  const id = await boss.send(name, catalog[name].payload.parse(payload), {
    db: fromPrisma(tx),
    ...(options.singletonKey ? { singletonKey: options.singletonKey } : {}),
    ...(options.startAfterSeconds ? { startAfter: options.startAfterSeconds } : {}),
  })
  return id === null ? ('already-queued' as const) : ('queued' as const)
}

/** Runs a waiting job now. Workers notice by their backstop poll, within two seconds. */
async function bringForwardInTransaction(
  boss: PgBoss,
  tx: Tx,
  name: JobName,
  singletonKey: string,
): Promise<void> {
  await boss.update(name, undefined, { singletonKey, startAfter: new Date(), db: fromPrisma(tx) })
}

/** The sending half of the queue over any started pg-boss instance. */
export function queueOver(boss: PgBoss): Queue {
  return {
    enqueue: (tx, name, payload, options) => sendInTransaction(boss, tx, name, payload, options),
    bringForward: (tx, name, singletonKey) =>
      bringForwardInTransaction(boss, tx, name, singletonKey),
    runAfter: async (tx, name, jobId, seconds) =>
      (
        await boss.update(name, undefined, {
          id: jobId,
          startAfter: seconds > 0 ? seconds : new Date(),
          db: fromPrisma(tx),
        })
      ).updated > 0,
    cancel: async (tx, name, jobId) =>
      anyAffected(await boss.cancel(name, jobId, { db: fromPrisma(tx) })),
    retryFailed: async (tx, name, jobId) =>
      anyAffected(await boss.retry(name, jobId, { db: fromPrisma(tx) })),
    redrive: async (tx, deadLetterName, jobId) =>
      (await boss.redrive(deadLetterName, { ids: [jobId], db: fromPrisma(tx) })) > 0,
    spreadForward: spreadForwardInTransaction,
    stop: () => boss.stop({ graceful: false, timeout: 1_000 }),
  }
}

/** pg-boss answers with a count that its types do not name. */
const anyAffected = (response: object) => 'affected' in response && Number(response.affected) > 0

/**
 * pg-boss moves jobs one by one; a whole queue that was paused is one statement. Those that may run
 * already keep their place.
 */
async function spreadForwardInTransaction(
  tx: Tx,
  name: JobName,
  perSecond: number,
): Promise<number> {
  return tx.$executeRaw`
    with waiting as (
      select id, (row_number() over (order by created_on, id) - 1) / ${perSecond}::int as step from pgboss.job
      where name = ${name} and state in ('created', 'retry') and start_after > now())
    update pgboss.job j set start_after = least(j.start_after, now() + waiting.step * interval '1 s')
      from waiting where j.name = ${name} and j.id = waiting.id`
}

type BossEvents = { onError: (error: Error) => void; onWarning: (warning: object) => void }

/** A queue that only sends: for the web process and the command line. */
export async function createSendingQueue(url: string, events: BossEvents): Promise<Queue> {
  const boss = new PgBoss({
    connectionString: withoutPrismaParameters(url),
    max: 2,
    application_name: 'keymint-web-queue',
    migrate: false,
    supervise: false,
    schedule: false,
    registerInstance: false,
  })
  boss.on('error', events.onError)
  boss.on('warning', events.onWarning)
  await boss.start({ attempts: 10 })
  return queueOver(boss)
}

/**
 * The pg-boss of a worker process: listens, supervises every 5 s, runs the schedules. `url` must be
 * a direct session.
 */
export async function createWorkingBoss(url: string, events: BossEvents): Promise<PgBoss> {
  const boss = new PgBoss({
    connectionString: withoutPrismaParameters(url),
    max: 10,
    application_name: 'keymint-worker-queue',
    migrate: false,
    useListenNotify: true,
    superviseIntervalSeconds: 5,
    monitorIntervalSeconds: 5,
    persistQueueStats: true,
    persistWarnings: true,
    instanceName: 'worker',
    // Fetching and settling need not outlive a crash of Postgres: a job whose state is lost runs
    // again, which every handler allows. Sends are not touched by this: they go through the
    // caller's own transaction.
    options: '-c synchronous_commit=off',
  })
  boss.on('error', events.onError)
  boss.on('warning', events.onWarning)
  await boss.start({ attempts: 10 })
  return boss
}

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

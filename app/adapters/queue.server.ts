/**
 * The queue: jobs of the catalog, sent and changed inside the caller's transaction, and the pg-boss
 * of each kind of process.
 */
import { PgBoss, fromPrisma } from 'pg-boss'
import { withoutPrismaParameters, type Tx } from './db.server'
import { catalog, type JobName, type JobPayload } from './job-catalog'

export type SendOptions = {
  singletonKey?: string
  startAfterSeconds?: number
  /** Jobs of one group take turns with those of others. */
  group?: string
  /** Higher goes first. */
  priority?: number
}

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
  /** Runs a job now that waits for its next attempt. Ignores one that runs or does not exist. */
  bringForward(tx: Tx, name: JobName, singletonKey: string): Promise<void>
  /** Runs this waiting job in so many seconds (0: now). False when it no longer waits. */
  runAfter(tx: Tx, name: string, jobId: string, seconds: number): Promise<boolean>
  /**
   * Takes a job that waits or runs out of the queue; the outcome of one that runs is then ignored.
   * False when it has ended.
   */
  cancel(tx: Tx, name: string, jobId: string): Promise<boolean>
  /** Retries a job that failed for good. False when it is in no such state. */
  retryFailed(tx: Tx, name: string, jobId: string): Promise<boolean>
  /** Puts a dead letter back into the queue it came from. False when it is gone. */
  redrive(tx: Tx, deadLetterName: string, jobId: string): Promise<boolean>
  /** Brings every waiting job of this name forward, `perSecond` of them each second. Their count. */
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
    ...(options.group ? { group: { id: options.group } } : {}),
    ...(options.priority ? { priority: options.priority } : {}),
    ...(options.startAfterSeconds ? { startAfter: options.startAfterSeconds } : {}),
  })
  return id === null ? ('already-queued' as const) : ('queued' as const)
}

/** Workers notice by their backstop poll, within two seconds. */
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

/** pg-boss returns a count that its types do not declare. */
const anyAffected = (response: object) => 'affected' in response && Number(response.affected) > 0

/**
 * One statement for a whole queue that was paused, where pg-boss moves jobs one by one. Jobs that
 * may run already keep their place.
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

/**
 * A queue that only sends, for the web process and the command line, over two connections. Throws
 * when the database does not answer within ten attempts, or lacks what `migrate` installs.
 */
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
 * a direct session. What it fetches is noted under the worker's id (keymint.job_holders).
 */
export async function createWorkingBoss(
  url: string,
  events: BossEvents,
  workerId: string,
): Promise<PgBoss> {
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
    // Losing a fetch or a completion in a crash of Postgres is acceptable: the job runs again, which
    // every handler allows. Sends are safe: they go through the caller's own transaction.
    options: `-c synchronous_commit=off -c keymint.worker=${workerId}`,
  })
  boss.on('error', events.onError)
  boss.on('warning', events.onWarning)
  await boss.start({ attempts: 10 })
  return boss
}

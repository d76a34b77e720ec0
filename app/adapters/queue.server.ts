/**
 * The queue: the catalog of jobs with their payloads and rules, and the sending of them inside a
 * transaction. It sits below the domain, so that the domain sends by name and knows no handler.
 * A queue's policy is fixed when it is created; changing one here needs a new name.
 */
import { PgBoss, fromPrisma, type Queue as BossQueue } from 'pg-boss'
import { z } from 'zod'
import { withoutPrismaParameters, type Tx } from './db.server'

// Attempts are counted on our own rows: pg-boss's limit is so high that it never decides.
const never = 100_000
// A worker that died is noticed after one missed heartbeat (10 s, the least pg-boss allows).
const durable = { retryLimit: never, retryDelay: 1, retryBackoff: true, retryDelayMax: 15, heartbeatSeconds: 10 } as const
const mintPayload = z.object({ mintId: z.uuid() })
const bulkPayload = z.object({ bulkId: z.uuid() })
const subKeyPayload = z.object({ keyId: z.uuid() })
const emptyPayload = z.object({})
const masterKeyPayload = z.object({ masterKeyId: z.uuid() })

type CatalogEntry = { payload: z.ZodType<object>; queue: Omit<BossQueue, 'name'> }

export const catalog = {
  /** Makes the key of one mint. Singleton key: the mint id. */
  'mint-key': { payload: mintPayload, queue: { ...durable, policy: 'exclusive', notify: true, expireInSeconds: 60, deadLetter: 'mint-key-dead' } },
  /** The same for a mint that needs a team's service: slots of its own, so that a proxy that hangs holds no claim up. Singleton key: the mint id. */
  'mint-sub-key': { payload: mintPayload, queue: { ...durable, policy: 'exclusive', notify: true, expireInSeconds: 60, deadLetter: 'mint-sub-key-dead' } },
  /**
   * Attaches one minted key to its guardrail. Fetched in batches. Singleton key: the mint id. It does not NOTIFY:
   * commits that do take turns, and saves must not; the worker that saved wakes its own bind slot instead.
   */
  'bind-guardrail': { payload: mintPayload, queue: { ...durable, policy: 'exclusive', notify: false, expireInSeconds: 120, deadLetter: 'bind-guardrail-dead' } },
  /** Works the items of one bulk action, a stretch at a time. Singleton key: the bulk action's id. */
  'bulk-action': { payload: bulkPayload, queue: { ...durable, policy: 'exclusive', notify: true, expireInSeconds: 300, deadLetter: 'bulk-action-dead' } },
  /** Copies usage of live keys into the database. */
  'sync-usage': { payload: emptyPayload, queue: { policy: 'exclusive', retryLimit: 1, expireInSeconds: 240, heartbeatSeconds: 30, deleteAfterSeconds: 86_400 } },
  /** Finds and removes keys of ours that no row holds. One may wait while one runs. */
  'reconcile-keys': { payload: emptyPayload, queue: { policy: 'short', notify: true, retryLimit: 1, expireInSeconds: 240, heartbeatSeconds: 30, deleteAfterSeconds: 86_400 } },
  /** Sends `reconcile-service` for each master key that may have keys. */
  'reconcile-services': { payload: emptyPayload, queue: { policy: 'exclusive', retryLimit: 1, expireInSeconds: 60, heartbeatSeconds: 30, deleteAfterSeconds: 86_400 } },
  /** Finds and removes keys of ours behind one master key that no row holds. Singleton key: the master key's id. */
  'reconcile-service': { payload: masterKeyPayload, queue: { policy: 'exclusive', retryLimit: 1, expireInSeconds: 240, heartbeatSeconds: 30, deleteAfterSeconds: 86_400 } },
  /** Brings the provider in line with the row of one sub-key. One may wait while one runs. Singleton key: the key's id. */
  'apply-sub-key': { payload: subKeyPayload, queue: { ...durable, policy: 'short', notify: true, expireInSeconds: 120, deadLetter: 'apply-sub-key-dead' } },
  /** Copies usage of sub-keys into the ledger, and returns what ended keys have not spent. */
  'sync-sub-keys': { payload: emptyPayload, queue: { policy: 'exclusive', retryLimit: 1, expireInSeconds: 240, heartbeatSeconds: 30, deleteAfterSeconds: 86_400 } },
  /** Opens the month of every member. Nothing depends on it: whoever touches a month first opens it. */
  'roll-months': { payload: emptyPayload, queue: { policy: 'exclusive', retryLimit: 10, retryDelay: 30, expireInSeconds: 600, heartbeatSeconds: 30, deleteAfterSeconds: 7 * 86_400 } },
  /** Sends again what was lost, ends what has expired. Sends itself again. */
  sweep: { payload: emptyPayload, queue: { policy: 'short', notify: true, retryLimit: never, retryDelay: 5, expireInSeconds: 60, heartbeatSeconds: 10, deleteAfterSeconds: 3_600 } },
} as const satisfies Record<string, CatalogEntry>

export type JobName = keyof typeof catalog
export type JobPayload<Name extends JobName> = z.output<(typeof catalog)[Name]['payload']>

export const schedules: { name: JobName; cron: string }[] = [
  { name: 'sync-usage', cron: '* * * * *' },
  { name: 'reconcile-keys', cron: '*/5 * * * *' },
  { name: 'reconcile-services', cron: '*/5 * * * *' },
  { name: 'sync-sub-keys', cron: '* * * * *' },
  // Every midnight, not only the first of a month: a night that was missed is made up for by the next.
  { name: 'roll-months', cron: '0 0 * * *' },
]

export type SendOptions = { singletonKey?: string; startAfterSeconds?: number }

export type Queue = {
  /** Sends a job in the caller's transaction. `already-queued` means a job with this key waits or runs. */
  enqueue<Name extends JobName>(tx: Tx, name: Name, payload: JobPayload<Name>, options?: SendOptions): Promise<'queued' | 'already-queued'>
  /** Makes a job that waits for its next try run now. Does nothing to one that runs or is not there. */
  bringForward(tx: Tx, name: JobName, singletonKey: string): Promise<void>
  stop(): Promise<void>
}

/** Sends inside `tx` through any started pg-boss instance. */
async function sendInTransaction<Name extends JobName>(boss: PgBoss, tx: Tx, name: Name, payload: JobPayload<Name>, options: SendOptions = {}) {
  const id = await boss.send(name, catalog[name].payload.parse(payload), {
    db: fromPrisma(tx),
    ...(options.singletonKey ? { singletonKey: options.singletonKey } : {}),
    ...(options.startAfterSeconds ? { startAfter: options.startAfterSeconds } : {}),
  })
  return id === null ? 'already-queued' as const : 'queued' as const
}

/** Runs a waiting job now. Workers notice by their backstop poll, within two seconds. */
async function bringForwardInTransaction(boss: PgBoss, tx: Tx, name: JobName, singletonKey: string): Promise<void> {
  await boss.update(name, undefined, { singletonKey, startAfter: new Date(), db: fromPrisma(tx) })
}

/** The sending half of the queue over any started pg-boss instance. */
export function queueOver(boss: PgBoss): Queue {
  return {
    enqueue: (tx, name, payload, options) => sendInTransaction(boss, tx, name, payload, options),
    bringForward: (tx, name, singletonKey) => bringForwardInTransaction(boss, tx, name, singletonKey),
    stop: () => boss.stop({ graceful: false, timeout: 1_000 }),
  }
}

type BossEvents = { onError: (error: Error) => void; onWarning: (warning: object) => void }

/** A queue that only sends: for the web process and the command line. */
export async function createSendingQueue(url: string, events: BossEvents): Promise<Queue> {
  const boss = new PgBoss({ connectionString: withoutPrismaParameters(url), max: 2, application_name: 'keymint-web-queue', migrate: false, supervise: false, schedule: false, registerInstance: false })
  boss.on('error', events.onError)
  boss.on('warning', events.onWarning)
  await boss.start({ attempts: 10 })
  return queueOver(boss)
}

/** The pg-boss of a worker process: listens, supervises every 5 s, runs the schedules. `url` must be a direct session. */
export async function createWorkingBoss(url: string, events: BossEvents): Promise<PgBoss> {
  const boss = new PgBoss({
    connectionString: withoutPrismaParameters(url), max: 10, application_name: 'keymint-worker-queue', migrate: false,
    useListenNotify: true, superviseIntervalSeconds: 5, monitorIntervalSeconds: 5, persistQueueStats: true, persistWarnings: true,
    instanceName: 'worker',
    // Fetching and settling need not outlive a crash of Postgres: a job whose state is lost runs again, which every handler allows.
    // Sends are not touched by this: they go through the caller's own transaction.
    options: '-c synchronous_commit=off',
  })
  boss.on('error', events.onError)
  boss.on('warning', events.onWarning)
  await boss.start({ attempts: 10 })
  return boss
}

/** Installs or upgrades pg-boss's tables and makes every queue and schedule of the catalog. Only `migrate` calls this. */
export async function migrateQueues(url: string): Promise<void> {
  const boss = new PgBoss({ connectionString: withoutPrismaParameters(url), max: 2, supervise: false, schedule: false, registerInstance: false })
  boss.on('error', () => undefined)
  await boss.start()
  try {
    for (const [name, { queue }] of Object.entries(catalog) as [JobName, CatalogEntry][]) {
      if (queue.deadLetter) await boss.createQueue(queue.deadLetter, { retentionSeconds: 90 * 86_400 })
      await boss.createQueue(name, queue)
      const { policy: _policy, ...changeable } = queue
      await boss.updateQueue(name, changeable)
    }
    for (const { name, cron } of schedules) await boss.schedule(name, cron, {}, { tz: 'UTC' })
  } finally {
    await boss.stop({ graceful: false, timeout: 1_000 })
  }
}

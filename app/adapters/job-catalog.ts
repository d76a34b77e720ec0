/**
 * Every job there is: its payload, the rules of its queue, and the schedules. It sits below the
 * domain, so that the domain sends by name and knows no handler. A queue's policy is fixed when it
 * is created; changing one here needs a new name.
 */
import type { Queue as BossQueue } from 'pg-boss'
import { z } from 'zod'

// Attempts are counted on our own rows: pg-boss's limit is so high that it never decides.
const never = 100_000

// A dead worker is noticed after one missed heartbeat (10 s, pg-boss's minimum).
const durable = {
  retryLimit: never,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 15,
  heartbeatSeconds: 10,
} as const

const mintPayload = z.object({ mintId: z.uuid() })

const bulkPayload = z.object({ bulkId: z.uuid() })

const keyPayload = z.object({ keyId: z.uuid() })

const emptyPayload = z.object({})

export type CatalogEntry = { payload: z.ZodType<object>; queue: Omit<BossQueue, 'name'> }

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
   * The same at an account of a team: slots of its own, and turns by account, so that a proxy that
   * hangs holds up no claim and no other team. Singleton key: the mint id.
   */
  'mint-service-key': {
    payload: mintPayload,
    queue: {
      ...durable,
      policy: 'exclusive',
      notify: true,
      expireInSeconds: 60,
      deadLetter: 'mint-service-key-dead',
    },
  },
  /**
   * Applies the row of one key at the provider. One may wait while one runs. Singleton key:
   * the key's id; group: its account.
   */
  'apply-key': {
    payload: keyPayload,
    queue: {
      ...durable,
      policy: 'short',
      notify: true,
      expireInSeconds: 120,
      deadLetter: 'apply-key-dead',
    },
  },
  /**
   * Stops one key in the second in which it reaches a cap that Keymint holds. The sweep is behind it.
   * Singleton key: the key's id; group: its account.
   */
  'stop-at-cap': {
    payload: keyPayload,
    queue: {
      policy: 'exclusive',
      notify: true,
      retryLimit: 3,
      retryDelay: 5,
      expireInSeconds: 60,
      deleteAfterSeconds: 86_400,
    },
  },
  /**
   * Reads the keys of one account and settles what is due; `due`: only keys whose time has come, not
   * the list. Singleton key: the account's id, "<id>:due" for those alone; group: the account's id.
   */
  'read-account': {
    payload: z.object({ account: z.uuid(), due: z.boolean().optional() }),
    queue: {
      policy: 'exclusive',
      retryLimit: 1,
      expireInSeconds: 240,
      heartbeatSeconds: 30,
      deleteAfterSeconds: 86_400,
    },
  },
  /**
   * Reads what a team's provider tells of an account besides its keys: the balance, and spending by
   * model. Nothing waits for it. Singleton key and group: the account's id.
   */
  'read-account-facts': {
    payload: z.object({ account: z.uuid() }),
    queue: {
      policy: 'exclusive',
      retryLimit: 0,
      expireInSeconds: 120,
      heartbeatSeconds: 30,
      deleteAfterSeconds: 86_400,
    },
  },
  /** Sends `read-account` for each account that has anything to read, and reads credits. */
  'read-accounts': {
    payload: emptyPayload,
    queue: {
      policy: 'exclusive',
      retryLimit: 1,
      expireInSeconds: 120,
      heartbeatSeconds: 30,
      deleteAfterSeconds: 86_400,
    },
  },
  /**
   * Assigns one minted key to its guardrail. Fetched in batches. Singleton key: the mint id. It
   * does not NOTIFY, because commits with a NOTIFY run one after the other, which would slow the
   * saving of keys; the worker that saved a key wakes its own slot instead.
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
  /** Applies the repairs of one run. Singleton key: the run id. */
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
  /** Thins out usage samples and deletes old checks. */
  'reading-retention': {
    payload: emptyPayload,
    queue: { policy: 'exclusive', retryLimit: 1, expireInSeconds: 240, deleteAfterSeconds: 86_400 },
  },
  /**
   * Tops up the pre-minted keys of one workshop after a claim took one; the sweep does the same for
   * all. One may wait while one runs. Singleton key: the slug.
   */
  'keep-spares': {
    payload: z.object({ workshopSlug: z.string() }),
    queue: {
      policy: 'short',
      notify: true,
      retryLimit: 3,
      retryDelay: 2,
      expireInSeconds: 120,
      deleteAfterSeconds: 3_600,
    },
  },
  /** Makes a workshop's receipt; repeats until its money is settled. Singleton key: the slug. */
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
   * Checks whether this deployment is ready for an event, as staff asked for it. Not retried: they
   * see that it did not end and start it again.
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
  /**
   * Opens the month of every member. Nothing depends on it: the first use of a month opens it.
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
  /**
   * One try of one message about an alert. The row counts the tries and says when the next one is
   * due. Singleton key: the delivery's id.
   */
  'deliver-alert': {
    payload: z.object({ deliveryId: z.uuid() }),
    queue: {
      policy: 'exclusive',
      notify: true,
      retryLimit: never,
      retryDelay: 5,
      retryBackoff: true,
      retryDelayMax: 900,
      expireInSeconds: 120,
      heartbeatSeconds: 30,
      deleteAfterSeconds: 7 * 86_400,
    },
  },
  /** Sends lost jobs again and ends what has expired. Schedules its own next run. */
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
  /** Chains audit events of finished transactions. Schedules its own next run. */
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
  /** Writes a backup where BACKUP_DIR is set. */
  'make-backup': {
    payload: emptyPayload,
    queue: {
      policy: 'exclusive',
      notify: true,
      retryLimit: 3,
      retryDelay: 300,
      expireInSeconds: 3_600,
      heartbeatSeconds: 30,
      deleteAfterSeconds: 30 * 86_400,
    },
  },
  /** Retention: erases people who have been away for long, and rows past their time. */
  retention: {
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

/** Queues for jobs that no worker could read, or that failed more often than allowed. */
export const deadLetterNames: readonly string[] = Object.values(catalog).flatMap(
  (entry: CatalogEntry) => (entry.queue.deadLetter ? [entry.queue.deadLetter] : []),
)

export const schedules: { name: JobName; cron: string }[] = [
  // They send themselves; a series whose job was deleted begins again here. One may wait at a time.
  { name: 'sweep', cron: '* * * * *' },
  { name: 'chain-audit', cron: '* * * * *' },
  { name: 'read-accounts', cron: '* * * * *' },
  { name: 'reconcile-check', cron: '7 * * * *' },
  { name: 'reading-retention', cron: '23 * * * *' },
  { name: 'make-backup', cron: '41 2 * * *' },
  { name: 'retention', cron: '23 3 * * *' },
  // Every midnight, not only on the first of a month, so that a missed night does no harm.
  { name: 'roll-months', cron: '0 0 * * *' },
]

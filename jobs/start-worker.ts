/**
 * The worker: a few greedy slots over the queue. A pg-boss worker sleeps between jobs even when the
 * queue is full; one that wakes itself before it starts working fetches again at once
 * (docs/decisions/005). Mints are fetched in small batches, because a NOTIFY wakes every slot at
 * once and each of them asks the database.
 */
import type { JobWithMetadata, PgBoss } from 'pg-boss'
import type { JobName } from '~/adapters/job-catalog'
import { holdWorkerLock } from '~/adapters/worker-lock.server'
import type { Ctx } from '~/domain/ctx'
import { applyKeyJob } from './apply-key'
import { stopAtCapJob } from './stop-at-cap'
import { bindGuardrail } from './bind-guardrail'
import { bulkActionJob } from './bulk-action'
import { chainAuditJob } from './chain-audit'
import { deliverAlertJob } from './deliver-alert'
import { doctorJob } from './doctor'
import { eachAlone, runBatch, type JobBatchHandler, type RecordRuns } from './job-handler'
import { makeBackupJob } from './make-backup'
import { keepSparesJob } from './keep-spares'
import { makeReceiptJob } from './make-receipt'
import { mintKey } from './mint-key'
import { reconcileCheckJob } from './reconcile-check'
import { reconcileFixJob } from './reconcile-fix'
import { createRunRecorder } from './run-recorder'
import { readAccountJob } from './read-account'
import { readAccountFactsJob } from './read-account-facts'
import { readAccountsJob } from './read-accounts'
import { rollMonthsJob } from './roll-months'
import { sweepJob } from './sweep'
import { readingRetentionJob } from './reading-retention'
import { retentionJob } from './retention'

type Slot<Name extends JobName> = {
  handler: JobBatchHandler<Name>
  batchSize: number
  slots: number
  /** Jobs of one group at once in this process: of a provider account, or of slow ones together. */
  perGroup?: number
}
type WakeBinds = () => void

const mintBatchSize = 5
const bindBatchSize = 100

/** Every job of the catalog has a handler here; a new one without does not compile. */
function slotsFor(concurrency: number, wakeBinds: WakeBinds): { [Name in JobName]: Slot<Name> } {
  return {
    // Twice as many jobs at once as calls allowed (ctx.callPace): what surrounds a call overlaps
    // with other calls.
    'mint-key': {
      handler: eachAlone('mint-key', (ctx, payload) => mintKey(ctx, payload).finally(wakeBinds)),
      batchSize: mintBatchSize,
      slots: Math.max(2, concurrency),
    },
    // Turns by account: one whose proxy hangs holds a slot or two, and no other's. Accounts that are
    // known to be slow share a few turns, so that any number of them leaves slots free.
    'mint-service-key': {
      handler: eachAlone('mint-service-key', mintKey),
      batchSize: 1,
      slots: 12,
      perGroup: 2,
    },
    'apply-key': {
      handler: eachAlone('apply-key', applyKeyJob),
      batchSize: 1,
      slots: 14,
      perGroup: 2,
    },
    'stop-at-cap': {
      handler: eachAlone('stop-at-cap', stopAtCapJob),
      batchSize: 1,
      slots: 2,
    },
    'read-account': {
      handler: eachAlone('read-account', readAccountJob),
      batchSize: 1,
      slots: 10,
      perGroup: 1,
    },
    // Slots of its own: a provider that hangs here holds up no reading of usage.
    'read-account-facts': {
      handler: eachAlone('read-account-facts', readAccountFactsJob),
      batchSize: 1,
      slots: 4,
      perGroup: 1,
    },
    'read-accounts': {
      handler: eachAlone('read-accounts', readAccountsJob),
      batchSize: 1,
      slots: 1,
    },
    // One slot: keys that are saved while a call is under way go together in the next one.
    'bind-guardrail': { handler: bindGuardrail, batchSize: bindBatchSize, slots: 1 },
    // A long action frees its slot every twenty seconds, so that a short one need not wait for it.
    'bulk-action': { handler: eachAlone('bulk-action', bulkActionJob), batchSize: 1, slots: 3 },
    'reconcile-check': {
      handler: eachAlone('reconcile-check', reconcileCheckJob),
      batchSize: 1,
      slots: 1,
    },
    'reconcile-fix': {
      handler: eachAlone('reconcile-fix', reconcileFixJob),
      batchSize: 1,
      slots: 1,
    },
    'reading-retention': {
      handler: eachAlone('reading-retention', readingRetentionJob),
      batchSize: 1,
      slots: 1,
    },
    'keep-spares': { handler: eachAlone('keep-spares', keepSparesJob), batchSize: 1, slots: 1 },
    'make-receipt': { handler: eachAlone('make-receipt', makeReceiptJob), batchSize: 1, slots: 1 },
    'make-backup': { handler: eachAlone('make-backup', makeBackupJob), batchSize: 1, slots: 1 },
    // A receiver that hangs holds a slot for ten seconds, and leaves the others.
    'deliver-alert': {
      handler: eachAlone('deliver-alert', deliverAlertJob),
      batchSize: 1,
      slots: 3,
    },
    doctor: { handler: eachAlone('doctor', doctorJob), batchSize: 1, slots: 1 },
    'roll-months': { handler: eachAlone('roll-months', rollMonthsJob), batchSize: 1, slots: 1 },
    sweep: { handler: eachAlone('sweep', sweepJob), batchSize: 1, slots: 1 },
    'chain-audit': { handler: eachAlone('chain-audit', chainAuditJob), batchSize: 1, slots: 1 },
    retention: { handler: eachAlone('retention', retentionJob), batchSize: 1, slots: 1 },
  }
}

// With NOTIFY on, pg-boss polls every 30 s unless told otherwise; retries and delayed jobs do not
// NOTIFY.
const polling = {
  pollingIntervalSeconds: 0.5,
  notifyPollingIntervalSeconds: 2,
  includeMetadata: true,
  perJobResults: true,
} as const
const heartbeatMs = 5_000
const stopTimeoutMs = 20_000

export type RunningWorker = { id: string; stop(): Promise<void> }

export type WorkerOptions = {
  /** The id under which its pg-boss fetches (createWorkingBoss). */
  id: string
  /** A direct session, for the lock that says that this process lives. */
  sessionUrl: string
  concurrency: number
  /** For the page that lists workers. */
  version?: string | undefined
  region?: string | undefined
}

/** A worker reports at most so many of its current jobs. */
const maxJobsReported = 50

/**
 * Starts to work all jobs, with `concurrency` calls of POST /keys at once. `stop` lets running jobs
 * finish, 20 s at most.
 */
export async function startWorker(
  ctx: Ctx,
  boss: PgBoss,
  options: WorkerOptions,
): Promise<RunningWorker> {
  const { id } = options
  const recorder = createRunRecorder(ctx)
  const current = new Map<string, { id: string; name: string; since: string }>()
  const beat = () => ctx.db.$executeRaw`
    insert into keymint.workers (id, slots, version, region)
      values (${id}, ${options.concurrency}::int, ${options.version ?? null}, ${options.region ?? null})
    on conflict (id) do update
      set last_seen_at = now(), gone_at = null, taken_over_by = null, jobs_taken_over = null,
      current_jobs = ${JSON.stringify([...current.values()].slice(0, maxJobsReported))}::jsonb`
  const tracker: JobTracker = {
    track: (name, jobs) =>
      jobs.forEach((job) =>
        current.set(job.id, { id: job.id, name, since: new Date(job.startedOn).toISOString() }),
      ),
    release: (jobs) => jobs.forEach((job) => current.delete(job.id)),
    record: (runs) => recorder.record(runs.map((run) => ({ ...run, workerId: id }))),
  }
  await beat()
  await ctx.db
    .$executeRaw`delete from keymint.workers where last_seen_at < now() - interval '1 day'`
  const timer = setInterval(() => {
    beat().catch((error: unknown) =>
      ctx.log.warn({ error }, 'the worker could not report that it is alive'),
    )
  }, heartbeatMs)

  const lock = await holdWorkerLock(options.sessionUrl, id, {
    onTakeover: (worker, jobs) =>
      ctx.log.warn({ worker, jobs }, 'a worker is gone, and its jobs are taken over'),
    onLost: (error) =>
      ctx.log.warn({ error }, 'the session that says that this worker lives was lost'),
  })
  const reading = readUsageOften(ctx)

  // A job may land before `work` has given the slot its id; it then waits for the backstop poll,
  // two seconds at most.
  const bindSlot: { id?: string } = {}
  const slots = slotsFor(options.concurrency, () => {
    if (bindSlot.id !== undefined) boss.notifyWorker(bindSlot.id)
  })
  bindSlot.id = await openSlot(boss, ctx, 'bind-guardrail', slots['bind-guardrail'], tracker)
  const open = <Name extends JobName>(name: Name) =>
    openSlots(boss, ctx, name, slots[name], tracker)
  for (const name of Object.keys(slots) as JobName[])
    if (name !== 'bind-guardrail') await open(name)
  for (const name of ['sweep', 'chain-audit'] as const)
    await ctx.db.$transaction((tx) => ctx.queue.enqueue(tx, name, {}))
  ctx.log.info({ worker: id, concurrency: options.concurrency }, 'worker is running')

  return {
    id,
    async stop() {
      clearInterval(timer)
      clearInterval(reading)
      await boss.stop({ graceful: true, timeout: stopTimeoutMs })
      await recorder.settled()
      await ctx.db.$executeRaw`delete from keymint.workers where id = ${id}`.catch(() => undefined)
      await lock.stop()
    },
  }
}

/**
 * A schedule in the database fires once a minute at most: a worker that reads more often sends the
 * job itself.
 */
function readUsageOften(ctx: Ctx): NodeJS.Timeout | undefined {
  const { readUsageSeconds } = ctx.settings
  if (readUsageSeconds >= 60) return undefined
  return setInterval(() => {
    ctx.db
      .$transaction((tx) => ctx.queue.enqueue(tx, 'read-accounts', {}))
      .catch((error: unknown) =>
        ctx.log.warn({ error, job: 'read-accounts' }, 'a job could not be sent'),
      )
  }, readUsageSeconds * 1_000)
}

/** The jobs of a worker: those it holds, and their runs. */
type JobTracker = {
  track(name: JobName, jobs: JobWithMetadata<object>[]): void
  release(jobs: JobWithMetadata<object>[]): void
  record: RecordRuns
}

async function openSlots<Name extends JobName>(
  boss: PgBoss,
  ctx: Ctx,
  name: Name,
  slot: Slot<Name>,
  tracker: JobTracker,
): Promise<void> {
  if (slot.perGroup !== undefined) return openGroups(boss, ctx, name, slot, slot.perGroup, tracker)
  for (let opened = 0; opened < slot.slots; opened++) await openSlot(boss, ctx, name, slot, tracker)
}

/** Slots that groups share: pg-boss counts what each group has in hand. */
async function openGroups<Name extends JobName>(
  boss: PgBoss,
  ctx: Ctx,
  name: Name,
  slot: Slot<Name>,
  perGroup: number,
  tracker: JobTracker,
): Promise<void> {
  const options = {
    ...polling,
    // A slot that took a job beyond its group's turns puts it back and looks again.
    notifyPollingIntervalSeconds: 1,
    // While jobs wait, a slot that had one takes the next at once.
    burstWhenReadyExceeds: 1,
    batchSize: slot.batchSize,
    localConcurrency: slot.slots,
    localGroupConcurrency: perGroup,
  } as const
  await boss.work<object, void, typeof options>(
    name,
    options,
    (jobs: JobWithMetadata<object>[]) => {
      tracker.track(name, jobs)
      return runBatch(boss, ctx, name, slot.handler, jobs, tracker.record).finally(() =>
        tracker.release(jobs),
      )
    },
  )
}

async function openSlot<Name extends JobName>(
  boss: PgBoss,
  ctx: Ctx,
  name: Name,
  { handler, batchSize }: Slot<Name>,
  tracker: JobTracker,
): Promise<string> {
  const slot: { id?: string } = {}
  const options = { ...polling, batchSize } as const
  slot.id = await boss.work<object, void, typeof options>(
    name,
    options,
    (jobs: JobWithMetadata<object>[]) => {
      if (slot.id !== undefined) boss.notifyWorker(slot.id)
      tracker.track(name, jobs)
      return runBatch(boss, ctx, name, handler, jobs, tracker.record).finally(() =>
        tracker.release(jobs),
      )
    },
  )
  return slot.id
}

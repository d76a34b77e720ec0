/**
 * The worker: a few greedy slots over the queue. A pg-boss worker sleeps between jobs even when the queue is full;
 * one that wakes itself before it starts working fetches again at once (docs/decisions/005). Mints are fetched
 * in small batches, because a NOTIFY wakes every slot at once and each of them asks the database.
 */
import { randomUUID } from 'node:crypto'
import type { JobWithMetadata, PgBoss } from 'pg-boss'
import type { JobName } from '~/adapters/queue.server'
import type { Ctx } from '~/domain/ctx'
import { applySubKeyJob } from './apply-sub-key'
import { bindGuardrail } from './bind-guardrail'
import { bulkActionJob } from './bulk-action'
import { eachAlone, runBatch, type JobBatchHandler } from './job-handler'
import { mintKey } from './mint-key'
import { mintSubKey } from './mint-sub-key'
import { reconcileKeysJob } from './reconcile-keys'
import { reconcileServiceJob } from './reconcile-service'
import { reconcileServicesJob } from './reconcile-services'
import { rollMonthsJob } from './roll-months'
import { sweepJob } from './sweep'
import { syncSubKeysJob } from './sync-sub-keys'
import { syncUsageJob } from './sync-usage'

type Slot<Name extends JobName> = { handler: JobBatchHandler<Name>; batchSize: number; slots: number }
type WakeBinds = () => void

const mintBatchSize = 5
const bindBatchSize = 100

/** Every job of the catalog has a handler here; a new one without does not compile. */
function slotsFor(concurrency: number, wakeBinds: WakeBinds): { [Name in JobName]: Slot<Name> } {
  return {
    // Twice as many jobs in hand as calls allowed (ctx.limitMints): what surrounds a call overlaps with other calls.
    'mint-key': { handler: eachAlone('mint-key', (ctx, payload) => mintKey(ctx, payload).finally(wakeBinds)), batchSize: mintBatchSize, slots: Math.max(2, concurrency) },
    // Two batches at most wait for services of teams, and for nothing else.
    'mint-sub-key': { handler: eachAlone('mint-sub-key', mintSubKey), batchSize: mintBatchSize, slots: 2 },
    // One slot: keys that are saved while a call is under way go together in the next one.
    'bind-guardrail': { handler: bindGuardrail, batchSize: bindBatchSize, slots: 1 },
    // A long action gives its slot back every twenty seconds, so that a short one need not wait for its end.
    'bulk-action': { handler: eachAlone('bulk-action', bulkActionJob), batchSize: 1, slots: 3 },
    'sync-usage': { handler: eachAlone('sync-usage', syncUsageJob), batchSize: 1, slots: 1 },
    'reconcile-keys': { handler: eachAlone('reconcile-keys', reconcileKeysJob), batchSize: 1, slots: 1 },
    'reconcile-services': { handler: eachAlone('reconcile-services', reconcileServicesJob), batchSize: 1, slots: 1 },
    'reconcile-service': { handler: eachAlone('reconcile-service', reconcileServiceJob), batchSize: 1, slots: 2 },
    'apply-sub-key': { handler: eachAlone('apply-sub-key', applySubKeyJob), batchSize: 5, slots: 2 },
    'sync-sub-keys': { handler: eachAlone('sync-sub-keys', syncSubKeysJob), batchSize: 1, slots: 1 },
    'roll-months': { handler: eachAlone('roll-months', rollMonthsJob), batchSize: 1, slots: 1 },
    sweep: { handler: eachAlone('sweep', sweepJob), batchSize: 1, slots: 1 },
  }
}

// With NOTIFY on, pg-boss polls every 30 s unless told otherwise; retries and delayed jobs do not NOTIFY.
const polling = { pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 2, includeMetadata: true, perJobResults: true } as const
const heartbeatMs = 5_000
const stopTimeoutMs = 20_000

export type RunningWorker = { id: string; stop(): Promise<void> }

/** Starts to work all jobs, with `concurrency` calls of POST /keys at once. `stop` lets running jobs finish, 20 s at most. */
export async function startWorker(ctx: Ctx, boss: PgBoss, options: { concurrency: number }): Promise<RunningWorker> {
  const id = randomUUID()
  const beat = () => ctx.db.$executeRaw`
    insert into keymint.workers (id, slots) values (${id}, ${options.concurrency}::int) on conflict (id) do update set last_seen_at = now()`
  await beat()
  await ctx.db.$executeRaw`delete from keymint.workers where last_seen_at < now() - interval '1 day'`
  const timer = setInterval(() => {
    beat().catch((error: unknown) => ctx.log.warn({ error }, 'the worker could not report that it is alive'))
  }, heartbeatMs)

  // A job may land before `work` has given the slot its id; it then waits for the backstop poll, two seconds at most.
  const bindSlot: { id?: string } = {}
  const slots = slotsFor(options.concurrency, () => {
    if (bindSlot.id !== undefined) boss.notifyWorker(bindSlot.id)
  })
  bindSlot.id = await openSlot(boss, ctx, 'bind-guardrail', slots['bind-guardrail'])
  for (const name of ['mint-key', 'mint-sub-key', 'bulk-action', 'sync-usage', 'reconcile-keys', 'reconcile-services', 'reconcile-service', 'apply-sub-key', 'sync-sub-keys', 'roll-months', 'sweep'] as const) await openSlots(boss, ctx, name, slots[name])
  await ctx.db.$transaction((tx) => ctx.queue.enqueue(tx, 'sweep', {}))
  ctx.log.info({ worker: id, concurrency: options.concurrency }, 'worker is running')

  return {
    id,
    async stop() {
      clearInterval(timer)
      await boss.stop({ graceful: true, timeout: stopTimeoutMs })
      await ctx.db.$executeRaw`delete from keymint.workers where id = ${id}`.catch(() => undefined)
    },
  }
}

async function openSlots<Name extends JobName>(boss: PgBoss, ctx: Ctx, name: Name, slot: Slot<Name>): Promise<void> {
  for (let opened = 0; opened < slot.slots; opened++) await openSlot(boss, ctx, name, slot)
}

async function openSlot<Name extends JobName>(boss: PgBoss, ctx: Ctx, name: Name, { handler, batchSize }: Slot<Name>): Promise<string> {
  const slot: { id?: string } = {}
  const options = { ...polling, batchSize } as const
  slot.id = await boss.work<object, void, typeof options>(name, options, (jobs: JobWithMetadata<object>[]) => {
    if (slot.id !== undefined) boss.notifyWorker(slot.id)
    return runBatch(boss, ctx, name, handler, jobs)
  })
  return slot.id
}

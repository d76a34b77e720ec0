/**
 * The worker: greedy slots over the queue. A pg-boss worker sleeps between jobs even when the queue is full;
 * a slot that wakes itself before it starts working fetches again at once (see docs/decisions/005).
 */
import { randomUUID } from 'node:crypto'
import type { JobWithMetadata, PgBoss } from 'pg-boss'
import type { JobName } from '~/adapters/queue.server'
import type { Ctx } from '~/domain/ctx'
import { bindGuardrail } from './bind-guardrail'
import { runBatch, runJob, type JobHandler } from './job-handler'
import { mintKey } from './mint-key'
import { reconcileKeysJob } from './reconcile-keys'
import { sweepJob } from './sweep'
import { syncUsageJob } from './sync-usage'

const batched = ['bind-guardrail'] as const
type Single = Exclude<JobName, (typeof batched)[number]>

/** Every job of the catalog is here or in `batched`; a new one without a handler does not compile. */
const handlers: { [Name in Single]: JobHandler<Name> } = {
  'mint-key': mintKey,
  'sync-usage': syncUsageJob,
  'reconcile-keys': reconcileKeysJob,
  sweep: sweepJob,
}

// With NOTIFY on, pg-boss polls every 30 s unless told otherwise; retries and delayed jobs do not NOTIFY.
const polling = { pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 2, includeMetadata: true } as const
const bindBatchSize = 100
const heartbeatMs = 5_000
const stopTimeoutMs = 20_000

export type RunningWorker = { id: string; stop(): Promise<void> }

/** Starts `concurrency` mint slots and one slot for each other job. `stop` lets running jobs finish, 20 s at most. */
export async function startWorker(ctx: Ctx, boss: PgBoss, options: { concurrency: number }): Promise<RunningWorker> {
  const id = randomUUID()
  const beat = () => ctx.db.$executeRaw`
    insert into keymint.workers (id, slots) values (${id}, ${options.concurrency}::int) on conflict (id) do update set last_seen_at = now()`
  await beat()
  await ctx.db.$executeRaw`delete from keymint.workers where last_seen_at < now() - interval '1 day'`
  const timer = setInterval(() => {
    beat().catch((error: unknown) => ctx.log.warn({ error }, 'the worker could not report that it is alive'))
  }, heartbeatMs)

  const wakeBinds = await openBindSlot(boss, ctx)
  // More slots than calls: ctx.limitMints holds the number of calls, and what surrounds a call overlaps with other calls.
  const mintSlots = Math.ceil(options.concurrency * 1.4) + 1
  for (let slot = 0; slot < mintSlots; slot++) await openSlot(boss, ctx, 'mint-key', wakeBinds)
  for (const name of ['sync-usage', 'reconcile-keys', 'sweep'] as const) await openSlot(boss, ctx, name)
  await ctx.db.$transaction((tx) => ctx.queue.enqueue(tx, 'sweep', {}))
  ctx.log.info({ worker: id, slots: options.concurrency }, 'worker is running')

  return {
    id,
    async stop() {
      clearInterval(timer)
      await boss.stop({ graceful: true, timeout: stopTimeoutMs })
      await ctx.db.$executeRaw`delete from keymint.workers where id = ${id}`.catch(() => undefined)
    },
  }
}

async function openSlot<Name extends Single>(boss: PgBoss, ctx: Ctx, name: Name, afterJob: () => void = () => undefined): Promise<void> {
  const handler: JobHandler<Name> = handlers[name]
  let slotId: string | undefined
  slotId = await boss.work<object, void, typeof polling>(name, polling, async (jobs: JobWithMetadata<object>[]) => {
    if (slotId !== undefined) boss.notifyWorker(slotId)
    for (const job of jobs) await runJob(boss, ctx, name, handler, job)
    afterJob()
  })
}

/** Opens the one slot for binds and returns what wakes it. */
async function openBindSlot(boss: PgBoss, ctx: Ctx): Promise<() => void> {
  let slotId: string | undefined
  const options = { ...polling, batchSize: bindBatchSize, perJobResults: true } as const
  slotId = await boss.work<object, void, typeof options>('bind-guardrail', options, async (jobs: JobWithMetadata<object>[]) => {
    if (slotId !== undefined) boss.notifyWorker(slotId)
    return runBatch(ctx, 'bind-guardrail', bindGuardrail, jobs)
  })
  return () => {
    if (slotId !== undefined) boss.notifyWorker(slotId)
  }
}

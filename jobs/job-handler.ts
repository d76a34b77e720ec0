/** What a job file exports, and the translation of an outcome into what pg-boss understands. */
import type { JobWithMetadata, PgBoss } from 'pg-boss'
import { scrub } from '~/adapters/log.server'
import { isProviderError } from '~/adapters/provider-error'
import { catalog, type JobName, type JobPayload } from '~/adapters/queue.server'
import type { Ctx } from '~/domain/ctx'
import type { JobOutcome } from '~/domain/job-outcome'

export type JobHandler<Name extends JobName> = (ctx: Ctx, payload: JobPayload<Name>) => Promise<JobOutcome>
/** Answers with one outcome for each payload, in the same order. */
export type JobBatchHandler<Name extends JobName> = (ctx: Ctx, payloads: JobPayload<Name>[]) => Promise<JobOutcome[]>

/** For work whose whole answer to trouble upstream is to come back later. */
export async function retryOnProviderTrouble(work: () => Promise<unknown>): Promise<JobOutcome> {
  try {
    await work()
    return { kind: 'done' }
  } catch (error) {
    if (!isProviderError(error)) throw error
    return { kind: 'retry', reason: error.message }
  }
}

/** pg-boss stores the error of a failed job: it gets a sentence of ours and nothing that hangs on the original. */
class JobFailed extends Error {
  override name = 'JobFailed'
}

/** Runs one job and settles it. Throwing is how pg-boss is told to retry with the queue's backoff. */
export async function runJob<Name extends JobName>(boss: PgBoss, ctx: Ctx, name: Name, handler: JobHandler<Name>, job: JobWithMetadata<object>): Promise<void> {
  const outcome = await settleErrors(ctx, name, job.id, () => handler(ctx, parsePayload(name, job.data)))
  if (outcome.kind === 'retry') throw new JobFailed(outcome.reason)
  if (outcome.kind === 'snooze') {
    // Failing the attempt and moving its next run: the job keeps its id, and pg-boss's own completion is fenced off.
    await boss.fail(name, { id: job.id, retryCount: job.retryCount }, { snoozed: outcome.reason })
    await boss.update(name, undefined, { id: job.id, startAfter: Math.max(1, Math.ceil(outcome.seconds)) })
  }
}

/** Runs a batch; the answer is what `perJobResults` expects. */
export async function runBatch<Name extends JobName>(ctx: Ctx, name: Name, handler: JobBatchHandler<Name>, jobs: JobWithMetadata<object>[]) {
  const outcomes = await settleErrors(ctx, name, jobs.map((job) => job.id).join(','), () => handler(ctx, jobs.map((job) => parsePayload(name, job.data))))
  return jobs.map((job, index) => {
    const outcome = outcomes[index]
    return outcome && outcome.kind !== 'done' ? { id: job.id, status: 'failed' as const, output: { reason: outcome.reason } } : { id: job.id, status: 'completed' as const }
  })
}

async function settleErrors<Result>(ctx: Ctx, name: JobName, jobId: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    ctx.log.error({ error, job: name, jobId }, 'a job failed unexpectedly')
    throw new JobFailed(error instanceof Error ? scrub(`${error.name}: ${error.message}`).slice(0, 500) : 'unknown error')
  }
}

function parsePayload<Name extends JobName>(name: Name, data: unknown): JobPayload<Name> {
  return catalog[name].payload.parse(data) as JobPayload<Name>
}

/** What a job file exports, and the translation of an outcome into what pg-boss understands. */
import type { JobResult, JobWithMetadata, PgBoss } from 'pg-boss'
import { inLogContext, scrub } from '~/adapters/log.server'
import { isProviderError } from '~/adapters/provider-error'
import { catalog, type JobName, type JobPayload } from '~/adapters/queue.server'
import type { Ctx } from '~/domain/ctx'
import type { JobOutcome } from '~/domain/job-outcome'

export type JobHandler<Name extends JobName> = (ctx: Ctx, payload: JobPayload<Name>) => Promise<JobOutcome>
/** Answers with one outcome for each payload, in the same order. `jobIds` are for the log. */
export type JobBatchHandler<Name extends JobName> = (ctx: Ctx, payloads: JobPayload<Name>[], jobIds: string[]) => Promise<JobOutcome[]>

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

class JobFailed extends Error {
  override name = 'JobFailed'
}

/**
 * Runs a batch and says what became of each job, in the form that `perJobResults` expects. A job that snoozes is
 * failed and moved here, keeping its id; what pg-boss makes of it afterwards is fenced off by its retry count.
 */
export async function runBatch<Name extends JobName>(boss: PgBoss, ctx: Ctx, name: Name, handler: JobBatchHandler<Name>, jobs: JobWithMetadata<object>[]): Promise<JobResult[]> {
  const jobIds = jobs.map((job) => job.id)
  const outcomes = await inLogContext({ job: name, jobIds }, () => settleErrors(ctx, name, jobs, () => handler(ctx, jobs.map((job) => parsePayload(name, job.data)), jobIds)))
  return Promise.all(jobs.map(async (job, index): Promise<JobResult> => {
    const outcome = outcomes[index] ?? { kind: 'retry', reason: 'the handler gave no outcome for this job' }
    ctx.metrics.countJob(name, outcome.kind)
    if (outcome.kind === 'done') return { id: job.id, status: 'completed' }
    if (outcome.kind === 'snooze') {
      await boss.fail(name, { id: job.id, retryCount: job.retryCount }, { snoozed: outcome.reason })
      await boss.update(name, undefined, { id: job.id, startAfter: Math.max(1, Math.ceil(outcome.seconds)) })
    }
    return { id: job.id, status: 'failed', output: { reason: outcome.reason } }
  }))
}

/** A batch handler of a handler for one job: all at once, and one that throws does not take the others with it. */
export function eachAlone<Name extends JobName>(name: Name, handler: JobHandler<Name>): JobBatchHandler<Name> {
  return (ctx, payloads, jobIds) => Promise.all(payloads.map((payload, index) => inLogContext({ job: name, jobId: jobIds[index], jobIds: undefined }, async (): Promise<JobOutcome> => {
    try {
      return await handler(ctx, payload)
    } catch (error) {
      ctx.log.error({ error, payload }, 'a job failed unexpectedly')
      return { kind: 'retry', reason: plainReason(error) }
    }
  })))
}

/** pg-boss stores the error of a failed batch: it gets a sentence of ours and nothing that hangs on the original. */
async function settleErrors<Result>(ctx: Ctx, name: JobName, jobs: { id: string }[], work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    ctx.log.error({ error }, 'a batch of jobs failed unexpectedly')
    for (const _job of jobs) ctx.metrics.countJob(name, 'crashed')
    throw new JobFailed(plainReason(error))
  }
}

function plainReason(error: unknown): string {
  return error instanceof Error ? scrub(`${error.name}: ${error.message}`).slice(0, 500) : 'unknown error'
}

function parsePayload<Name extends JobName>(name: Name, data: unknown): JobPayload<Name> {
  return catalog[name].payload.parse(data) as JobPayload<Name>
}

/**
 * What a job file exports, and the translation of an outcome into what pg-boss and the history of
 * runs understand.
 */
import type { JobResult, JobWithMetadata, PgBoss } from 'pg-boss'
import { inLogContext, scrub } from '~/adapters/log.server'
import { catalog, type JobName, type JobPayload } from '~/adapters/job-catalog'
import type { Ctx } from '~/domain/ctx'
import type { JobError, JobOutcome } from '~/domain/job-outcome'
import { errorSentence } from '~/domain/error-text'
import { errorGroupOf } from '~/domain/operations/error-groups'
import type { JobRun } from '~/domain/operations/job-history.server'
import { cut } from '~/text'

export type JobHandler<Name extends JobName> = (
  ctx: Ctx,
  payload: JobPayload<Name>,
) => Promise<JobOutcome>
/** An outcome, and how long that job alone took where the batch knows it. */
export type BatchOutcome = JobOutcome & { ranMs?: number }
/** Answers with one outcome for each payload, in the same order. `jobIds` are for the log. */
export type JobBatchHandler<Name extends JobName> = (
  ctx: Ctx,
  payloads: JobPayload<Name>[],
  jobIds: string[],
) => Promise<BatchOutcome[]>

/** Called with every run of a batch once it is over. */
export type RecordRuns = (runs: Omit<JobRun, 'workerId'>[]) => void

/**
 * Runs a batch and says what became of each job, in the form that `perJobResults` expects. A job
 * that snoozes is failed and moved here, keeping its id; what pg-boss makes of it afterwards is
 * fenced off by its retry count. A job whose payload cannot be read goes to the dead letters, and
 * takes no other with it.
 */
export async function runBatch<Name extends JobName>(
  boss: PgBoss,
  ctx: Ctx,
  name: Name,
  handler: JobBatchHandler<Name>,
  jobs: JobWithMetadata<object>[],
  record: RecordRuns = () => undefined,
): Promise<JobResult[]> {
  const startedAt = performance.now()
  const payloads = jobs.map((job) => readPayload(name, job.data))
  const readable = payloads.filter((payload) => payload !== null)
  const jobIds = jobs.filter((_job, index) => payloads[index] !== null).map((job) => job.id)
  const answers =
    readable.length > 0
      ? await inLogContext({ job: name, jobIds }, () =>
          withPlainErrors(ctx, name, jobIds.length, () => handler(ctx, readable, jobIds)),
        )
      : []
  const batchMs = performance.now() - startedAt
  const outcomes = payloads.map((payload): BatchOutcome | null =>
    payload === null
      ? null
      : (answers.shift() ?? { kind: 'retry', reason: 'the handler gave no outcome for this job' }),
  )
  for (const outcome of outcomes) ctx.metrics.countJob(name, outcome?.kind ?? 'unreadable')
  const results = await Promise.all(
    jobs.map((job, index) => finishJob(boss, name, job, outcomes[index] ?? null)),
  )
  record(
    jobs.map((job, index) =>
      runOf(name, job, outcomes[index] ?? null, outcomes[index]?.ranMs ?? batchMs),
    ),
  )
  return results
}

async function finishJob(
  boss: PgBoss,
  name: JobName,
  job: JobWithMetadata<object>,
  outcome: JobOutcome | null,
): Promise<JobResult> {
  const output = outputOf(name, outcome)
  if (outcome === null) return { id: job.id, status: 'deadletter', output }
  if (outcome.kind === 'done')
    return { id: job.id, status: 'completed', ...(outcome.error ? { output } : {}) }
  if (outcome.kind === 'snooze') {
    await boss.fail(name, { id: job.id, retryCount: job.retryCount }, output)
    await boss.update(name, undefined, {
      id: job.id,
      startAfter: Math.max(1, Math.ceil(outcome.seconds)),
    })
  }
  return { id: job.id, status: 'failed', output }
}

/** Kept with the job itself: why it waits, and which group of errors it stands in now. */
function outputOf(
  name: JobName,
  outcome: JobOutcome | null,
): { reason: string; fingerprint?: string; snoozed?: true } {
  const error = errorOf(outcome)
  const reason = error
    ? errorSentence(error)
    : outcome && outcome.kind !== 'done'
      ? outcome.reason
      : ''
  return {
    reason: cut(reason, 500),
    ...(error ? { fingerprint: errorGroupOf(name, error).fingerprint } : {}),
    ...(outcome?.kind === 'snooze' ? { snoozed: true } : {}),
  }
}

/** A retry is always an error, also where nobody knows which; a snooze need not be one. */
function errorOf(outcome: JobOutcome | null): JobError | null {
  if (outcome === null) return { reason: 'unreadable-job' }
  return (
    outcome.error ??
    (outcome.kind === 'retry' ? { reason: 'unexpected', message: outcome.reason } : null)
  )
}

function runOf(
  name: JobName,
  job: JobWithMetadata<object>,
  outcome: JobOutcome | null,
  ranMs: number,
): Omit<JobRun, 'workerId'> {
  const startedAt = new Date(job.startedOn)
  const error = errorOf(outcome)
  const lastTry = outcome?.kind === 'retry' && job.retryCount >= job.retryLimit
  return {
    jobId: job.id,
    jobName: name,
    subject: subjectOf(job.data),
    run: job.retryCount + 1,
    startedAt,
    ranMs,
    waitMs: Math.max(0, startedAt.getTime() - new Date(job.startAfter).getTime()),
    outcome:
      outcome === null || lastTry || (outcome.kind === 'done' && error) ? 'failed' : outcome.kind,
    reason: outcome && outcome.kind !== 'done' ? cut(outcome.reason, 500) : null,
    error,
    counts: (outcome?.kind === 'done' && outcome.counts) || {},
    nextRunAt:
      outcome?.kind === 'snooze'
        ? new Date(startedAt.getTime() + ranMs + outcome.seconds * 1000)
        : null,
  }
}

/** "mint:<id>" of a payload {mintId}. */
function subjectOf(data: object): string | null {
  const [name, id] =
    Object.entries(data ?? {}).find(
      ([key, value]) => key.endsWith('Id') && typeof value === 'string',
    ) ?? []
  return name ? `${name.slice(0, -2)}:${String(id)}` : null
}

/**
 * A batch handler of a handler for one job: all at once, and one that throws does not take the
 * others with it.
 */
export function eachAlone<Name extends JobName>(
  name: Name,
  handler: JobHandler<Name>,
): JobBatchHandler<Name> {
  return (ctx, payloads, jobIds) =>
    Promise.all(
      payloads.map((payload, index) =>
        inLogContext(
          { job: name, jobId: jobIds[index], jobIds: undefined },
          async (): Promise<BatchOutcome> => {
            const startedAt = performance.now()
            const outcome = await handler(ctx, payload).catch((error: unknown): JobOutcome => {
              ctx.log.error({ error, payload }, 'a job failed unexpectedly')
              return { kind: 'retry', reason: plainReason(error) }
            })
            return { ...outcome, ranMs: performance.now() - startedAt }
          },
        ),
      ),
    )
}

/**
 * pg-boss stores what a job ended with: it gets one sentence of ours and nothing else of the
 * original error.
 */
async function withPlainErrors(
  ctx: Ctx,
  name: JobName,
  count: number,
  work: () => Promise<BatchOutcome[]>,
): Promise<BatchOutcome[]> {
  try {
    return [...(await work())]
  } catch (error) {
    ctx.log.error({ error }, 'a batch of jobs failed unexpectedly')
    for (let job = 0; job < count; job++) ctx.metrics.countJob(name, 'crashed')
    return Array.from({ length: count }, () => ({ kind: 'retry', reason: plainReason(error) }))
  }
}

function plainReason(error: unknown): string {
  return error instanceof Error
    ? cut(scrub(`${error.name}: ${error.message}`), 500)
    : 'unknown error'
}

function readPayload<Name extends JobName>(name: Name, data: unknown): JobPayload<Name> | null {
  const parsed = catalog[name].payload.safeParse(data)
  return parsed.success ? (parsed.data as JobPayload<Name>) : null
}

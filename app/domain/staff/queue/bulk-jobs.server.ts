/** The same actions on many jobs: a list that is frozen at the start, worked by a job of its own. */
import type { BulkKind, BulkRun } from '../../bulk/bulk-kind'
import { maxBulkJobs, startBulk, type StartedBulk } from '../../bulk/bulk.server'
import type { Ctx } from '../../ctx'
import { cancelJob, redriveJob, retryJob, type JobActionOutcome } from './actions.server'
import { jobKindOf } from './job-kinds'
import { jobsById, matchingJobIds } from './list.server'
import type { QueueFilter } from './types'

export const jobActions = ['retry-job', 'cancel-job', 'redrive-job'] as const
export type JobAction = (typeof jobActions)[number]
export type JobSelection = { jobIds: string[] } | { filter: QueueFilter }

/** Some of a kind start together, the next ones this much later: a retry of all must not cause 429. */
const staggerSeconds = 5

/**
 * Starts the action on the chosen jobs, or on all that match the filter at this moment (the newest
 * 1,000 of them).
 */
export async function actOnJobs(
  ctx: Ctx,
  input: { action: JobAction; selection: JobSelection; reason: string | null; actorUserId: string },
): Promise<StartedBulk> {
  const { selection } = input
  const frozen =
    'filter' in selection
      ? { ...selection.filter, until: selection.filter.until ?? ctx.now().toISOString() }
      : null
  const jobIds = frozen
    ? await matchingJobIds(ctx, frozen, maxBulkJobs)
    : 'jobIds' in selection
      ? [...new Set(selection.jobIds)].slice(0, maxBulkJobs)
      : []
  return ctx.db.$transaction((tx) =>
    startBulk(ctx, tx, {
      kind: input.action,
      params: {},
      scope: frozen?.workshop ?? null,
      selection: frozen
        ? { filter: JSON.parse(JSON.stringify(frozen)) as Record<string, string> }
        : { chosen: jobIds.length },
      reason: input.reason,
      actor: `user:${input.actorUserId}`,
      subjects: jobIds.map((id) => `job:${id}`),
      max: maxBulkJobs,
    }),
  )
}

export const retryJobs: BulkKind = {
  name: 'retry-job',
  async run(ctx, bulk, subject) {
    const jobId = idOf(subject)
    return resultOf(
      await retryJob(ctx, {
        ...whoOf(bulk),
        jobId,
        afterSeconds: await delayOf(ctx, bulk, subject, jobId),
      }),
    )
  },
}

export const cancelJobs: BulkKind = {
  name: 'cancel-job',
  run: async (ctx, bulk, subject) =>
    resultOf(
      await cancelJob(ctx, {
        ...whoOf(bulk),
        jobId: idOf(subject),
        reason: bulk.reason ?? '',
      }),
    ),
}

export const redriveJobs: BulkKind = {
  name: 'redrive-job',
  run: async (ctx, bulk, subject) =>
    resultOf(await redriveJob(ctx, { ...whoOf(bulk), jobId: idOf(subject) })),
}

async function delayOf(ctx: Ctx, bulk: BulkRun, subject: string, jobId: string): Promise<number> {
  const [[item], [job]] = await Promise.all([
    ctx.db.$queryRaw<{ position: number }[]>`
      select position from keymint.bulk_action_items where bulk_id = ${bulk.id}::uuid and subject = ${subject}`,
    jobsById(ctx, [jobId]),
  ])
  return (
    Math.floor(((item?.position ?? 1) - 1) / jobKindOf(job?.name ?? '').perStagger) * staggerSeconds
  )
}

const idOf = (subject: string) => subject.replace(/^job:/, '')
const whoOf = (bulk: BulkRun) => ({
  bulkId: bulk.id,
  actorUserId: bulk.actor.replace(/^user:/, ''),
})

/** The code alone: items that ended alike are counted together. */
function resultOf({ kind, code }: JobActionOutcome) {
  if (kind === 'done') return { done: code }
  return kind === 'nothing' ? { skipped: code } : { failed: code }
}

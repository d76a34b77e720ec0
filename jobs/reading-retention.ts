import { deleteOldRuns } from '~/domain/keys/reconcile-runs.server'
import { thinSamples } from '~/domain/keys/samples.server'
import type { JobHandler } from './job-handler'

/** Thins out samples and deletes old checks. */
export const readingRetentionJob: JobHandler<'reading-retention'> = async (ctx) => {
  const samplesDeleted = await thinSamples(ctx)
  const checksDeleted = await deleteOldRuns(ctx)
  return { kind: 'done', counts: { samplesDeleted, checksDeleted } }
}

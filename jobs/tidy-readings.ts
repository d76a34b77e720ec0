import { tidyRuns } from '~/domain/keys/reconcile-runs.server'
import { tidySamples } from '~/domain/keys/samples.server'
import type { JobHandler } from './job-handler'

/** Thins out samples and deletes old checks. */
export const tidyReadingsJob: JobHandler<'tidy-readings'> = async (ctx) => {
  await tidySamples(ctx)
  await tidyRuns(ctx)
  return { kind: 'done' }
}

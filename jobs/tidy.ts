import type { JobHandler } from './job-handler'
import { applyRetention } from '~/domain/operations/retention.server'

/** Once a day: erases people not seen for RETENTION_DAYS, and other data past its time. */
export const tidyJob: JobHandler<'tidy'> = async (ctx) => {
  await applyRetention(ctx)
  return { kind: 'done' }
}

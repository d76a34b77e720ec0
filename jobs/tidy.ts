import type { JobHandler } from './job-handler'
import { tidy } from '~/domain/operations/retention.server'

/**
 * Once a day: erases who has not been here for RETENTION_DAYS and forgets what nobody needs any
 * more.
 */
export const tidyJob: JobHandler<'tidy'> = async (ctx) => {
  await tidy(ctx)
  return { kind: 'done' }
}

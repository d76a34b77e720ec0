import type { JobHandler } from './job-handler'
import { backUpNightly } from '~/domain/operations/backup.server'

/** Once a night. A failed one is tried again, and is an error of the queue page. */
export const makeBackupJob: JobHandler<'make-backup'> = async (ctx) => {
  await backUpNightly(ctx)
  return { kind: 'done' }
}

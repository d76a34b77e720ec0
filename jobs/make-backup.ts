import type { JobHandler } from './job-handler'
import { backUpNightly } from '~/domain/operations/backup.server'

/** Once a night. A failed one is tried again, and is an error of the queue page. */
export const makeBackupJob: JobHandler<'make-backup'> = async (ctx) => {
  const made = await backUpNightly(ctx)
  return { kind: 'done', counts: { rows: made?.rows ?? 0 } }
}

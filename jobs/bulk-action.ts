import { bulkKinds } from '~/domain/staff/kinds.server'
import { runBulk } from '~/domain/bulk/run-bulk.server'
import type { JobHandler } from './job-handler'

/** Works a stretch of one bulk action's items. */
export const bulkActionJob: JobHandler<'bulk-action'> = (ctx, { bulkId }) =>
  runBulk(ctx, bulkId, bulkKinds)

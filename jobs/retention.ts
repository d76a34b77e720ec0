import type { JobHandler } from './job-handler'
import { applyRetention } from '~/domain/operations/retention.server'

/** Once a day: erases people not seen for RETENTION_DAYS, and other data past its time. */
export const retentionJob: JobHandler<'retention'> = async (ctx) => {
  let partsFailed = 0
  const report = await applyRetention(ctx, () => partsFailed++)
  return { kind: 'done', counts: { ...report, partsFailed } }
}

import { makeReport } from '~/domain/operations/readiness-report.server'
import type { JobHandler } from './job-handler'

/** Checks the readiness of this deployment at the request of staff. */
export const doctorJob: JobHandler<'doctor'> = async (ctx, { reportId }) => {
  await makeReport(ctx, reportId)
  return { kind: 'done' }
}

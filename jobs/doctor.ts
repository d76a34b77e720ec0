import { makeReport } from '~/domain/operations/doctor-report.server'
import type { JobHandler } from './job-handler'

/** Checks whether this deployment is ready for a room, as staff asked for it. */
export const doctorJob: JobHandler<'doctor'> = async (ctx, { reportId }) => {
  await makeReport(ctx, reportId)
  return { kind: 'done' }
}

import { runCheck, runScheduledCheck } from '~/domain/keys/reconcile-runs.server'
import type { JobHandler } from './job-handler'

/** Compares everything upstream with our rows and keeps what differs; changes nothing else. */
export const reconcileCheckJob: JobHandler<'reconcile-check'> = async (ctx, { runId }) => {
  await (runId ? runCheck(ctx, runId) : runScheduledCheck(ctx))
  return { kind: 'done' }
}

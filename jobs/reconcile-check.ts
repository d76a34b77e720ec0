import { runCheck, runScheduledCheck } from '~/domain/keys/reconcile-runs.server'
import type { JobHandler } from './job-handler'

/** Compares everything upstream with our rows and keeps what differs; changes nothing else. */
export const reconcileCheckJob: JobHandler<'reconcile-check'> = async (ctx, { runId }) => {
  const checked = await (runId ? runCheck(ctx, runId) : runScheduledCheck(ctx))
  if (checked === null) return { kind: 'done', counts: { alreadyRunning: 1 } }
  return { kind: 'done', counts: checked }
}

import { runFix } from '~/domain/keys/reconcile-runs.server'
import type { JobHandler } from './job-handler'

/** Applies the repairs that staff started. */
export const reconcileFixJob: JobHandler<'reconcile-fix'> = (ctx, { runId }) => runFix(ctx, runId)

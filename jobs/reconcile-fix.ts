import { runFix } from '~/domain/keys/reconcile-runs.server'
import type { JobHandler } from './job-handler'

/** Carries out the fixes that somebody pressed. */
export const reconcileFixJob: JobHandler<'reconcile-fix'> = (ctx, { runId }) => runFix(ctx, runId)

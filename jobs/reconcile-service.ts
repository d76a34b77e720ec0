import { reconcileService } from '~/domain/sub-key-upstream/reconcile.server'
import { retryOnProviderTrouble, type JobHandler } from './job-handler'

/** Finds and removes keys of ours at one team's service that no row holds. */
export const reconcileServiceJob: JobHandler<'reconcile-service'> = (ctx, { masterKeyId }) =>
  retryOnProviderTrouble(() => reconcileService(ctx, masterKeyId))

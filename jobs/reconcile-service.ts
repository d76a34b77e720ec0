import { reconcileService } from '~/domain/keys/service-orphans.server'
import { retryOnProviderError, type JobHandler } from './job-handler'

/** Finds and removes keys of ours at one team's service that no row holds. */
export const reconcileServiceJob: JobHandler<'reconcile-service'> = (ctx, { masterKeyId }) =>
  retryOnProviderError(() => reconcileService(ctx, masterKeyId))

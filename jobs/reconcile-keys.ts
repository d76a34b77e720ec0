import type { JobHandler } from './job-handler'
import { reconcileKeys } from '~/domain/keys/reconcile.server'
import { retryOnProviderError } from './job-handler'

/** Finds and removes keys of ours that no row holds. */
export const reconcileKeysJob: JobHandler<'reconcile-keys'> = (ctx) =>
  retryOnProviderError(() => reconcileKeys(ctx))

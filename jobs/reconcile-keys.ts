import type { JobHandler } from './job-handler'
import { reconcileKeys } from '~/domain/keys/reconcile.server'
import { retryOnProviderTrouble } from './job-handler'

/** Finds and removes keys of ours that no row holds. */
export const reconcileKeysJob: JobHandler<'reconcile-keys'> = (ctx) =>
  retryOnProviderTrouble(() => reconcileKeys(ctx))

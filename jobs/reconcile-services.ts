import { sendServiceReconciles } from '~/domain/keys/service-orphans.server'
import type { JobHandler } from './job-handler'

/** Sends a `reconcile-service` for each master key that may have keys. */
export const reconcileServicesJob: JobHandler<'reconcile-services'> = async (ctx) => {
  await sendServiceReconciles(ctx)
  return { kind: 'done' }
}

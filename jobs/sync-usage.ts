import type { JobHandler } from './job-handler'
import { syncUsage } from '~/domain/usage/usage.server'
import { retryOnProviderTrouble } from './job-handler'

/** Copies usage of live keys into the database. */
export const syncUsageJob: JobHandler<'sync-usage'> = (ctx) => retryOnProviderTrouble(() => syncUsage(ctx))

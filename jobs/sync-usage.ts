import type { JobHandler } from './job-handler'
import { syncUsageIfDue } from '~/domain/keys/usage.server'
import { retryOnProviderError } from './job-handler'

/** Copies usage of keys into the database when it is time, and says why if it is not. */
export const syncUsageJob: JobHandler<'sync-usage'> = (ctx) =>
  retryOnProviderError(async () => {
    const report = await syncUsageIfDue(ctx)
    ctx.log.debug({ report }, report.kind === 'synced' ? 'usage was read' : 'usage is not due yet')
  })

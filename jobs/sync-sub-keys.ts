import type { JobHandler } from './job-handler'
import { openMasterKey } from '~/domain/sub-key/service.server'
import { syncSubKeys } from '~/domain/sub-key/sync.server'

/** Copies usage of sub-keys into the ledger, and returns what ended keys have not spent. */
export const syncSubKeysJob: JobHandler<'sync-sub-keys'> = async (ctx) => {
  await syncSubKeys(ctx, openMasterKey)
  return { kind: 'done' }
}

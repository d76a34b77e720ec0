import type { JobHandler } from './job-handler'
import { openServiceKeys } from '~/domain/keys/service-keys.server'
import { syncSubKeys } from '~/domain/team/sync.server'

/** Copies usage of sub-keys into the ledger, and returns what ended keys have not spent. */
export const syncSubKeysJob: JobHandler<'sync-sub-keys'> = async (ctx) => {
  await syncSubKeys(ctx, openServiceKeys)
  return { kind: 'done' }
}

import type { JobHandler } from './job-handler'
import { openServiceKeys } from '~/domain/sub-key-upstream/keys.server'
import { syncSubKeys } from '~/domain/sub-key/sync.server'

/** Copies usage of sub-keys into the ledger, and returns what ended keys have not spent. */
export const syncSubKeysJob: JobHandler<'sync-sub-keys'> = async (ctx) => {
  await syncSubKeys(ctx, openServiceKeys)
  return { kind: 'done' }
}

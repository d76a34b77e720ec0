import type { JobHandler } from './job-handler'
import { applySubKey } from '~/domain/sub-key/apply.server'
import { openServiceKeys } from '~/domain/sub-key-upstream/keys.server'

/** Brings the provider in line with the row of one sub-key. */
export const applySubKeyJob: JobHandler<'apply-sub-key'> = (ctx, { keyId }) =>
  applySubKey(ctx, keyId, openServiceKeys)

import type { JobHandler } from './job-handler'
import { applySubKey } from '~/domain/sub-key/apply.server'
import { openMasterKey } from '~/domain/sub-key/service.server'

/** Brings the provider in line with the row of one sub-key. */
export const applySubKeyJob: JobHandler<'apply-sub-key'> = (ctx, { keyId }) => applySubKey(ctx, keyId, openMasterKey)

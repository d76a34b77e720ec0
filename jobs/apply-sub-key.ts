import type { JobHandler } from './job-handler'
import { applySubKey } from '~/domain/team/apply.server'
import { openServiceKeys } from '~/domain/keys/service-keys.server'

/** Brings the provider in line with the row of one sub-key. */
export const applySubKeyJob: JobHandler<'apply-sub-key'> = (ctx, { keyId }) =>
  applySubKey(ctx, keyId, openServiceKeys)

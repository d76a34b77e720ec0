import type { JobHandler } from './job-handler'
import { applySubKey } from '~/domain/team/apply.server'
import { openServiceKeys } from '~/domain/keys/service-keys.server'

/** Applies the row of one sub-key at the provider. */
export const applySubKeyJob: JobHandler<'apply-sub-key'> = (ctx, { keyId }) =>
  applySubKey(ctx, keyId, openServiceKeys)

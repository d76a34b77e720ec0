import { applyKey } from '~/domain/keys/apply.server'
import type { JobHandler } from './job-handler'

/** Applies the row of one key at the provider. */
export const applyKeyJob: JobHandler<'apply-key'> = (ctx, { keyId }) => applyKey(ctx, keyId)

import { applyKey } from '~/domain/keys/apply.server'
import type { JobHandler } from './job-handler'

/** Brings the provider in line with the row of one key. */
export const applyKeyJob: JobHandler<'apply-key'> = (ctx, { keyId }) => applyKey(ctx, keyId)

import { stopAtCap } from '~/domain/keys/wake.server'
import type { JobHandler } from './job-handler'

/** Stops one key in the second in which it reaches its cap. */
export const stopAtCapJob: JobHandler<'stop-at-cap'> = (ctx, { keyId }) => stopAtCap(ctx, keyId)

import type { JobHandler } from './job-handler'
import { runMint } from '~/domain/mint/mint.server'

/** Makes the key of one mint, or says when to try again. */
export const mintKey: JobHandler<'mint-key'> = (ctx, { mintId }) => runMint(ctx, mintId)

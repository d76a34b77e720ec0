import { runMint } from '~/domain/keys/mint.server'
import type { JobHandler } from './job-handler'

/** Makes the key of one mint, at whichever account. */
export const mintKey: JobHandler<'mint-key'> = (ctx, { mintId }) => runMint(ctx, mintId)

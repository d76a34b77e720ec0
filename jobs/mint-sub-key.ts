import { runMint } from '~/domain/keys/mint.server'
import type { JobHandler } from './job-handler'

/** Makes the key of one mint at a team's service. */
export const mintSubKey: JobHandler<'mint-sub-key'> = (ctx, { mintId }) => runMint(ctx, mintId)

import { runMint } from '~/domain/keys/mint.server'
import type { JobHandler } from './job-handler'

/** Makes the key of one mint; one that needs a team's service goes on to `mint-sub-key`. */
export const mintKey: JobHandler<'mint-key'> = (ctx, { mintId }) =>
  runMint(ctx, mintId, { forwardServices: true })

import type { JobHandler } from './job-handler'
import { chainAudit, chainAuditSeconds } from '~/domain/audit/chain.server'

/**
 * Sends the next one before it does this one: a crash in the middle does not end the row of them.
 */
export const chainAuditJob: JobHandler<'chain-audit'> = async (ctx) => {
  await ctx.db.$transaction((tx) =>
    ctx.queue.enqueue(tx, 'chain-audit', {}, { startAfterSeconds: chainAuditSeconds }),
  )
  await chainAudit(ctx)
  return { kind: 'done' }
}

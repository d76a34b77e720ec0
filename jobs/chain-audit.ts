import type { JobHandler } from './job-handler'
import { chainAudit, chainAuditSeconds } from '~/domain/audit/chain.server'

/** Sends the next job before it does this one: a crash in the middle does not end the series. */
export const chainAuditJob: JobHandler<'chain-audit'> = async (ctx) => {
  await ctx.db.$transaction((tx) =>
    ctx.queue.enqueue(tx, 'chain-audit', {}, { startAfterSeconds: chainAuditSeconds }),
  )
  const chained = await chainAudit(ctx)
  return { kind: 'done', counts: { chained } }
}

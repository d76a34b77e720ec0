import type { JobHandler } from './job-handler'
import { sweep, sweepSeconds } from '~/domain/operations/sweep.server'

/** Sends the next sweep before it does this one: a crash in the middle does not end the series. */
export const sweepJob: JobHandler<'sweep'> = async (ctx) => {
  await ctx.db.$transaction((tx) =>
    ctx.queue.enqueue(tx, 'sweep', {}, { startAfterSeconds: sweepSeconds }),
  )
  let partsFailed = 0
  const report = await sweep(ctx, () => partsFailed++)
  return { kind: 'done', counts: { ...report, partsFailed } }
}

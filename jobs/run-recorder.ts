/** Records job runs; never delays a job. */
import type { Ctx } from '~/domain/ctx'
import { recordRuns, type JobRun } from '~/domain/operations/job-history.server'

export type RunRecorder = {
  record(runs: JobRun[]): void
  /** Resolves when all that was recorded so far is written or given up. */
  settled(): Promise<void>
}

// While the database is away, the oldest runs beyond this are dropped.
const maxWaiting = 5_000
const maxAtOnce = 500

/**
 * At most one statement runs at a time; runs recorded meanwhile go together in the next one. A write
 * that fails is logged and dropped.
 */
export function createRunRecorder(ctx: Pick<Ctx, 'db' | 'log'>): RunRecorder {
  let waiting: JobRun[] = []
  let writing: Promise<void> | undefined

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const runs = waiting.slice(0, maxAtOnce)
      waiting = waiting.slice(runs.length)
      await recordRuns(ctx, runs).catch((error: unknown) =>
        ctx.log.warn({ error, runs: runs.length }, 'job runs could not be written to the history'),
      )
    }
    writing = undefined
  }

  return {
    record(runs) {
      waiting = [...waiting, ...runs].slice(-maxWaiting)
      writing ??= writeAll()
    },
    settled: () => writing ?? Promise.resolve(),
  }
}

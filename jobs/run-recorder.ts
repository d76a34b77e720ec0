/** The worker's pen: keeps the history of runs without ever making a job wait for it. */
import type { Ctx } from '~/domain/ctx'
import { recordRuns, type JobRun } from '~/domain/operations/job-history.server'

export type RunRecorder = {
  record(runs: JobRun[]): void
  /** Resolves when all that was recorded so far is written or given up. */
  settled(): Promise<void>
}

// What does not fit while the database is away is let go, the oldest first.
const maxWaiting = 5_000
const maxAtOnce = 500

/**
 * At most one statement is under way at a time; what comes meanwhile goes together in the next one.
 * A write that fails is logged and let go.
 */
export function createRunRecorder(ctx: Pick<Ctx, 'db' | 'log'>): RunRecorder {
  let waiting: JobRun[] = []
  let writing: Promise<void> | undefined

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const runs = waiting.slice(0, maxAtOnce)
      waiting = waiting.slice(runs.length)
      await recordRuns(ctx, runs).catch((error: unknown) =>
        ctx.log.warn(
          { error, runs: runs.length },
          'runs of jobs could not be written to the history',
        ),
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

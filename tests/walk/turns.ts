/**
 * Two workers that take turns at provider calls: one runs at a time, up to its next call, and the
 * seed says whose call is answered next. So a seed repeats a race exactly.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

type Runner = { resume: (() => void) | null; parked: () => void }

const idle = (): Runner => ({ resume: null, parked: () => undefined })

export class Turns {
  private readonly running = new AsyncLocalStorage<Runner>()
  constructor(private readonly below: (most: number) => number) {}

  /** A call is about to be made: waits until it is this worker's turn again. */
  async turn(): Promise<void> {
    const runner = this.running.getStore()
    if (!runner) return
    const resumed = new Promise<void>((resolve) => (runner.resume = resolve))
    runner.parked()
    await resumed
  }

  async run(jobs: readonly (() => Promise<unknown>)[]): Promise<void> {
    const workers = jobs.map((job) => ({
      job,
      runner: idle(),
      finished: null as Promise<unknown> | null,
      done: false,
    }))
    for (;;) {
      const open = workers.filter(({ done }) => !done)
      const next = open[open.length > 1 ? this.below(open.length) : 0]
      if (!next) return
      const parked = new Promise<void>((resolve) => {
        next.runner.parked = resolve
      })
      if (next.finished === null)
        next.finished = this.running.run(next.runner, next.job).finally(() => (next.done = true))
      else next.runner.resume?.()
      await Promise.race([parked, next.finished])
    }
  }
}

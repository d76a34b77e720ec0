import { Crash } from '../memory-service'

/** Runs this as a process that may die in it. */
export async function untilCrash(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Crash)) throw error
  }
}

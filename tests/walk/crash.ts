/** A process that ends between two steps. */
export class Crash extends Error {
  override name = 'Crash'
}

export async function untilCrash(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Crash)) throw error
  }
}

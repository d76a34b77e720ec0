/** What the tests of the Postgres stand-in share. */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** The error of a start that must fail. */
export async function failure(attempt: Promise<unknown>): Promise<Error> {
  return attempt.then(
    () => {
      throw new Error('It started, and should not have.')
    },
    (error: unknown) => error as Error,
  )
}

/** Removed at the end of the block that holds it with `using`. */
export function temporaryFolder() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'keymint-test-'))
  return { path: folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

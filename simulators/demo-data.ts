/** The data folder of the demo: its secrets, and the lock that keeps it to one demo. */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { birthOf, isAlive } from './postgres/processes'
import { StartError } from './start-error'

/** Made once and kept, because a second start must open what the first has sealed. */
export function secrets(dataDir: string): { SESSION_SECRET: string; ENCRYPTION_KEY: string } {
  const file = path.join(dataDir, 'secrets.json')
  if (!existsSync(file)) {
    writeFileSync(
      file,
      `${JSON.stringify({
        SESSION_SECRET: randomBytes(32).toString('base64url'),
        ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      })}\n`,
      { mode: 0o600 },
    )
  }
  return JSON.parse(readFileSync(file, 'utf8')) as {
    SESSION_SECRET: string
    ENCRYPTION_KEY: string
  }
}

/** Throws a StartError when another demo runs on this folder: two would write the same ledger. */
export function takeDataDir(dataDir: string): void {
  const file = path.join(dataDir, 'demo.json')
  const mine = JSON.stringify({ pid: process.pid, birth: birthOf(process.pid) })
  try {
    writeFileSync(file, mine, { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const owner = ownerOf(file)
    if (owner && isAlive(owner.pid) && birthOf(owner.pid) === owner.birth) {
      throw new StartError(
        `A demo is already running with the data in ${dataDir} (process ${owner.pid}). ` +
          'Stop that one, or set KEYMINT_DATA_DIR and PORT for a second.',
      )
    }
    writeFileSync(file, mine)
  }
}

export function releaseDataDir(dataDir: string): void {
  const file = path.join(dataDir, 'demo.json')
  if (ownerOf(file)?.pid === process.pid) rmSync(file, { force: true })
}

function ownerOf(file: string): { pid: number; birth: string } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { pid: number; birth: string }
  } catch {
    return undefined
  }
}

/**
 * The folder of one server: cluster, log, and a note of who owns it.
 * Guarantee: one living owner per folder, and a cluster that either is complete or does not exist
 * (initdb works in `cluster.new`, and a rename makes it count).
 */
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { StartError } from '../start-error'
import { canEnter, majorVersion, readableHome, type Account } from './binaries'
import { birthOf, isAlive, processesIn, waitFor, worksIn } from './processes'

export type ServerFolder = {
  cluster: string
  log: string
  /** Gives the folder free for the next owner; removes it if it was a temporary one. */
  release(): void
  /** Set for a folder that must not outlive this process. */
  temporary: string | undefined
}

export async function openFolder(
  dataDir: string | undefined,
  account: Account,
): Promise<ServerFolder> {
  if (!dataDir) return temporaryFolder(account)
  const home = path.resolve(dataDir)
  try {
    mkdirSync(home, { recursive: true })
    // Our own folder only: what lies in it stays closed, and its parents stay as they are.
    if (account) chmodSync(home, statSync(home).mode | 0o011)
  } catch (error) {
    throw new StartError(
      `The folder ${home} for PostgreSQL's data cannot be made (${reason(error)}): ` +
        'set KEYMINT_DATA_DIR to a folder you may write to.',
    )
  }
  const ownedBefore = own(home)
  const release = () => rmSync(ownerFile(home), { force: true })
  try {
    const reachable = canEnter(home, account)
    if (!reachable && existsSync(path.join(home, 'cluster'))) {
      throw new StartError(
        `The database in ${home} was made by an ordinary user, ` +
          `and root's PostgreSQL cannot reach it: start as that user, or set KEYMINT_DATA_DIR to another folder.`,
      )
    }
    const place = reachable ? home : outsideOf(home)
    const cluster = path.join(place, 'cluster')
    await settleFormerServer(cluster, ownedBefore)
    checkCluster(cluster)
    return { cluster, log: path.join(home, 'server.log'), release, temporary: undefined }
  } catch (error) {
    release()
    throw error
  }
}

function temporaryFolder(account: Account): ServerFolder {
  const temporary = mkdtempSync(
    path.join(canEnter(os.tmpdir(), account) ? os.tmpdir() : '/tmp', 'keymint-postgres-'),
  )
  if (account) chmodSync(temporary, 0o711)
  return {
    cluster: path.join(temporary, 'cluster'),
    log: path.join(temporary, 'server.log'),
    release: () => rmSync(temporary, { recursive: true, force: true, maxRetries: 5 }),
    temporary,
  }
}

// Root in a closed folder: the data lies where the account can reach it, and the folder says where.
function outsideOf(home: string): string {
  const note = path.join(home, 'location')
  mkdirSync(readableHome, { recursive: true, mode: 0o755 })
  clearAbandoned()
  let place = existsSync(note) ? readFileSync(note, 'utf8').trim() : ''
  if (!place.startsWith(`${readableHome}/data-`)) {
    place = path.join(readableHome, `data-${randomBytes(6).toString('hex')}`)
    writeFileSync(note, `${place}\n`)
  }
  mkdirSync(place, { recursive: true, mode: 0o711 })
  chmodSync(place, 0o711)
  writeFileSync(path.join(place, 'belongs-to'), `${home}\n`)
  return place
}

// Deleting the data folder also means the part that had to be kept elsewhere.
function clearAbandoned(): void {
  for (const name of readdirSync(readableHome).filter((entry) => entry.startsWith('data-'))) {
    const place = path.join(readableHome, name)
    const belongsTo = path.join(place, 'belongs-to')
    if (!existsSync(belongsTo)) continue
    const note = path.join(readFileSync(belongsTo, 'utf8').trim(), 'location')
    const kept = existsSync(note) && readFileSync(note, 'utf8').trim() === place
    if (!kept && processesIn(path.join(place, 'cluster')).length === 0)
      rmSync(place, { recursive: true, force: true })
  }
}

function ownerFile(home: string): string {
  return path.join(home, 'owner.json')
}

/**
 * Writes the note of ownership, and says whether a dead owner had left one. A living owner is an
 * error.
 */
function own(home: string): boolean {
  const file = ownerFile(home)
  const note = JSON.stringify({ pid: process.pid, birth: birthOf(process.pid) })
  let leftBehind = false
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      writeFileSync(file, note, { flag: 'wx' })
      return leftBehind
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new StartError(
          `The folder ${home} for PostgreSQL's data cannot be written (${reason(error)}): ` +
            'set KEYMINT_DATA_DIR to a folder you may write to.',
        )
      }
    }
    const owner = readOwner(file)
    if (owner && isAlive(owner.pid) && birthOf(owner.pid) === owner.birth) {
      throw new StartError(
        `The database in ${home} is already in use by process ${owner.pid}: ` +
          'stop that one first (Ctrl-C in its terminal), or set KEYMINT_DATA_DIR to another folder.',
      )
    }
    leftBehind = true
    rmSync(file, { force: true })
  }
  throw new StartError(
    `Several processes try to start the database in ${home} at once: start one of them.`,
  )
}

function readOwner(file: string): { pid: number; birth: string } | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('birth' in value))
      return undefined
    return { pid: Number(value.pid), birth: String(value.birth) }
  } catch {
    return undefined
  }
}

async function settleFormerServer(cluster: string, ownedBefore: boolean): Promise<void> {
  const pidFile = path.join(cluster, 'postmaster.pid')
  if (!existsSync(pidFile)) return
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
  if (Number.isInteger(pid) && pid > 1 && worksIn(pid, cluster)) {
    if (!ownedBefore && process.platform !== 'win32') {
      throw new StartError(
        `A PostgreSQL that Keymint did not start (process ${pid}) is running on ${cluster}: ` +
          'stop it, or set DATABASE_URL to use it.',
      )
    }
    await stopFormerServer(pid, cluster)
  }
  // A server's backends see its death and leave by themselves. Only then may the note go: it is
  // what keeps two servers apart.
  if (!(await waitFor(() => processesIn(cluster).length === 0, 10_000))) {
    throw new StartError(
      `Processes of a former PostgreSQL (${processesIn(cluster).join(', ')}) still work in ` +
        `${cluster}: stop them, then start again.`,
    )
  }
  rmSync(pidFile, { force: true })
}

async function stopFormerServer(pid: number, cluster: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return
      throw new StartError(
        `A PostgreSQL of an earlier run (process ${pid}) belongs to another user: ` +
          'stop it, then start again.',
      )
    }
    if (await waitFor(() => !worksIn(pid, cluster), 10_000)) return
  }
  throw new StartError(
    `A PostgreSQL of an earlier run (process ${pid}) does not stop: ` +
      `end it with kill -9 ${pid}, then start again.`,
  )
}

function checkCluster(cluster: string): void {
  if (!existsSync(cluster)) return
  const versionFile = path.join(cluster, 'PG_VERSION')
  if (existsSync(versionFile)) {
    const version = readFileSync(versionFile, 'utf8').trim()
    if (version === majorVersion) return
    throw new StartError(
      `The data in ${cluster} was made by PostgreSQL ${version || '(unknown)'} and this is ${majorVersion}: ` +
        'move that folder away, or set KEYMINT_DATA_DIR to another one.',
    )
  }
  if (readdirSync(cluster).length > 0) {
    throw new StartError(
      `The folder ${cluster} holds files but no database (no PG_VERSION): ` +
        'move it away, or set KEYMINT_DATA_DIR to another folder.',
    )
  }
  rmdirSync(cluster)
}

/** Makes the file readable for the account the server runs under. */
export function giveTo(file: string, account: Account): void {
  if (account) chownSync(file, account.uid, account.gid)
}

function reason(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}

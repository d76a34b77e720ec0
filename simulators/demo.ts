/**
 * `npm run demo`: Keymint and its stand-ins in one terminal; `npm run dev` (--watch) also rebuilds
 * after changes. Guarantee: it is ready, or it prints why not and leaves nothing running. A second
 * start finds the keys, sessions and stand-ins' ledgers of the first in the data folder.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, watch, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { lastLinesOf, startAppProcess, waitUntilReady, type AppProcess } from './app-process'
import { BuildError, buildOnce } from './build-once'
import { secrets, takeDataDir, releaseDataDir } from './demo-data'
import { introduction } from './demo-introduction'
import { makeDemoTeam } from './demo-team'
import { isPortFree, portOf } from './free-port'
import { StartError } from './start-error'
import { startWorld, type World } from './world'

const usualPorts = {
  SIM_OPENROUTER_PORT: 4010,
  SIM_GITHUB_PORT: 4011,
  SIM_GOOGLE_PORT: 4012,
  SIM_LITELLM_PORT: 4013,
  SIM_RUNPOD_PORT: 4014,
  SIM_AWS_PORT: 4015,
  SIM_POSTGRES_PORT: 54329,
} as const
/** How the names of Keymint's variables begin. */
const ownVariables = [
  'DATABASE_URL',
  'DIRECT_DATABASE_URL',
  'APP_ORIGIN',
  'PORT',
  'NODE_ENV',
  'SESSION_SECRET',
  'ENCRYPTION_KEY',
  'OPENROUTER_',
  'GITHUB_',
  'GOOGLE_',
  'ADMIN_',
  'VIEWER_',
  'PROVISIONING_ENABLED',
  'MAX_TOTAL_KEYS',
  'MINT_CONCURRENCY',
  'METRICS_',
  'WORKSHOPS_DIR',
]
/** The demo's own workshops; a deployment begins without one. */
const samples = 'simulators/workshops'
const watched = ['app', 'jobs', 'prisma', samples]
const readyTimeoutMs = 60_000

const watching = process.argv.includes('--watch')
const dataDir = path.resolve(process.env.KEYMINT_DATA_DIR || '.keymint')
/** For the command line beside a running demo, such as `npm run doctor`. Deleted at the end. */
const environmentFile = path.join(dataDir, 'demo.env')
const stopping = new AbortController()
let web: AppProcess | undefined
let worker: AppProcess | undefined
let startingWorld: Promise<World> | undefined
let leaving: Promise<never> | undefined
let askedAt = 0

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
stopWithNpm()
// A reader of our output that has gone must not end the demo.
process.stdout.on('error', () => undefined)

try {
  await main()
} catch (error) {
  if (!leaving) {
    const forPeople = error instanceof StartError || error instanceof BuildError
    process.stderr.write(`${forPeople ? error.message : asError(error).stack}\n`)
    await leave(1)
  }
}

async function main(): Promise<void> {
  requireNode()
  const port = portOf('PORT', 3000)
  const origin = `http://localhost:${port}`
  mkdirSync(dataDir, { recursive: true })
  takeDataDir(dataDir)
  await requireFree(port)
  for (const name of ['web.log', 'worker.log']) rmSync(path.join(dataDir, name), { force: true })

  const standIns = (startingWorld = startStandIns(origin))
  // A failure of the stand-ins stops the build, whose own error then says nothing more.
  let failed: unknown
  standIns.catch((error: unknown) => {
    failed = error
    stopping.abort()
  })
  if (!existsSync('build/inputs.json')) say('Building Keymint, which only the first start does …')
  await buildOnce({ signal: stopping.signal }).catch((error: unknown) =>
    Promise.reject(asError(failed ?? error)),
  )
  const world = await standIns
  await migrate(world, origin)
  stopping.signal.throwIfAborted()
  worker = startWorker(world, origin)
  web = startWeb(world, origin)
  await ready(origin)
  const missing = await makeDemoTeam(world, origin, stopping.signal)
  stopping.signal.throwIfAborted()
  if (missing) process.stderr.write(`${missing}\n`)
  writeFileSync(environmentFile, inEnvFile(environment(world, origin)), { mode: 0o600 })
  say(introduction(world, { dataDir, environmentFile }))
  say(`Keymint is ready at ${origin}`)
  if (watching) follow(world, origin)
}

async function startStandIns(origin: string): Promise<World> {
  return startWorld({
    dataDir,
    ports: {
      openrouter: await standInPort('SIM_OPENROUTER_PORT'),
      litellm: await standInPort('SIM_LITELLM_PORT'),
      runpod: await standInPort('SIM_RUNPOD_PORT'),
      aws: await standInPort('SIM_AWS_PORT'),
      github: await standInPort('SIM_GITHUB_PORT'),
      google: await standInPort('SIM_GOOGLE_PORT'),
      postgres: await standInPort('SIM_POSTGRES_PORT'),
    },
    appOrigins: [origin],
  })
}

function environment(outside: World, origin: string): NodeJS.ProcessEnv {
  const { DIRECT_DATABASE_URL, ...given } = process.env
  return {
    PROVISIONING_ENABLED: 'true',
    MAX_TOTAL_KEYS: '1000',
    MINT_CONCURRENCY: '8',
    WORKSHOPS_DIR: samples,
    ...given,
    ...(outside.postgres.external && DIRECT_DATABASE_URL ? { DIRECT_DATABASE_URL } : {}),
    ...outside.environment(origin),
    ...secrets(dataDir),
    NODE_ENV: 'production',
    PORT: new URL(origin).port || '80',
  }
}

/** Of an environment that holds the shell's variables too, those that are Keymint's. */
function inEnvFile(all: NodeJS.ProcessEnv): string {
  const names = Object.keys(all).filter((name) =>
    ownVariables.some((start) => name.startsWith(start)),
  )
  return `${names
    .sort()
    .map((name) => `${name}="${all[name] ?? ''}"`)
    .join('\n')}\n`
}

function startWeb(outside: World, origin: string): AppProcess {
  return watchOver(
    startAppProcess({
      name: 'web',
      entry: 'build/node/server.js',
      env: environment(outside, origin),
      logFile: path.join(dataDir, 'web.log'),
    }),
  )
}

function startWorker(outside: World, origin: string): AppProcess {
  return watchOver(
    startAppProcess({
      name: 'worker',
      entry: 'build/node/worker.js',
      env: environment(outside, origin),
      logFile: path.join(dataDir, 'worker.log'),
    }),
  )
}

/** Ends the demo when one of its two processes ends by itself. */
function watchOver(child: AppProcess): AppProcess {
  void child.exited.then(() => {
    if (leaving || (child !== web && child !== worker)) return
    process.stderr.write(`${lastLinesOf(child)}\n`)
    void leave(1)
  })
  return child
}

async function ready(origin: string): Promise<void> {
  const processes = [web, worker].filter((one) => one !== undefined)
  await waitUntilReady(origin, processes, { timeoutMs: readyTimeoutMs, signal: stopping.signal })
}

function migrate(outside: World, origin: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['build/node/migrate.js'], {
      env: environment(outside, origin),
      stdio: ['ignore', 'ignore', 'pipe'],
      signal: stopping.signal,
    })
    let output = ''
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.once('error', reject)
    child.once('exit', (code) =>
      code === 0
        ? resolve()
        : reject(new StartError(output.trimEnd() || `migrate ended with ${code}`)),
    )
  })
}

/** Rebuilds and restarts after a change; a failed build leaves the running processes alone. */
function follow(outside: World, origin: string): void {
  let timer: NodeJS.Timeout | undefined
  let working = Promise.resolve()
  let workshopChanged = false
  const restart = async () => {
    const restartAnyway = workshopChanged
    workshopChanged = false
    try {
      const { changed } = await buildOnce({ signal: stopping.signal })
      if (leaving || (!changed && !restartAnyway)) return
      await migrate(outside, origin)
      const [oldWeb, oldWorker] = [web, worker]
      web = worker = undefined
      await Promise.all([oldWeb?.stop(), oldWorker?.stop()])
      if (stopping.signal.aborted) return
      worker = startWorker(outside, origin)
      web = startWeb(outside, origin)
      await ready(origin)
      say(`Restarted at ${new Date().toLocaleTimeString()}`)
    } catch (error) {
      if (!leaving) process.stderr.write(`${asError(error).message}\n`)
    }
  }
  for (const folder of watched) {
    watch(folder, { recursive: true }, () => {
      if (folder === samples) workshopChanged = true
      clearTimeout(timer)
      timer = setTimeout(() => void (working = working.then(restart)), 200)
    })
  }
}

function onSignal(): void {
  // A terminal and npm both pass on one Ctrl-C.
  if (leaving && Date.now() - askedAt < 300) return
  if (leaving) {
    // A second Ctrl-C: the watcher beside PostgreSQL stops it.
    web?.kill()
    worker?.kill()
    process.exit(130)
  }
  askedAt = Date.now()
  say('Stopping …')
  void leave(0)
}

/** npm's shell ends at a SIGTERM without passing it on: the demo ends when its parent has. */
function stopWithNpm(): void {
  if (!process.env.npm_lifecycle_event) return
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent && !leaving) void leave(0)
  }, 300).unref()
}

/** Stops everything, the callers first. */
function leave(code: number): Promise<never> {
  leaving ??= (async () => {
    stopping.abort()
    await web?.stop()
    await worker?.stop()
    await (await startingWorld?.catch(() => undefined))?.stop()
    rmSync(environmentFile, { force: true })
    releaseDataDir(dataDir)
    process.exit(code)
  })()
  return leaving
}

/**
 * The port of the variable, whether free or not; else the usual one, or any when that is taken.
 */
async function standInPort(name: keyof typeof usualPorts): Promise<number | undefined> {
  if (process.env[name]) return portOf(name, usualPorts[name])
  return (await isPortFree(usualPorts[name])) ? usualPorts[name] : undefined
}

async function requireFree(port: number): Promise<void> {
  // On all addresses, as the web process listens.
  const taken = await new Promise<boolean>((resolve) => {
    const server = net.createServer()
    server.once('error', () => resolve(true))
    server.listen(port, () => server.close(() => resolve(false)))
  })
  if (taken || !(await isPortFree(port)))
    throw new StartError(
      `Port ${port}, meant for Keymint, is taken: stop what listens there, or set PORT to a free port.`,
    )
}

function requireNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 22 || (major === 22 && minor < 12))
    throw new StartError(
      `This is Node ${process.versions.node}, and Keymint needs 22.12 or newer. "npm run demo" brings its own.`,
    )
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

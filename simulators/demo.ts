/**
 * `npm run demo`: all of Keymint and the world around it in one terminal; `npm run dev` (--watch)
 * also follows changes. Guarantee: it is ready, or it says in a sentence why not and has left
 * nothing running. A second start finds its data again: keys, sessions and the ledger upstream live
 * in the data folder.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { spawn } from 'node:child_process'
import { lastWordsOf, startAppProcess, waitUntilReady, type AppProcess } from './app-process'
import { BuildError, buildOnce } from './build-once'
import { isPortFree, portOf } from './free-port'
import { birthOf, isAlive } from './postgres/processes'
import { StartError } from './start-error'
import { startWorld, type World } from './world'

const usualPorts = {
  SIM_OPENROUTER_PORT: 4010,
  SIM_GITHUB_PORT: 4011,
  SIM_GOOGLE_PORT: 4012,
  SIM_LITELLM_PORT: 4013,
  SIM_POSTGRES_PORT: 54329,
} as const
const watched = ['app', 'jobs', 'prisma', 'workshops']
const readyTimeoutMs = 60_000

const watching = process.argv.includes('--watch')
const dataDir = path.resolve(process.env.KEYMINT_DATA_DIR || '.keymint')
/** For the command line beside a running demo: `npm run doctor` reads it. Gone when the demo is. */
const environmentFile = path.join(dataDir, 'demo.env')
const stopping = new AbortController()
let web: AppProcess | undefined
let worker: AppProcess | undefined
let startingWorld: Promise<World> | undefined
let leaving: Promise<never> | undefined
let askedAt = 0

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
stopWithNpm()
// Whoever read our lines may have gone; that is no reason to fall.
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
  takeDataDir()
  await requireFree(port)
  for (const name of ['web.log', 'worker.log']) rmSync(path.join(dataDir, name), { force: true })

  const standIns = (startingWorld = startStandIns(origin))
  // What stops the stand-ins stops the build, whose own complaint is then no news.
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
  writeFileSync(environmentFile, inEnvFile(environment(world, origin)), { mode: 0o600 })
  say(introduction(world))
  say(`Keymint is ready at ${origin}`)
  if (watching) follow(world, origin)
}

async function startStandIns(origin: string): Promise<World> {
  return startWorld({
    dataDir,
    ports: {
      openrouter: await standInPort('SIM_OPENROUTER_PORT'),
      litellm: await standInPort('SIM_LITELLM_PORT'),
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
    ...given,
    ...(outside.postgres.external && DIRECT_DATABASE_URL ? { DIRECT_DATABASE_URL } : {}),
    ...outside.environment(origin),
    ...secrets(),
    NODE_ENV: 'production',
    PORT: new URL(origin).port || '80',
  }
}

/** What is Keymint's own of it; the rest is the shell's. */
function inEnvFile(all: NodeJS.ProcessEnv): string {
  const names = Object.keys(all).filter((name) =>
    /^(DATABASE_URL|DIRECT_DATABASE_URL|APP_ORIGIN|PORT|NODE_ENV|SESSION_SECRET|ENCRYPTION_KEY|OPENROUTER_|GITHUB_|GOOGLE_|ADMIN_|VIEWER_|PROVISIONING_ENABLED|MAX_TOTAL_KEYS|MINT_CONCURRENCY|METRICS_|WORKSHOPS_DIR)/.test(
      name,
    ),
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

/**
 * One of the two gone without our asking ends the demo: half a Keymint helps nobody to see what is
 * wrong.
 */
function watchOver(child: AppProcess): AppProcess {
  void child.exited.then(() => {
    if (leaving || (child !== web && child !== worker)) return
    process.stderr.write(`${lastWordsOf(child)}\n`)
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
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    child.once('error', reject)
    child.once('exit', (code) =>
      code === 0
        ? resolve()
        : reject(new StartError(said.trimEnd() || `migrate ended with ${code}`)),
    )
  })
}

/** Rebuilds and restarts after a change; what does not build leaves the running one alone. */
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
      if (folder === 'workshops') workshopChanged = true
      clearTimeout(timer)
      timer = setTimeout(() => void (working = working.then(restart)), 200)
    })
  }
}

function onSignal(): void {
  // A terminal and npm each pass on the same Ctrl-C.
  if (leaving && Date.now() - askedAt < 300) return
  if (leaving) {
    // Asked a second time: PostgreSQL's own watcher does the rest.
    web?.kill()
    worker?.kill()
    process.exit(130)
  }
  askedAt = Date.now()
  say('Stopping …')
  void leave(0)
}

/**
 * npm's shell does not pass a SIGTERM on: it dies, and without us knowing we would stay for ever.
 */
function stopWithNpm(): void {
  if (!process.env.npm_lifecycle_event) return
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent && !leaving) void leave(0)
  }, 300).unref()
}

/** Stops everything, the outermost first: nobody is left who speaks to something that is gone. */
function leave(code: number): Promise<never> {
  leaving ??= (async () => {
    stopping.abort()
    await web?.stop()
    await worker?.stop()
    await (await startingWorld?.catch(() => undefined))?.stop()
    releaseDataDir()
    process.exit(code)
  })()
  return leaving
}

function introduction({ people, openrouter, litellm, github, postgres }: World): string {
  const note = (login: string) => people.find((person) => person.login === login)?.note ?? ''
  const attendee =
    people.find((person) => person.provider === 'github' && !person.note)?.login ?? ''
  const row = (left: string, right: string) => `  ${left.padEnd(26)}${right}`
  const count = (provider: string) => people.filter((person) => person.provider === provider).length
  return [
    '',
    'Sign in with GitHub or Google (both are stand-ins: pick a person, there is no password):',
    '',
    row('admin (GitHub)', 'the organiser, sees /admin/w/duckdb-agents'),
    row(
      `${attendee} (GitHub)`,
      `an attendee, one of ${count('github')} there and ${count('google')} at Google`,
    ),
    ...['unverified', 'no-email', 'twin-dots', 'twin-plus', 'viewer'].map((login) =>
      row(`${login} (GitHub)`, note(login)),
    ),
    '',
    row('Make things go wrong', openrouter.faultsUrl),
    row(
      '',
      `curl -d '{"bindFails":true}' ${openrouter.faultsUrl}    (curl -X DELETE puts it right)`,
    ),
    row('', `the same for sign-in: ${github.faultsUrl}; all faults: simulators/README.md`),
    row(
      'Is it ready for a room?',
      `npm run doctor${dataDir === path.resolve('.keymint') ? '' : `    (needs the variables of ${environmentFile})`}, or /admin/doctor as admin`,
    ),
    row(
      'A LiteLLM proxy',
      `${litellm.baseUrl}, master key ${litellm.masterKey} (for the vault of a team)`,
    ),
    row('Data and logs', `${path.relative('', dataDir) || '.'}/ (web.log, worker.log)`),
    row(
      'PostgreSQL',
      postgres.external ? 'the server of DATABASE_URL' : `our own, on port ${postgres.port}`,
    ),
    '',
  ].join('\n')
}

/** Made once and kept: a second start must open what the first has sealed. */
function secrets(): { SESSION_SECRET: string; ENCRYPTION_KEY: string } {
  const file = path.join(dataDir, 'secrets.json')
  if (!existsSync(file)) {
    writeFileSync(
      file,
      `${JSON.stringify({ SESSION_SECRET: randomBytes(32).toString('base64url'), ENCRYPTION_KEY: randomBytes(32).toString('base64') })}\n`,
      { mode: 0o600 },
    )
  }
  return JSON.parse(readFileSync(file, 'utf8')) as {
    SESSION_SECRET: string
    ENCRYPTION_KEY: string
  }
}

/** One demo a data folder: two would write one ledger. */
function takeDataDir(): void {
  const file = path.join(dataDir, 'demo.json')
  const mine = JSON.stringify({ pid: process.pid, birth: birthOf(process.pid) })
  try {
    writeFileSync(file, mine, { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const owner = ownerOf(file)
    if (owner && isAlive(owner.pid) && birthOf(owner.pid) === owner.birth) {
      throw new StartError(
        `A demo is already running with the data in ${dataDir} (process ${owner.pid}). Stop that one, or set KEYMINT_DATA_DIR and PORT for a second.`,
      )
    }
    writeFileSync(file, mine)
  }
}

function releaseDataDir(): void {
  rmSync(environmentFile, { force: true })
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

/**
 * The usual port so that addresses stay the same, another one when it is taken; one that was asked
 * for is a promise.
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

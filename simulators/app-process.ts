/**
 * One production process of Keymint, as a deployment runs it, for the demo and the journeys.
 * Guarantee: it stands in a session of its own, so that a Ctrl-C reaches it only through `stop`,
 * and it ends when whoever started it is gone, however that happened.
 */
import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { StartError } from './start-error'

export type AppProcess = {
  name: string
  pid: number
  logFile: string
  exited: Promise<number | null>
  /** Asks it to finish what it does, and insists after 30 s. */
  stop(): Promise<void>
  kill(): void
}

/** `cwd`: the root of what is run, this project if none is given. */
export type AppProcessOptions = {
  name: string
  entry: string
  env: NodeJS.ProcessEnv
  logFile: string
  cwd?: string
}

// Longer than the worker gives its running jobs.
const patienceMs = 30_000

export function startAppProcess({ name, entry, env, logFile, cwd }: AppProcessOptions): AppProcess {
  const log = openSync(logFile, 'a', 0o600)
  const child = spawn(process.execPath, [entry], {
    env,
    ...(cwd ? { cwd } : {}),
    stdio: ['ignore', log, log],
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  closeSync(log)
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => resolve(code))
    child.once('error', () => resolve(null))
  })
  const pid = child.pid ?? 0
  const release = guard(pid)
  void exited.then(release)
  let stopping: Promise<void> | undefined
  return {
    name,
    pid,
    logFile,
    exited,
    stop: () =>
      (stopping ??= (async () => {
        child.kill('SIGTERM')
        const insist = setTimeout(() => child.kill('SIGKILL'), patienceMs)
        await exited
        clearTimeout(insist)
      })()),
    kill: () => void child.kill('SIGKILL'),
  }
}

/**
 * Resolves when the web process says that database and worker are there too; rejects with a
 * sentence for people otherwise.
 */
export async function waitUntilReady(
  origin: string,
  processes: AppProcess[],
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<void> {
  const end = Date.now() + options.timeoutMs
  let died: AppProcess | undefined
  for (const one of processes) void one.exited.then(() => (died ??= one))
  for (;;) {
    options.signal?.throwIfAborted()
    if (died) throw new StartError(lastLinesOf(died))
    if (await answersOk(`${origin}/readyz`)) return
    if (Date.now() > end)
      throw new StartError(
        `Keymint did not become ready within ${options.timeoutMs / 1000} s.\n${processes.map(lastLinesOf).join('\n')}`,
      )
    await sleep(50)
  }
}

/** What a process wrote last, and where the rest is. */
export function lastLinesOf({ name, logFile }: AppProcess, lines = 15): string {
  const text = existsSync(logFile)
    ? readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
    : ''
  return `The ${name} process ended or is not ready. Its last words, all of them in ${logFile}:\n${text}`
}

async function answersOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}

/**
 * A small `sh` that waits on a pipe: it closes when we die, and then nobody else would stop the
 * process.
 */
function guard(pid: number): () => void {
  if (process.platform === 'win32' || pid === 0) return () => undefined
  const sh = spawn('/bin/sh', ['-c', 'read -r _; kill -TERM "$1" 2>/dev/null', 'sh', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  sh.on('error', () => undefined)
  sh.stdin.on('error', () => undefined)
  sh.unref()
  return () => void sh.kill('SIGKILL')
}

/**
 * The world of one Playwright worker: stand-ins of its own, a clone of the run's database, and web
 * and worker from the production build. Two workers never meet, so their journeys need not either.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startAppProcess, waitUntilReady } from '../simulators/app-process'
import { freePort } from '../simulators/free-port'
import { cloneDatabase } from '../simulators/postgres/template'
import { startWorld } from '../simulators/world'
import { startTcpProxy } from '../tests/tcp-proxy'
import { readDatabase } from './stage'
import type { Stage } from './stage'
import { writeWorkshopFiles } from './workshop-files'

/** `change` is of the environment of web and worker. */
export async function openJourneysWorld(
  change: Record<string, string> = {},
): Promise<{ stage: Stage; close(): Promise<void> }> {
  const { adminUrl, template } = readDatabase()
  const folder = mkdtempSync(path.join(tmpdir(), 'keymint-journeys-'))
  const workshopsDir = path.join(folder, 'workshops')
  mkdirSync(workshopsDir)
  writeWorkshopFiles(workshopsDir)

  const [port, otherPort] = [await freePort(), await freePort()]
  const [origin, offOrigin] = [`http://localhost:${port}`, `http://localhost:${otherPort}`]
  const world = await startWorld({
    appOrigins: [origin, offOrigin],
    databaseUrl: adminUrl,
    // Enough for every workshop of the journeys, as an operator would have.
    credits: 1_000_000_000,
  })
  const closers: (() => Promise<unknown>)[] = [() => world.stop()]
  const close = async () => {
    for (const closer of closers.reverse()) await closer()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const database = await cloneDatabase(adminUrl, template)
    closers.push(() => database.drop())
    const cable = await startTcpProxy(database.url)
    closers.push(() => cable.stop())
    const environment: Record<string, string> & { NODE_ENV: 'production' } = {
      PATH: process.env.PATH ?? '',
      ...world.environment(origin),
      DATABASE_URL: cable.urlFor(database.url),
      NODE_ENV: 'production',
      PORT: String(port),
      SESSION_SECRET: randomBytes(32).toString('base64url'),
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      PROVISIONING_ENABLED: 'true',
      MAX_TOTAL_KEYS: '100',
      OPERATOR_NAME: 'Journey hosts',
      IMPRINT_URL: 'https://example.org/imprint',
      PRIVACY_URL: 'https://example.org/privacy',
      READ_USAGE_SECONDS: '5',
      WORKSHOPS_DIR: workshopsDir,
      LOG_LEVEL: 'debug',
      ...change,
    }
    const start = (name: string, entry: string, own: Record<string, string> = {}) => {
      const logFile = path.join(folder, `${name}.log`)
      const child = startAppProcess({ name, entry, env: { ...environment, ...own }, logFile })
      closers.push(() => child.stop())
      return child
    }
    const worker = start('worker', 'build/node/worker.js')
    let web = start('web', 'build/node/server.js')
    const off = start('web-that-hands-out-nothing', 'build/node/server.js', {
      APP_ORIGIN: offOrigin,
      PORT: String(otherPort),
      PROVISIONING_ENABLED: 'yes',
    })
    await waitUntilReady(origin, [web, worker], { timeoutMs: 60_000 })
    await waitUntilReady(offOrigin, [off], { timeoutMs: 60_000 })

    const stage: Stage = {
      origin,
      offOrigin,
      databaseUrl: database.url,
      openrouter: {
        baseUrl: world.openrouter.baseUrl,
        root: new URL(world.openrouter.baseUrl).origin,
        faultsUrl: world.openrouter.faultsUrl,
      },
      litellm: world.litellm,
      runpod: world.runpod,
      aws: world.aws,
      github: { url: world.github.url, faultsUrl: world.github.faultsUrl },
      google: { url: world.google.url, faultsUrl: world.google.faultsUrl },
      logs: [web, worker, off].map(({ logFile }) => logFile),
      web: {
        stop: () => web.stop(),
        start: async () => {
          web = start('web', 'build/node/server.js')
          await waitUntilReady(origin, [web], { timeoutMs: 60_000 })
        },
      },
      database: {
        stop: async () => cable.down(true),
        start: async () => cable.down(false),
      },
      secrets: {
        managementKey: world.openrouter.managementKey,
        encryptionKey: environment.ENCRYPTION_KEY ?? '',
        sessionSecret: environment.SESSION_SECRET ?? '',
      },
    }
    return { stage, close }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * Starts the one world of a run: the stand-ins, a database of its own, and web and worker from the
 * production build.
 */
import { randomBytes } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { startAppProcess, waitUntilReady } from '../simulators/app-process'
import { freePort } from '../simulators/free-port'
import { databaseUrlFor, dropDatabase } from '../simulators/postgres/template'
import { startWorld } from '../simulators/world'
import { settingOfStage, type Stage } from './stage'
import { writeWorkshopFiles } from './workshop-files'

export default async function globalSetup(): Promise<() => Promise<void>> {
  process.chdir(path.resolve(import.meta.dirname, '..'))
  if (!existsSync('build/node/server.js') || !existsSync('build/web/server/index.js'))
    throw new Error('There is no build. Run: npm run build')
  const folder = mkdtempSync(path.join(tmpdir(), 'keymint-journeys-'))
  const workshopsDir = path.join(folder, 'workshops')
  mkdirSync(workshopsDir)
  writeWorkshopFiles(workshopsDir)

  const [port, otherPort] = [await freePort(), await freePort()]
  const [origin, offOrigin] = [`http://localhost:${port}`, `http://localhost:${otherPort}`]
  const world = await startWorld({ appOrigins: [origin, offOrigin] })
  const closers: (() => Promise<unknown>)[] = [() => world.stop()]
  const close = async () => {
    for (const closer of closers.reverse()) await closer()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    // Also on a server that was given: these journeys have nothing to do with what else it holds.
    const name = `keymint_journeys_${randomBytes(6).toString('hex')}`
    await query(world.postgres.adminUrl, `create database ${name}`)
    closers.push(() => dropDatabase(world.postgres.adminUrl, name))
    const databaseUrl = databaseUrlFor(world.postgres.adminUrl, name)
    const environment: Record<string, string> & { NODE_ENV: 'production' } = {
      PATH: process.env.PATH ?? '',
      ...world.environment(origin),
      DATABASE_URL: databaseUrl,
      NODE_ENV: 'production',
      PORT: String(port),
      SESSION_SECRET: randomBytes(32).toString('base64url'),
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      PROVISIONING_ENABLED: 'true',
      MAX_TOTAL_KEYS: '100',
      WORKSHOPS_DIR: workshopsDir,
      LOG_LEVEL: 'debug',
    }
    const migrated = spawnSync(process.execPath, ['build/node/migrate.js'], {
      env: environment,
      encoding: 'utf8',
    })
    if (migrated.status !== 0) throw new Error(migrated.stderr)

    const logs = {
      web: path.join(folder, 'web.log'),
      worker: path.join(folder, 'worker.log'),
      off: path.join(folder, 'web-off.log'),
    }
    const worker = startAppProcess({
      name: 'worker',
      entry: 'build/node/worker.js',
      env: environment,
      logFile: logs.worker,
    })
    closers.push(() => worker.stop())
    const web = startAppProcess({
      name: 'web',
      entry: 'build/node/server.js',
      env: environment,
      logFile: logs.web,
    })
    closers.push(() => web.stop())
    const off = startAppProcess({
      name: 'web that hands out nothing',
      entry: 'build/node/server.js',
      logFile: logs.off,
      env: {
        ...environment,
        APP_ORIGIN: offOrigin,
        PORT: String(otherPort),
        PROVISIONING_ENABLED: 'yes',
      },
    })
    closers.push(() => off.stop())
    await waitUntilReady(origin, [web, worker], { timeoutMs: 30_000 })
    await waitUntilReady(offOrigin, [off], { timeoutMs: 30_000 })

    const stage: Stage = {
      origin,
      offOrigin,
      databaseUrl,
      openrouter: {
        baseUrl: world.openrouter.baseUrl,
        root: new URL(world.openrouter.baseUrl).origin,
        faultsUrl: world.openrouter.faultsUrl,
      },
      github: { url: world.github.url, faultsUrl: world.github.faultsUrl },
      google: { url: world.google.url, faultsUrl: world.google.faultsUrl },
      logs: Object.values(logs),
      secrets: {
        managementKey: world.openrouter.managementKey,
        encryptionKey: environment.ENCRYPTION_KEY ?? '',
        sessionSecret: environment.SESSION_SECRET ?? '',
      },
    }
    process.env[settingOfStage] = JSON.stringify(stage)
    return close
  } catch (error) {
    await close()
    throw error
  }
}

async function query(url: string, text: string): Promise<void> {
  const plain = new URL(url)
  plain.searchParams.delete('schema')
  const client = new pg.Client({ connectionString: plain.href })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

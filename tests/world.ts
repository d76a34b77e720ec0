/**
 * A whole small Keymint for a test or a bench: a database of its own, a stand-in for OpenRouter, a
 * ctx with a clock that can be moved, and workers in this process or in processes that can be
 * killed. A team in it is opened by team.ts. With tests and benches, tests/ is the one place that
 * sees both sides.
 */
import { listAllKeys } from '~/adapters/key-provider'
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pLimit from 'p-limit'
import { createAlerts } from '~/adapters/alert-channels.server'
import { createDb } from '~/adapters/db.server'
import { migrationNames } from '~/adapters/migrations.server'
import { createFingerprints } from '~/adapters/fingerprint.server'
import { createLog } from '~/adapters/log.server'
import { createMetrics, measured } from '~/adapters/metrics.server'
import { createOutbound } from '~/adapters/outbound.server'
import { createOpenRouter } from '~/adapters/openrouter.server'
import { createSendingQueue, createWorkingBoss, queueOver } from '~/adapters/queue.server'
import { createLimits } from '~/adapters/rate-limits.server'
import { createRosterKeys } from '~/adapters/roster-hash.server'
import { createSealer } from '~/adapters/sealing.server'
import { createServices } from '~/adapters/services.server'
import { thisMachine } from './this-machine'
import type { ServiceAdapter } from '~/adapters/service-adapter'
import type { Claimant } from '~/domain/claim/admission'
import type { Ctx } from '~/domain/ctx'
import { createCallPace } from '~/domain/keys/call-pace.server'
import { bookMonth } from '~/domain/team/sub-key-holder.server'
import { holders } from '~/runtime.server'
import type { Workshop } from '~/domain/workshop-file'
import { startWorker } from '../jobs/start-worker'
import { startOpenRouter } from '../simulators/openrouter/server'
import { cloneDatabase } from '../simulators/postgres/template'
import { makeWorkshop, usd } from './make-workshop'
import { moveDatabaseClock, stopDatabaseClock, templateOfRun, type Template } from './database'

export { makeWorkshop, usd }

export type UpstreamLedgerKey = { hash: string; name: string; deleted: boolean }

export type World = Awaited<ReturnType<typeof openWorld>>

export type WorldOptions = {
  workshops?: Workshop[]
  provisioningEnabled?: boolean
  maxTotalKeys?: number
  /** Where the app finds its database: a test puts a proxy in between. */
  databaseUrl?: (url: string) => string
  /** What seals here. Absent: a key of this world's own. */
  encryptionKey?: Buffer
  /** The clock stands at this moment until it is moved. Absent: it runs with the real one. */
  clock?: Date
}

/**
 * Opens a world on a clone of a migrated template, the run's own unless another one is given;
 * `await using` closes it with everything in it.
 */
export async function openWorld(options: WorldOptions = {}, template: Template = templateOfRun()) {
  const [database, upstream] = await Promise.all([
    cloneDatabase(template.adminUrl, template.template),
    startOpenRouter(),
  ])
  const logLines: string[] = []
  const log = createLog({
    level: 'debug',
    name: 'test',
    destination: { write: (line) => void logLines.push(line) },
  })
  const appUrl = options.databaseUrl?.(database.url) ?? database.url
  const db = createDb(appUrl, { max: 10, applicationName: 'keymint-test', named: true })
  const queue = await createSendingQueue(database.url, {
    onError: () => undefined,
    onWarning: () => undefined,
  })
  // Clones share the template's installation id; a world of its own needs its own.
  const installationId = randomBytes(6).toString('hex')
  await db.$executeRaw`update keymint.installation set id = ${installationId}`
  const workshops = options.workshops ?? [makeWorkshop()]
  const encryptionKey = options.encryptionKey ?? randomBytes(32)
  let clockOffsetMs = 0
  let travelledMs = 0
  let stoppedAt = options.clock?.getTime()
  if (options.clock) await stopDatabaseClock(db, options.clock)
  const closers: (() => Promise<unknown>)[] = []
  const emptyFolder = await mkdtemp(path.join(tmpdir(), 'keymint-no-workshops-'))
  closers.push(() => rm(emptyFolder, { recursive: true, force: true }))

  const metrics = createMetrics()
  const provider = measured(
    createOpenRouter({ baseUrl: upstream.baseUrl, managementKey: upstream.managementKey, log }),
    metrics,
  )
  const ctx: Ctx = {
    db,
    queue,
    log,
    metrics,
    installationId,
    migrations: migrationNames(),
    provider,
    holders,
    bookMonth,
    managementCredential: { secret: upstream.managementKey, baseUrl: null },
    sealer: createSealer([encryptionKey]),
    fingerprints: createFingerprints({ own: [], encryption: [encryptionKey] }),
    rosterKeys: createRosterKeys({ own: [], others: [encryptionKey] }),
    limits: createLimits(db),
    services: createServices({
      openRouterBaseUrl: upstream.baseUrl,
      deployment: { secret: upstream.managementKey, provider },
      outbound: { networks: thisMachine },
    }),
    mailer: null,
    backup: null,
    findPoolers: () => Promise.resolve({ poolers: [], hasDirect: false }),
    alerts: createAlerts(
      {
        webhook: null,
        slackUrl: null,
        mailTo: [],
        quietHours: null,
        appOrigin: 'http://localhost:3000',
      },
      createOutbound({ networks: thisMachine }),
      null,
    ),
    limitClaims: pLimit(4),
    mintConcurrency: 8,
    callPace: createCallPace({ db, log, ceiling: 8 }),
    now: () => new Date(stoppedAt ?? Date.now() + clockOffsetMs),
    settings: {
      provisioningEnabled: options.provisioningEnabled ?? true,
      maxTotalKeys: options.maxTotalKeys ?? 0,
      adminEmails: [],
      adminGithubIds: [],
      viewerEmails: [],
      providerBaseUrl: upstream.baseUrl,
      readUsageSeconds: 60,
      retentionDays: null,
    },
    deployment: {
      appOrigin: 'http://localhost:3000',
      signIn: [],
      weakSecrets: [],
      operator: { name: null, imprintUrl: null, privacyUrl: null },
    },
    workshops: {
      workshops: new Map(workshops.map((workshop) => [workshop.slug, workshop])),
      problems: [],
      warnings: [],
      broken: new Set(),
    },
  }

  const root = new URL(upstream.baseUrl).origin
  const call = async <T>(path: string, init?: RequestInit): Promise<T> => {
    const response = await fetch(`${root}${path}`, init)
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }
  const post = (body: object): RequestInit => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

  return {
    ctx,
    db,
    upstream,
    logLines,
    database,
    encryptionKey,
    call,
    /** Moves the clock of this process; the engine's time, in the database, goes on as it was. */
    moveClock(ms: number) {
      if (stoppedAt === undefined) clockOffsetMs += ms
      else stoppedAt += ms
    },
    /** Moves the engine's time in this world's own database, and the clock of this process with it. */
    async travel(ms: number) {
      if (stoppedAt !== undefined) return this.travelTo(new Date(stoppedAt + ms))
      clockOffsetMs += ms
      travelledMs += ms
      await moveDatabaseClock(db, travelledMs)
    },
    /** Stops both at this moment; they never go back. */
    async travelTo(at: Date) {
      const moment = Math.max(ctx.now().getTime(), at.getTime())
      stoppedAt = moment
      await stopDatabaseClock(db, new Date(moment))
    },
    faults: (body: object) => call('/__sim/faults', post(body)),
    clearFaults: () => call('/__sim/faults', { method: 'DELETE' }),
    calls: () =>
      call<{ counts: Record<string, number> }>('/__sim/calls').then((answer) => answer.counts),
    /** Keys of this installation that still exist upstream. */
    async liveKeys(): Promise<UpstreamLedgerKey[]> {
      const keys = await listAllKeys(ctx.provider)
      return keys
        .filter((key) => key.name.startsWith(`km/${installationId}/`))
        .map((key) => ({ hash: key.hash, name: key.name, deleted: false }))
    },

    /** People who have signed in, with verified addresses of their own. */
    async people(count: number, change: Partial<Claimant> = {}): Promise<Claimant[]> {
      const people = Array.from({ length: count }, (_, index): Claimant => {
        const id = randomUUID().slice(0, 8)
        return {
          userId: `github:${id}${index}`,
          displayName: `Person ${index}`,
          emailNormalized: `p${id}${index}@example.org`,
          provider: 'github',
          banned: null,
          githubAccountCreatedAt: new Date(0),
          githubLogins: [],
          ...change,
        }
      })
      await db.attendee.createMany({
        data: people.map((person) => ({
          userId: person.userId,
          displayName: person.displayName,
          email: person.emailNormalized,
          emailNormalized: person.emailNormalized,
          authProvider: person.provider,
        })),
      })
      return people
    },

    /** A worker in this process. */
    async startWorkerHere(concurrency = 4) {
      const id = randomUUID()
      const boss = await createWorkingBoss(
        database.url,
        { onError: () => undefined, onWarning: () => undefined },
        id,
      )
      const worker = await startWorker({ ...ctx, queue: queueOver(boss) }, boss, {
        id,
        sessionUrl: database.url,
        concurrency,
      })
      let stopped: Promise<void> | undefined
      const stop = () => (stopped ??= worker.stop())
      closers.push(stop)
      return { stop }
    },

    /**
     * A worker in a process of its own, that can be killed and stopped. It knows no workshop file:
     * workers read rows.
     */
    async spawnWorker(environment: Record<string, string> = {}): Promise<ChildProcess> {
      const child = spawn(process.execPath, ['--import', 'tsx', 'jobs/worker.ts'], {
        env: {
          PATH: process.env.PATH,
          NODE_ENV: 'test',
          DATABASE_URL: appUrl,
          DIRECT_DATABASE_URL: database.url,
          APP_ORIGIN: 'http://localhost:3000',
          SESSION_SECRET: 'x'.repeat(32),
          ENCRYPTION_KEY: encryptionKey.toString('base64'),
          OPENROUTER_MANAGEMENT_KEY: upstream.managementKey,
          OPENROUTER_BASE_URL: upstream.baseUrl,
          GITHUB_CLIENT_ID: 'x',
          GITHUB_CLIENT_SECRET: 'x',
          GOOGLE_CLIENT_ID: 'x',
          GOOGLE_CLIENT_SECRET: 'x',
          PROVISIONING_ENABLED: 'true',
          MINT_CONCURRENCY: '4',
          WORKSHOPS_DIR: emptyFolder,
          ...environment,
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      closers.push(async () => void child.kill('SIGKILL'))
      await new Promise<void>((resolve, reject) => {
        child.stdout?.on('data', (chunk: Buffer) => {
          const text = chunk.toString()
          logLines.push(...text.split('\n').filter(Boolean))
          if (text.includes('worker is running')) resolve()
        })
        child.once('exit', (code) =>
          reject(new Error(`the worker ended with ${code}: ${logLines.slice(-5).join('\n')}`)),
        )
      })
      return child
    },

    onClose: (close: () => Promise<unknown>) => void closers.push(close),

    async [Symbol.asyncDispose]() {
      for (const close of closers.reverse()) await close()
      await queue.stop()
      await db.$disconnect()
      await upstream.stop()
      await database.drop()
    },
  }
}

/** A ctx whose account at this service answers differently where a test says so. */
export function withService(
  ctx: Ctx,
  change: (real: ServiceAdapter) => Partial<ServiceAdapter>,
  service = 'openrouter',
): Ctx {
  const real = ctx.services.get(service)
  if (!real) throw new Error(`this world has no service ${service}`)
  return {
    ...ctx,
    services: new Map([...ctx.services, [service, { ...real, ...change(real) }]]),
  }
}

/**
 * The only constructor: environment -> ctx. Used by server.ts, jobs/worker.ts and the command line,
 * never by a route.
 */
import { randomUUID } from 'node:crypto'
import pLimit from 'p-limit'
import type { PgBoss } from 'pg-boss'
import { createAlerts } from './adapters/alert-channels.server'
import { waitForInstallation } from './adapters/database-start.server'
import { createDb, type Db } from './adapters/db.server'
import { createFingerprints } from './adapters/fingerprint.server'
import { createLog, rememberSecrets, type Log } from './adapters/log.server'
import { createMetrics, measured } from './adapters/metrics.server'
import { createMailer } from './adapters/mail.server'
import { createOpenRouter } from './adapters/openrouter.server'
import {
  createSendingQueue,
  createWorkingBoss,
  queueOver,
  type Queue,
} from './adapters/queue.server'
import { createLimits } from './adapters/rate-limits.server'
import { createRosterKeys } from './adapters/roster-hash.server'
import { createSealer } from './adapters/sealing.server'
import { createFindPoolers } from './adapters/pooler.server'
import { createOutbound, type OutboundRules } from './adapters/outbound.server'
import { createServices } from './adapters/services.server'
import type { Ctx } from './domain/ctx'
import { rosterReader } from './domain/people/roster-reader'
import { loadWorkshops } from './domain/workshop/catalog.server'
import { claimHolder } from './domain/claim/claim-holder.server'
import { spareHolder } from './domain/claim/spare-holder.server'
import { bookMonth, subKeyHolder } from './domain/team/sub-key-holder.server'
import type { Holder, HolderKind, Holders } from './domain/holder'
import { createCallPace } from './domain/keys/call-pace.server'
import { deploymentOf } from './deployment'
import { formatProblem } from './domain/workshop/problem'
import { secretsOf, type Env } from './env.server'
import { migrationNames } from './adapters/migrations.server'

/** The port of every kind of holder. */
export const holders = {
  claim: claimHolder,
  spare: spareHolder,
  'sub-key': subKeyHolder,
} satisfies Record<HolderKind, Holder> as Holders

export const webConnections = 10
const workerConnections = 15
// Claims of one workshop take turns at its pool anyway. More at once would only hold connections that
// pages need, and finish no sooner.
const claimsAtOnce = 4

/** The web process and the command line: sends jobs, works none. */
export async function createWebRuntime(
  env: Env,
): Promise<{ ctx: Ctx; close: () => Promise<void> }> {
  rememberSecrets(secretsOf(env))
  const log = createLog({ level: env.LOG_LEVEL, name: 'web' })
  // First, so that a database that refuses us gives a clear error, not the queue's.
  const installationId = await waitForInstallation(env.DATABASE_URL, log)
  const db = createDb(env.DATABASE_URL, {
    max: webConnections,
    applicationName: 'keymint-web',
    named: env.NAMED_STATEMENTS,
  })
  const queue = await createSendingQueue(env.DATABASE_URL, bossEvents(log))
  const ctx = await createCtx(env, log, db, queue, installationId)
  return {
    ctx,
    close: async () => {
      await queue.stop()
      await db.$disconnect()
    },
  }
}

/**
 * The worker process: its pg-boss listens on a direct session and is what jobs are sent through.
 */
export async function createWorkerRuntime(env: Env): Promise<{
  ctx: Ctx
  boss: PgBoss
  workerId: string
  sessionUrl: string
  close: () => Promise<void>
}> {
  rememberSecrets(secretsOf(env))
  const log = createLog({ level: env.LOG_LEVEL, name: 'worker' })
  const installationId = await waitForInstallation(env.DATABASE_URL, log)
  const db = createDb(env.DATABASE_URL, {
    max: workerConnections,
    applicationName: 'keymint-worker',
    named: env.NAMED_STATEMENTS,
  })
  const workerId = randomUUID()
  const sessionUrl = env.DIRECT_DATABASE_URL ?? env.DATABASE_URL
  const boss = await createWorkingBoss(sessionUrl, bossEvents(log), workerId)
  const ctx = await createCtx(env, log, db, queueOver(boss), installationId)
  return { ctx, boss, workerId, sessionUrl, close: () => db.$disconnect() }
}

async function createCtx(
  env: Env,
  log: Log,
  db: Db,
  queue: Queue,
  installationId: string,
): Promise<Ctx> {
  const rosterKeys = createRosterKeys({
    own: env.ROSTER_KEY ?? [],
    others: env.FINGERPRINT_KEY ?? env.ENCRYPTION_KEY,
  })
  const workshops = await loadWorkshops(env.WORKSHOPS_DIR, rosterReader(rosterKeys))
  const metrics = createMetrics()
  const provider = measured(
    createOpenRouter({
      baseUrl: env.OPENROUTER_BASE_URL,
      managementKey: env.OPENROUTER_MANAGEMENT_KEY,
      workspaceId: env.OPENROUTER_WORKSPACE_ID,
      log,
    }),
    metrics,
  )
  const mailer =
    env.SMTP_URL === undefined
      ? null
      : createMailer({
          smtpUrl: env.SMTP_URL,
          from: env.SMTP_FROM ?? `Keymint <keymint@${new URL(env.APP_ORIGIN).hostname}>`,
        })
  for (const problem of workshops.problems)
    log.error(
      { problem: formatProblem(problem) },
      'a workshop file has an error and its workshop is not shown',
    )
  return {
    db,
    queue,
    log,
    metrics,
    workshops,
    provider,
    holders,
    bookMonth,
    managementCredential: { secret: env.OPENROUTER_MANAGEMENT_KEY, baseUrl: null },
    sealer: createSealer(env.ENCRYPTION_KEY),
    fingerprints: createFingerprints({
      own: env.FINGERPRINT_KEY ?? [],
      encryption: env.ENCRYPTION_KEY,
    }),
    rosterKeys,
    limits: createLimits(db),
    services: createServices({
      openRouterBaseUrl: env.OPENROUTER_BASE_URL,
      deployment: { secret: env.OPENROUTER_MANAGEMENT_KEY, provider },
      outbound: outboundRulesOf(env),
    }),
    mailer,
    alerts: createAlerts(
      {
        webhook:
          env.ALERT_WEBHOOK_URL === undefined
            ? null
            : { url: env.ALERT_WEBHOOK_URL, secrets: env.ALERT_WEBHOOK_SECRET ?? [] },
        slackUrl: env.ALERT_SLACK_URL ?? null,
        mailTo: env.ALERT_MAIL_TO ?? [],
        quietHours: env.ALERT_QUIET_HOURS ?? null,
        appOrigin: env.APP_ORIGIN,
      },
      createOutbound(outboundRulesOf(env)),
      mailer,
    ),
    now: () => new Date(),
    limitClaims: pLimit(claimsAtOnce),
    mintConcurrency: env.MINT_CONCURRENCY,
    callPace: createCallPace({ db, log, ceiling: env.MINT_CONCURRENCY }),
    settings: {
      provisioningEnabled: env.PROVISIONING_ENABLED,
      maxTotalKeys: env.MAX_TOTAL_KEYS,
      adminEmails: env.ADMIN_EMAILS,
      adminGithubIds: env.ADMIN_GITHUB_IDS,
      viewerEmails: env.VIEWER_EMAILS,
      providerBaseUrl: env.OPENROUTER_BASE_URL,
      readUsageSeconds: env.READ_USAGE_SECONDS,
      retentionDays: env.RETENTION_DAYS ?? null,
    },
    backup:
      env.BACKUP_DIR === undefined
        ? null
        : {
            databaseUrl: env.DIRECT_DATABASE_URL ?? env.DATABASE_URL,
            folder: env.BACKUP_DIR,
            recipients: env.BACKUP_RECIPIENTS,
            keepDays: env.BACKUP_KEEP_DAYS,
          },
    deployment: deploymentOf(env),
    findPoolers: createFindPoolers(env),
    installationId,
    migrations: migrationNames(),
  }
}

/** What teams' addresses may lead to. Every process of Keymint has the same, whatever it listens on. */
function outboundRulesOf(env: Env): OutboundRules {
  const databases = [env.DATABASE_URL, env.DIRECT_DATABASE_URL ?? env.DATABASE_URL].map((text) => {
    const { hostname, port } = new URL(text)
    return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || 5432 }
  })
  return {
    networks: env.ALLOW_PRIVATE_SERVICES,
    ownPorts: [env.PORT, ...(env.METRICS_PORT === undefined ? [] : [env.METRICS_PORT])],
    databases,
  }
}

function bossEvents(log: Log) {
  return {
    onError: (error: Error) => log.warn({ error }, 'the queue reports an error'),
    onWarning: (warning: object) => log.warn({ warning }, 'the queue reports a warning'),
  }
}

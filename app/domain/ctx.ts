/**
 * What every domain function is given: the outside world and the clock, built once by
 * runtime.server.ts.
 */
import type { Alerts } from '~/adapters/alert-channels.server'
import type { Db, Tx } from '~/adapters/db.server'
import type { Fingerprints } from '~/adapters/fingerprint.server'
import type { Log } from '~/adapters/log.server'
import type { Metrics } from '~/adapters/metrics.server'
import type { Mailer } from '~/adapters/mail.server'
import type { KeyProvider } from '~/adapters/key-provider'
import type { Queue } from '~/adapters/queue.server'
import type { Limits } from '~/adapters/rate-limits.server'
import type { RosterKeys } from '~/adapters/roster-hash.server'
import type { Sealer } from '~/adapters/sealing.server'
import type { ServiceCredential, Services } from '~/adapters/service-adapter'
import type { FindPoolers } from '~/adapters/pooler.server'
import type { Holders } from './holder'
import type { CallPace } from './call-pace'
import type { WorkshopCatalog } from './workshop-file'

/** The member whose month has just begun, locked. */
export type OpenMonthMember = {
  teamId: string
  userId: string
  role: 'owner' | 'finance' | 'member' | 'viewer' | 'service'
  state: 'active' | 'suspended' | 'removed'
  slug: string
  month: string
}

export type Settings = {
  /** False means no mint and no claim. */
  provisioningEnabled: boolean
  /** For giveaways; 0 mints nothing. */
  maxTotalKeys: number
  adminEmails: string[]
  adminGithubIds: string[]
  viewerEmails: string[]
  /** Where keys are used, for the snippets that people copy. */
  providerBaseUrl: string
  /** How often usage is read while a workshop is open, and at the services of teams. */
  readUsageSeconds: number
  /** People not seen for so many days, and with nothing live, are erased; null keeps them. */
  retentionDays: number | null
}

/** How this deployment is reached, and what is weak about its secrets; none of them is in here. */
export type Deployment = {
  appOrigin: string
  /** Where people are sent to sign in, and the exact address that must be registered there. */
  signIn: { provider: string; authorizeUrl: string; redirectUri: string }[]
  weakSecrets: WeakSecret[]
  /** Who runs the site, for the footer of every page. */
  operator: Operator
}

export type Operator = {
  name: string | null
  imprintUrl: string | null
  privacyUrl: string | null
}

export type WeakSecret =
  | 'session-example'
  | 'session-repetitive'
  | 'encryption-not-random'
  | 'session-is-encryption'
  | 'metrics-is-session'
  | 'metrics-is-encryption'

/** Where a backup is written every night. */
export type BackupPlace = {
  databaseUrl: string
  folder: string
  /** Recipients of age; none means that backups are not encrypted. */
  recipients: string[]
  keepDays: number
}

export type Ctx = {
  db: Db
  queue: Queue
  provider: KeyProvider
  /**
   * Who keys are made for: the engine reaches claims and members' keys through these ports alone.
   */
  holders: Holders
  /** The deployment's own credential at OpenRouter: one account among those that teams deposit. */
  managementCredential: ServiceCredential
  /** What a member's keys may spend is committed when a month begins; handed in, as money knows no keys. */
  bookMonth: (ctx: Ctx, tx: Tx, member: OpenMonthMember) => Promise<void>
  /** Where teams may have keys made, with credentials of their own. */
  services: Services
  sealer: Sealer
  fingerprints: Fingerprints
  rosterKeys: RosterKeys
  limits: Limits
  /** Null where no SMTP server is configured. */
  mailer: Mailer | null
  /** Who is told what is wrong, and how. */
  alerts: Alerts
  log: Log
  metrics: Metrics
  /**
   * The injected clock, for windows and expiry. What several machines compare uses Postgres's
   * now().
   */
  now(): Date
  settings: Settings
  /** Poolers in front of the database, as this process reaches it. */
  findPoolers: FindPoolers
  /** Null where no folder for backups is configured. */
  backup: BackupPlace | null
  deployment: Deployment
  workshops: WorkshopCatalog
  /** Runs a claim's transaction when few of this process are under way. */
  limitClaims: <Result>(claim: () => Promise<Result>) => Promise<Result>
  /** Calls that make keys of one account at once, all workers together: the ceiling of what is learnt. */
  mintConcurrency: number
  /** Takes turns for these calls, by account. */
  callPace: CallPace
  /** The random id of this database, part of every upstream name. */
  installationId: string
  /** The migrations that this build was made for. */
  migrations: string[]
}

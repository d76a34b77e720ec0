/** Postgres through Prisma. The database is authoritative for claims, mints, pools and audit. */
import { setTimeout as sleep } from 'node:timers/promises'
import { PrismaPg } from '@prisma/adapter-pg'
import { forgettingNames, isLostName } from './named-adapter.server'
import { Prisma, PrismaClient } from './prisma-client/client'
import { createStatementNames } from './statement-names'

export { Prisma }
export type Db = PrismaClient
export type Tx = Prisma.TransactionClient

// A process that freezes inside a transaction would hold its row locks for ever: Postgres ends such
// a session, later than the longest upstream call that is made inside one (ten seconds, while
// ensuring a guardrail).
// The zone is ours and not the server's, or times would be off by its offset.
export const sessionOptions = '-c idle_in_transaction_session_timeout=15000 -c timezone=UTC'
// No statement of a page or a job takes a minute; one that does waits for what will not come.
const statementTimeoutMs = 60_000

/**
 * A client with at most `max` connections. Connects on first use and never throws here. A
 * transaction waits 5 s for a connection and may run 10 s, then fails with an error that
 * `isDatabaseUnavailable` recognises; a statement may take a minute, and any time where it is
 * `unhurried`. With `named`, hot statements are prepared under a name, which needs sessions of one's
 * own or a pooler that knows prepared statements. `url` may hold Prisma's own parameters.
 */
export function createDb(
  url: string,
  options: { max: number; applicationName: string; unhurried?: boolean; named?: boolean },
): Db {
  const names = options.named ? createStatementNames() : undefined
  const factory = new PrismaPg(
    {
      connectionString: withoutPrismaParameters(url),
      max: options.max,
      application_name: options.applicationName,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      // What a session has prepared and cached goes with it.
      maxLifetimeSeconds: 3_600,
      options: `${sessionOptions} -c statement_timeout=${options.unhurried ? 0 : statementTimeoutMs}`,
    },
    {
      schema: 'keymint',
      onPoolError: () => undefined,
      onConnectionError: () => undefined,
      // Without a name, node-postgres prepares nothing.
      ...(names ? { statementNameGenerator: ({ sql }) => names.nameOf(sql) as string } : {}),
    },
  )
  const adapter = names ? forgettingNames(factory, names) : factory
  return withRetries(
    new PrismaClient({ adapter, transactionOptions: { maxWait: 5_000, timeout: 10_000 } }),
  )
}

const maxTransactionRuns = 4

/**
 * Runs a transaction again that Postgres ended for the sake of others (a deadlock, a serialization
 * failure): nothing of it was kept. What its callback does elsewhere must bear being done again, as
 * ensuring a guardrail does.
 */
function withRetries(db: Db): Db {
  const run = db.$transaction.bind(db) as (...args: unknown[]) => Promise<unknown>
  const transaction = async (work: unknown, ...rest: unknown[]): Promise<unknown> => {
    for (let tries = 1; ; tries++) {
      try {
        return await run(work, ...rest)
      } catch (error) {
        if (typeof work !== 'function' || tries >= maxTransactionRuns || !isRetryable(error))
          throw error
        await sleep(Math.random() * 50 * 2 ** tries)
      }
    }
  }
  return new Proxy(db, {
    get: (target, name) =>
      name === '$transaction' ? transaction : (Reflect.get(target, name) as unknown),
  })
}

/**
 * Whether Postgres ended the transaction for a deadlock, a serialization failure, or a statement's
 * name that no longer holds.
 */
const isRetryable = (error: unknown): boolean =>
  isLostName(error) ||
  (error instanceof Error &&
    'code' in error &&
    (error.code === 'P2034' ||
      /^(40001|40P01)$/.test(String(error.code)) ||
      (error.code === 'P2010' && /\b(40001|40P01|0A000|26000|42P05)\b/.test(error.message))))

/** Drops the parameters that only Prisma knows: node-postgres would send them to the server. */
export function withoutPrismaParameters(url: string): string {
  const parsed = new URL(url)
  for (const name of ['schema', 'connection_limit', 'pool_timeout', 'pgbouncer'])
    parsed.searchParams.delete(name)
  return parsed.toString()
}

const unavailableCodes = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2037'])
const unavailableText = new RegExp(
  [
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
    'Connection terminated',
    'connection timeout',
    'timeout exceeded when trying to connect',
    'the database system is (starting up|shutting down|in recovery mode|not yet accepting)',
    '\\b(57P0[1-5]|53300)\\b',
    'terminating connection',
    'too many clients',
    "Can't reach database",
    'Server has closed the connection',
    'Connection pool',
  ].join('|'),
  'i',
)

/** Whether the database could not be reached or had no free connection: the caller may retry. */
export function isDatabaseUnavailable(error: unknown): boolean {
  for (
    let current = error, depth = 0;
    current instanceof Error && depth < 5;
    current = current.cause, depth++
  ) {
    const code = 'code' in current ? String(current.code) : ''
    if (
      unavailableCodes.has(code) ||
      /^(57P0[1-5]|08\d\d\d|53300)$/.test(code) ||
      unavailableText.test(current.message)
    )
      return true
  }
  return false
}

/**
 * Whether Postgres refused the row because of a unique constraint. By code, not by class: the pages
 * and the processes are bundled apart.
 */
export function isUniqueViolation(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  return error.code === 'P2002' || (error.code === 'P2010' && error.message.includes('23505'))
}

/** Whether a row refers to one that is gone: an account that was joined or erased meanwhile. */
export function isMissingReference(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  return error.code === 'P2003' || (error.code === 'P2010' && error.message.includes('23503'))
}

/**
 * Whether Postgres refused the row for what stands in it: asked again, it says the same. A value that
 * does not fit, a rule of a table, or a trigger that raises.
 */
export function isRefusedByDatabase(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  return error.code === 'P2010' && /\b(22[0-9A-Z]{3}|23[0-9A-Z]{3}|P0001)\b/.test(error.message)
}

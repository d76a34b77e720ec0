/**
 * The first connection of a process. A database that is away is waited for; one that refuses us is
 * not, and each refusal has its own sentence.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { refusalMessages, refusalOf } from '~/database-refusal'
import { isDatabaseUnavailable, sessionOptions, withoutPrismaParameters } from './db.server'
import type { Log } from './log.server'

/** How long a process waits at its start: longer than a failover or a restart of the server takes. */
const patienceMs = 150_000

/**
 * The id of the installation, as soon as the database answers. Throws a sentence where it refuses us,
 * and where it is away for 150 s.
 */
export async function waitForInstallation(
  url: string,
  log: Log,
  waitMs = patienceMs,
): Promise<string> {
  const until = Date.now() + waitMs
  for (let tries = 0; ; tries++) {
    try {
      return await readInstallation(url)
    } catch (error) {
      const refusal = refusalOf(error)
      if (refusal) throw new Error(refusalMessages[refusal].join(' '), { cause: error })
      if (!isAway(error)) throw error
      if (Date.now() >= until)
        throw new Error(
          'The database of DATABASE_URL cannot be reached. Start it, or correct the address.',
          { cause: error },
        )
      if (tries === 0)
        log.warn({ error, seconds: waitMs / 1000 }, 'the database does not answer; waiting for it')
      await sleep(Math.min(2_000, Math.max(0, until - Date.now())))
    }
  }
}

/** At a start, a name that is not known yet, or a host without a route, may come, too. */
const isAway = (error: unknown): boolean =>
  isDatabaseUnavailable(error) ||
  (error instanceof AggregateError && error.errors.some(isAway)) ||
  (error instanceof Error &&
    'code' in error &&
    /^(ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/.test(String(error.code)))

async function readInstallation(url: string): Promise<string> {
  const client = new pg.Client({
    connectionString: withoutPrismaParameters(url),
    application_name: 'keymint-start',
    connectionTimeoutMillis: 5_000,
    options: sessionOptions,
  })
  // A connection that is lost while nothing runs on it would end the process.
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<{ id: string }>('select id from keymint.installation')
    const [row] = rows
    if (!row) throw new Error(refusalMessages['not-migrated'].join(' '))
    return row.id
  } finally {
    await client.end().catch(() => undefined)
  }
}

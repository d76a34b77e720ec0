/**
 * Databases for tests: migrated once into a template, copied per test file in some tens of
 * milliseconds. `DATABASE_URL` set means that server is used and none is started; its user needs
 * the right to create databases.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { StartError } from '../start-error'
import { startPostgres, type Postgres, type PostgresOptions } from './server'

export type ResolvedPostgres = Postgres & {
  /** True for the server of DATABASE_URL, which `stop` leaves alone and `restart` refuses. */
  external: boolean
}

/**
 * The server of DATABASE_URL if it is set and answers, else one of our own. Throws a StartError
 * with a sentence otherwise.
 */
export async function resolvePostgres(
  options: PostgresOptions & { databaseUrl?: string } = {},
): Promise<ResolvedPostgres> {
  const { databaseUrl = process.env.DATABASE_URL, ...own } = options
  if (!databaseUrl) return { ...(await startPostgres(own)), external: false }
  const url = parse(databaseUrl)
  await withClient(databaseUrl, (client) => client.query('select 1')).catch((error: unknown) => {
    throw new StartError(
      `DATABASE_URL is set, but the PostgreSQL at ${url.host} does not let us in ` +
        `(${said(error)}): start it, correct DATABASE_URL, or unset it to have one started here.`,
    )
  })
  return {
    url: databaseUrl,
    adminUrl: databaseUrl,
    port: Number(url.port || 5432),
    external: true,
    stop: () => Promise.resolve(),
    restart: () =>
      Promise.reject(
        new StartError(
          'The PostgreSQL of DATABASE_URL is not ours to restart: unset DATABASE_URL for this.',
        ),
      ),
  }
}

/**
 * Makes and migrates a database that clones are copied from, and gives its name. Nobody can connect
 * to it afterwards.
 */
export async function createTemplate(
  adminUrl: string,
  migrate: (databaseUrl: string) => Promise<unknown>,
): Promise<string> {
  const name = `keymint_template_${randomBytes(6).toString('hex')}`
  await withClient(adminUrl, (client) => client.query(`create database ${name}`))
  try {
    await migrate(databaseUrlFor(adminUrl, name))
    await withClient(adminUrl, async (client) => {
      await client.query(`alter database ${name} with allow_connections false`)
      // A connection of migrate's pool that is still closing would make every copy fail.
      await client.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1',
        [name],
      )
    })
    return name
  } catch (error) {
    await dropDatabase(adminUrl, name)
    throw error
  }
}

/** A database of its own, equal to the template at the moment it was migrated. */
export async function cloneDatabase(
  adminUrl: string,
  template: string,
): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `keymint_test_${randomBytes(6).toString('hex')}`
  await withClient(adminUrl, (client) =>
    client.query(`create database ${name} template ${pg.escapeIdentifier(template)}`),
  )
  return { url: databaseUrlFor(adminUrl, name), drop: () => dropDatabase(adminUrl, name) }
}

/** Removes a template or a clone, with whoever is connected to it. */
export async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  await withClient(adminUrl, (client) =>
    client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`),
  )
}

export function databaseUrlFor(adminUrl: string, name: string): string {
  const url = new URL(adminUrl)
  url.pathname = `/${name}`
  return url.href
}

function parse(databaseUrl: string): URL {
  const url = URL.canParse(databaseUrl) ? new URL(databaseUrl) : undefined
  if (url && /^postgres(ql)?:$/.test(url.protocol)) return url
  throw new StartError(
    'DATABASE_URL is set but is no address of the form ' +
      'postgresql://user:password@host:5432/database: correct it, or unset it to have a server started here.',
  )
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const plain = new URL(url)
  plain.searchParams.delete('schema')
  const client = new pg.Client({ connectionString: plain.href, connectionTimeoutMillis: 10_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await use(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

function said(error: unknown): string {
  if (error instanceof AggregateError) return said(error.errors[0])
  return error instanceof Error
    ? error.message || String((error as NodeJS.ErrnoException).code)
    : String(error)
}

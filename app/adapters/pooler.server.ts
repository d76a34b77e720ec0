/** Whether a pooler stands between us and PostgreSQL, and whether it lets through what we need. */
import pg from 'pg'
import { withoutPrismaParameters } from './db.server'

export type PoolerAt = {
  variable: 'DATABASE_URL' | 'DIRECT_DATABASE_URL'
  /** Null: not asked for. */
  takesNamedStatements: boolean | null
}

/** `hasDirect`: workers and migrate have an address of their own. */
export type FindPoolers = () => Promise<{ poolers: PoolerAt[]; hasDirect: boolean }>

/** Of the addresses that a process of this environment uses. Throws what the database answers. */
export function createFindPoolers(env: {
  DATABASE_URL: string
  DIRECT_DATABASE_URL?: string | undefined
  NAMED_STATEMENTS?: boolean | undefined
}): FindPoolers {
  const direct = env.DIRECT_DATABASE_URL
  const hasDirect = direct !== undefined && direct !== env.DATABASE_URL
  return async () => {
    const found = await Promise.all([
      findPooler('DATABASE_URL', env.DATABASE_URL, env.NAMED_STATEMENTS ?? true),
      hasDirect ? findPooler('DIRECT_DATABASE_URL', direct, false) : null,
    ])
    return { poolers: found.filter((one) => one !== null), hasDirect }
  }
}

/** A pooler tells a client of a process that is not the one which answers it. */
async function findPooler(
  variable: PoolerAt['variable'],
  url: string,
  named: boolean,
): Promise<PoolerAt | null> {
  const client: pg.Client & { processID?: number | null } = new pg.Client({
    connectionString: withoutPrismaParameters(url),
    application_name: 'keymint-pooler-check',
    connectionTimeoutMillis: 5_000,
  })
  // A connection that is lost between two statements would end the process.
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    if (rows[0]?.pid === client.processID) return null
    return {
      variable,
      takesNamedStatements: named
        ? await takesNamed(client, { name: 'keymint_pooler_check', text: 'select 1' })
        : null,
    }
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function takesNamed(client: pg.Client, check: pg.QueryConfig): Promise<boolean> {
  try {
    for (let tries = 0; tries < 3; tries++) await client.query(check)
    return true
  } catch {
    return false
  }
}

/** A database that answers and does not let us work: which of the reasons it is, and what to do. */

/** Why a database does not let us work; null for anything else. */
export type DatabaseRefusal = 'password' | 'no-database' | 'pooler' | 'not-migrated' | 'rights'

const refusals: [DatabaseRefusal, RegExp][] = [
  ['pooler', /unsupported startup parameter/i],
  ['password', /\b28P01\b|\b28000\b|password authentication failed|AuthenticationFailed/i],
  ['no-database', /\b3D000\b|DatabaseDoesNotExist/],
  ['not-migrated', /\b42P01\b|\b3F000\b|\bP2021\b|TableDoesNotExist/],
  ['rights', /\b42501\b|DatabaseAccessDenied/],
]

/** By codes and texts of the error and its causes: drivers wrap what the server said. */
export function refusalOf(error: unknown): DatabaseRefusal | null {
  const texts: string[] = []
  for (let current = error, depth = 0; current && depth < 5; depth++) {
    const { message, code, kind, originalCode, originalMessage, cause } = current as Record<
      string,
      unknown
    >
    for (const text of [message, code, kind, originalCode, originalMessage])
      if (typeof text === 'string') texts.push(text)
    current = cause
  }
  const text = texts.join('\n')
  return refusals.find(([, pattern]) => pattern.test(text))?.[0] ?? null
}

/** What went wrong, and what to do. */
export const refusalMessages: Record<DatabaseRefusal, [sentence: string, remedy: string]> = {
  password: [
    'The database refuses the user or the password of DATABASE_URL.',
    'Correct them in DATABASE_URL and DIRECT_DATABASE_URL.',
  ],
  'no-database': [
    'The server of DATABASE_URL has no database of that name.',
    'Make it, or correct the name at the end of DATABASE_URL.',
  ],
  pooler: [
    'A pooler in front of the database refuses the startup parameter “options”.',
    'Use the direct address of the database, or let the pooler pass it ' +
      '(PgBouncer: ignore_startup_parameters = options).',
  ],
  'not-migrated': ['The database of DATABASE_URL has not been migrated.', 'Run: npm run migrate'],
  rights: [
    'The user of DATABASE_URL may not read the schema keymint.',
    'Use the user that migrated the database, or give this one rights on the schemas keymint and pgboss.',
  ],
}

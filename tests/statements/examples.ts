/**
 * Statements whose text is known only when they run, each with what stands for the names in it. The
 * key is the file and the function; an example that no statement needs fails the check.
 */
import { RateLimiterPostgres } from 'rate-limiter-flexible'
import type { Examples } from './resolve'

/** What rotate.server.ts lists. Its names come from that list and from the database's catalog. */
const sealedColumns = [
  { table: 'master_keys', column: 'sealed', id: 'id' },
  { table: 'workshop_attendance', column: 'or_key_plaintext', id: 'claim_id' },
  { table: 'api_keys', column: 'sealed', id: 'id' },
]
const rotate = 'app/domain/vault/rotate.server.ts'

export async function readExamples(): Promise<Examples> {
  return {
    [`${rotate} passOver`]: sealedColumns,
    [`${rotate} passOver#2`]: sealedColumns,
    [`${rotate} resealRow`]: sealedColumns,
    [`${rotate} countByOldKey`]: sealedColumns,
    [`${rotate} findUnknownColumns#2`]: sealedColumns,
    'app/adapters/pooler.server.ts takesNamed': [{ check: 'select 1' }],
    'app/adapters/rate-limits.server.ts throughPrisma.query': [{ text: await limiterText() }],
  }
}

/** The one statement that the library sends for a request, as the library writes it. */
async function limiterText(): Promise<string> {
  const texts: string[] = []
  const storeClient = {
    query: async ({ text }: { text: string }) => {
      texts.push(text)
      return { rows: [{ points: 1, expire: Date.now() }], rowCount: 1 }
    },
  }
  const limiter = new RateLimiterPostgres({
    storeClient,
    storeType: 'client',
    schemaName: 'keymint',
    tableName: 'rate_limits',
    tableCreated: true,
    clearExpiredByTimeout: false,
    points: 1,
    duration: 1,
  })
  await limiter.consume('one')
  const [text] = texts
  if (text === undefined || texts.length > 1) throw new Error('a request is not one statement')
  return text
}

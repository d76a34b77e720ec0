/**
 * A database alone, for tests that need no provider and no queue: a clone of the run's migrated
 * template.
 */
import { inject } from 'vitest'
import { createDb, type Db } from '~/adapters/db.server'
import { cloneDatabase } from '../simulators/postgres/template'

export async function testDb(): Promise<{ db: Db; url: string; drop(): Promise<void> }> {
  const database = await cloneDatabase(inject('postgresAdminUrl'), inject('postgresTemplate'))
  const db = createDb(database.url, { max: 20, applicationName: 'test' })
  return {
    db,
    url: database.url,
    drop: async () => {
      await db.$disconnect()
      await database.drop()
    },
  }
}

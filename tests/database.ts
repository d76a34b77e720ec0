/**
 * A database alone, for tests that need no provider and no queue: a clone of the run's migrated
 * template.
 */
import { inject } from 'vitest'
import { createDb, type Db } from '~/adapters/db.server'
import { cloneDatabase } from '../simulators/postgres/template'

/** A server, and the migrated database in it that clones are copied from. */
export type Template = { adminUrl: string; template: string }

/** What postgres-server.ts has made for this run of tests. */
export const templateOfRun = (): Template => ({
  adminUrl: inject('postgresAdminUrl'),
  template: inject('postgresTemplate'),
})

export async function testDb(): Promise<{ db: Db; url: string; drop(): Promise<void> }> {
  const { adminUrl, template } = templateOfRun()
  const database = await cloneDatabase(adminUrl, template)
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

/**
 * A database alone, for tests that need no provider and no queue: a clone of the run's migrated
 * template.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { createDb, type Db } from '~/adapters/db.server'
import { cloneDatabase, databaseUrlFor, dropDatabase } from '../simulators/postgres/template'

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

/** A database without a table, for as long as the world is open. */
export async function emptyDatabase(world: {
  onClose(close: () => Promise<unknown>): void
}): Promise<string> {
  const { adminUrl } = templateOfRun()
  const name = `keymint_empty_${randomBytes(6).toString('hex')}`
  const admin = new pg.Client({ connectionString: adminUrl })
  await admin.connect()
  try {
    await admin.query(`create database ${name}`)
  } finally {
    await admin.end()
  }
  world.onClose(() => dropDatabase(adminUrl, name))
  return databaseUrlFor(adminUrl, name)
}

/** Moves the engine's time, `keymint.now()`, of this database to so much after the real one. */
export async function moveDatabaseClock(db: Db, ms: number): Promise<void> {
  await db.$executeRawUnsafe(`
    create or replace function keymint.now() returns timestamptz language sql stable as
      $$ select pg_catalog.now() + interval '${ms / 1000} seconds' $$`)
}

/** Stops the engine's time at this moment, or moves it on where it stands. */
export async function stopDatabaseClock(db: Db, at: Date): Promise<void> {
  const moved = await db.$queryRaw<{ there: boolean }[]>`
    select to_regclass('keymint.test_clock') is not null as there`
  if (!moved[0]?.there) {
    await db.$executeRaw`create table keymint.test_clock (at timestamptz not null)`
    await db.$executeRaw`insert into keymint.test_clock values (${at}::timestamptz)`
    await db.$executeRaw`
      create or replace function keymint.now() returns timestamptz language sql stable as
        $$ select at from keymint.test_clock $$`
  }
  await db.$executeRaw`update keymint.test_clock set at = greatest(at, ${at}::timestamptz)`
}

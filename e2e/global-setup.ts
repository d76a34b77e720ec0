/** One PostgreSQL for a run, migrated once by the production build; each worker clones it. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { createTemplate, dropDatabase, resolvePostgres } from '../simulators/postgres/template'
import { databaseVariable, type JourneysDatabase } from './stage'

export default async function globalSetup(): Promise<() => Promise<void>> {
  process.chdir(path.resolve(import.meta.dirname, '..'))
  if (!existsSync('build/node/server.js') || !existsSync('build/web/server/index.js'))
    throw new Error('There is no build. Run: npm run build')
  const postgres = await resolvePostgres()
  try {
    const template = await createTemplate(postgres.adminUrl, migrateByTheBuild)
    const database: JourneysDatabase = { adminUrl: postgres.adminUrl, template }
    process.env[databaseVariable] = JSON.stringify(database)
    return async () => {
      await dropDatabase(postgres.adminUrl, template)
      await postgres.stop()
    }
  } catch (error) {
    await postgres.stop()
    throw error
  }
}

function migrateByTheBuild(databaseUrl: string): Promise<void> {
  const migrated = spawnSync(process.execPath, ['build/node/migrate.js'], {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', DATABASE_URL: databaseUrl },
    encoding: 'utf8',
  })
  return migrated.status === 0
    ? Promise.resolve()
    : Promise.reject(new Error(migrated.stderr || 'build/node/migrate.js failed'))
}

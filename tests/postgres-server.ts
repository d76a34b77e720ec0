/**
 * One Postgres for a run of tests and one migrated template in it; every test file clones its own
 * database.
 */
import type { TestProject } from 'vitest/node'
import { migrate } from '../prisma/migrate'
import { createTemplate, dropDatabase, resolvePostgres } from '../simulators/postgres/template'

declare module 'vitest' {
  export interface ProvidedContext {
    postgresAdminUrl: string
    postgresTemplate: string
  }
}

export default async function setup(project: TestProject) {
  const postgres = await resolvePostgres()
  const template = await createTemplate(postgres.adminUrl, (url) => migrate(url))
  project.provide('postgresAdminUrl', postgres.adminUrl)
  project.provide('postgresTemplate', template)
  return async () => {
    await dropDatabase(postgres.adminUrl, template)
    await postgres.stop()
  }
}

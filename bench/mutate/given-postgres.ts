/** What `tests/postgres-server.ts` provides, made once for all mutants. */
import type { TestProject } from 'vitest/node'

export default function setup(project: TestProject) {
  project.provide('postgresAdminUrl', process.env.MUTATE_POSTGRES ?? '')
  project.provide('postgresTemplate', process.env.MUTATE_TEMPLATE ?? '')
}

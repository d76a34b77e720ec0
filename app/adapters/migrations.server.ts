/** The migrations of this build, as they lie in the folder that every deployment carries. */
import { readdirSync } from 'node:fs'
import path from 'node:path'

export const migrationsDirectory = path.resolve('prisma/migrations')

/**
 * Their names, oldest first. Throws when the folder is missing: the process was started somewhere
 * else.
 */
export function migrationNames(directory = migrationsDirectory): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
}

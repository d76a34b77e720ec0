/** The migrations of this build, from the folder that every deployment has. */
import { readdirSync } from 'node:fs'
import path from 'node:path'

export const migrationsDirectory = path.resolve('prisma/migrations')

/**
 * Their names, oldest first. Throws when the folder is missing, which means that the process was
 * started in another folder.
 */
export function migrationNames(directory = migrationsDirectory): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
}

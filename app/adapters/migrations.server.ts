/** The migrations of this build, from the folder that every deployment has. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
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

/** What the database remembers of a migration: the SHA-256 of its file, in hex. */
const migrationChecksum = (name: string, directory = migrationsDirectory): string | null => {
  const file = path.join(directory, name, 'migration.sql')
  return existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : null
}

/** Those of the applied ones whose file is another one now. Unknown ones are left out. */
export function editedMigrations(
  applied: readonly { name: string; checksum: string }[],
  directory = migrationsDirectory,
): string[] {
  return applied
    .filter(({ name, checksum }) => {
      const now = migrationChecksum(name, directory)
      return now !== null && now !== checksum
    })
    .map(({ name }) => name)
}

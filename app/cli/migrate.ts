/** `npm run migrate`: applies all migrations. The release command of a deployment. */
import { migrate } from '../../prisma/migrate'

const url = process.env.DIRECT_DATABASE_URL || process.env.DATABASE_URL
if (!url) {
  process.stderr.write('DATABASE_URL is missing: postgresql://user:password@host:5432/database\n')
  process.exit(1)
}
try {
  const report = await migrate(url)
  process.stdout.write(
    report.applied.length === 0
      ? `The database is up to date. Installation ${report.installationId}.\n`
      : `Applied ${report.applied.join(', ')}. Installation ${report.installationId}.\n`,
  )
  process.exit(0)
} catch (error) {
  process.stderr.write(
    `Cannot migrate the database: ${error instanceof Error ? error.message : String(error)}\n`,
  )
  process.exit(1)
}

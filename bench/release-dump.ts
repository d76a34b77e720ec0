/**
 * `npm run release:dump`: writes the dump of this version into prisma/releases, which every later
 * build must be able to migrate (prisma/releases.test.ts). docs/upgrading.md says when.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { makeBackup } from '~/domain/operations/backup.server'
import { migrate } from '../prisma/migrate'
import { startPostgres } from '../simulators/postgres/server'
import { createTemplate } from '../simulators/postgres/template'
import { dumpKey, dumpWorkshops, seedRelease } from '../tests/release-seed'
import { openWorld } from '../tests/world'

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
const folder = 'prisma/releases'
const file = path.join(folder, `${version}.sql.gz`)
const postgres = await startPostgres()
try {
  const template = await createTemplate(postgres.adminUrl, migrate)
  await using world = await openWorld(
    { workshops: dumpWorkshops(), encryptionKey: dumpKey },
    { adminUrl: postgres.adminUrl, template },
  )
  await seedRelease(world)
  mkdirSync(folder, { recursive: true })
  rmSync(file, { force: true })
  const { rows, bytes } = await makeBackup(world.database.url, file, [])
  process.stdout.write(`${file}: ${rows} rows, ${bytes} bytes.\n`)
} finally {
  await postgres.stop()
}
process.exit(0)

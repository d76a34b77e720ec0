/**
 * Loads a backup into an empty database: the tables as the backup's build had them, its rows, then
 * the migrations of this build, and a new installation id (app/domain/operations/installation.server.ts).
 */
import { readBackup } from '~/adapters/backup-file.server'
import {
  checkCopy,
  copyJobsIn,
  copyTablesIn,
  CopyError,
  isEmpty,
  type CopyHeader,
} from './database-copy'
import { createDb } from '~/adapters/db.server'
import { editedMigrations, migrationNames } from '~/adapters/migrations.server'
import { readQueueInstallation } from '~/adapters/queue-installation.server'
import { recordAudit } from '~/domain/audit/audit.server'
import { renewInstallation, type FormerKeys } from '~/domain/operations/installation.server'
import { migrate, migrateTo } from './migrate'

export type RestoreReport = {
  header: CopyHeader
  rows: number
  /** Migrations that the backup did not have. */
  applied: string[]
  /** False: the queue's tables have changed since; the sweep sends every job that is due again. */
  hasJobs: boolean
  previousId: string
  id: string
}

/**
 * Throws CopyError with a sentence where the file or the database does not suit, before anything is
 * written. The file is read three times: to check it, for the tables, and for the jobs.
 */
export async function restore(
  url: string,
  file: string,
  options: { formerKeys: FormerKeys; identities: readonly string[] },
): Promise<RestoreReport> {
  const source = () => readBackup(file, options.identities)
  const { header, trailer } = await checkCopy(source())
  refuseOtherBuild(header)
  if (!(await isEmpty(url)))
    throw new CopyError(
      'The database of DATABASE_URL is not empty: it has tables of Keymint. Name a new, empty one.',
    )
  await migrateTo(
    url,
    header.migrations.map(({ name }) => name),
  )
  await copyTablesIn(url, source())
  const { applied } = await migrate(url)
  const db = createDb(url, { max: 2, applicationName: 'keymint-restore', unhurried: true })
  try {
    const { version } = await readQueueInstallation(db)
    const hasJobs = version === header.queueVersion
    if (hasJobs) await copyJobsIn(url, source())
    const renewed = await renewInstallation({ db }, options.formerKeys, header.installation)
    if (renewed.kind === 'workers-running')
      throw new Error(
        'A worker is running on this database. Stop it, and restore into another one.',
      )
    await db.$transaction((tx) =>
      recordAudit(tx, {
        actor: 'operator',
        action: 'backup.restored',
        subject: `installation:${renewed.id}`,
        details: { madeAt: header.madeAt, formerKeys: options.formerKeys },
      }),
    )
    return {
      header,
      rows: Object.values(trailer.rows).reduce((sum, count) => sum + count, 0),
      applied,
      hasJobs,
      previousId: renewed.previousId,
      id: renewed.id,
    }
  } finally {
    await db.$disconnect()
  }
}

/** A backup can be read by the build that made it, and by every later one. */
function refuseOtherBuild({ migrations }: CopyHeader): void {
  const known = migrationNames()
  const unknown = migrations.filter(({ name }) => !known.includes(name))
  if (unknown.length > 0)
    throw new CopyError(
      `The backup is of a newer build: this one has no ${unknown.map(({ name }) => name).join(', ')}. ` +
        'Restore with the build that made it, or a newer one.',
    )
  const edited = editedMigrations(migrations)
  if (edited.length > 0 || migrations.some(({ name }, index) => known[index] !== name))
    throw new CopyError(
      `The backup is of another build: ${edited.join(', ') || 'its migrations'} differ. ` +
        'Restore with the build that made it, then deploy this one.',
    )
}

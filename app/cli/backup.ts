/**
 * `npm run backup`: one file with all rows of the database, as they stand at one moment. It needs
 * DATABASE_URL alone; `BACKUP_RECIPIENTS` encrypts it.
 */
import path from 'node:path'
import { parseArgs } from 'node:util'
import { backupFileName, makeBackup, parseRecipients } from '../domain/operations/backup.server'

const url = process.env.DIRECT_DATABASE_URL || process.env.DATABASE_URL
try {
  const { values } = parseArgs({
    options: { out: { type: 'string' }, recipient: { type: 'string', multiple: true } },
  })
  if (!url)
    throw new Error('DATABASE_URL is missing: postgresql://user:password@host:5432/database')
  const recipients = parseRecipients(
    values.recipient?.join(',') ?? process.env.BACKUP_RECIPIENTS ?? '',
  )
  const folder = process.env.BACKUP_DIR || '.'
  const file = values.out ?? path.join(folder, backupFileName(new Date(), recipients.length > 0))
  const made = await makeBackup(url, file, recipients)
  process.stdout.write(
    `${made.path}: ${made.rows.toLocaleString('en-US')} rows, ${made.bytes.toLocaleString('en-US')} bytes.\n` +
      (made.encrypted
        ? 'It opens only with the age identity of its recipient. Keep that elsewhere, and ENCRYPTION_KEY too.\n'
        : 'It is not encrypted, and holds everybody’s name and address: set BACKUP_RECIPIENTS, or protect the file.\n'),
  )
  process.exit(0)
} catch (error) {
  process.stderr.write(`No backup was made: ${messageOf(error)}\n`)
  process.exit(1)
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}

/**
 * `npm run restore -- <file> --adopt` (or `--leave`): a backup into the empty database of
 * DATABASE_URL, with a new installation id. With OPENROUTER_MANAGEMENT_KEY it also lists the keys
 * that were made after the backup.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { CopyError } from '../../prisma/database-copy'
import { inspectEnv } from '../env.server'
import { restore } from '../../prisma/restore'
import { formerKeysText } from './former-keys'

const usage =
  'This loads a backup into the empty database of DATABASE_URL.\n' +
  '--adopt after a loss, when the former database is gone: its keys stay in use here.\n' +
  '--leave for a copy, when the former database lives on: its keys are not changed from here.\n' +
  '--identity <file> holds the age identity of an encrypted backup.\n' +
  'Use: npm run restore -- <file> --adopt, or -- <file> --leave\n'

const url = process.env.DIRECT_DATABASE_URL || process.env.DATABASE_URL
const given = argumentsOf()
if (!given) {
  process.stderr.write(usage)
  process.exit(2)
}
try {
  if (!url)
    throw new Error('DATABASE_URL is missing: postgresql://user:password@host:5432/database')
  const report = await restore(url, given.file, {
    formerKeys: given.formerKeys,
    identities: given.identity === undefined ? [] : identitiesOf(given.identity),
  })
  process.stdout.write(
    [
      `Restored ${report.rows.toLocaleString('en-US')} rows of ${report.header.madeAt}.`,
      report.applied.length > 0 ? `Applied ${report.applied.join(', ')}.` : '',
      report.hasJobs
        ? ''
        : 'The jobs of the backup are of another queue and were left out: workers send what is due again.',
      `The installation id is now ${report.id}; it was ${report.previousId}.`,
      await formerKeysText(url, inspectEnv().env, report.previousId),
    ]
      .filter(Boolean)
      .join('\n'),
  )
  process.exit(0)
} catch (error) {
  process.stderr.write(
    `${error instanceof CopyError ? 'Nothing was restored' : 'The restore did not finish'}: ` +
      `${error instanceof Error ? error.message : String(error)}\n` +
      (error instanceof CopyError
        ? ''
        : 'Drop the database, make an empty one, and start again.\n'),
  )
  process.exit(1)
}

function argumentsOf() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        adopt: { type: 'boolean' },
        leave: { type: 'boolean' },
        identity: { type: 'string' },
      },
    })
    const [file, ...others] = positionals
    if (file === undefined || others.length > 0 || values.adopt === values.leave) return null
    return {
      file,
      formerKeys: values.adopt ? ('adopt' as const) : ('leave' as const),
      identity: values.identity,
    }
  } catch {
    return null
  }
}

/** What age-keygen writes: comments, and an identity a line. */
function identitiesOf(file: string): string[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    throw new CopyError(`There is no identity at ${file}, or this user may not read it.`)
  }
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
}

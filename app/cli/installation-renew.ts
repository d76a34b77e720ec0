/**
 * `npm run installation:renew -- --adopt` (or `--leave`): a new installation id for a restored or copied database,
 * before any worker starts.
 */
import { createDb } from '../adapters/db.server'
import { renewInstallation } from '../domain/operations/installation.server'
import { workerQuietSeconds } from '../domain/worker-seen.server'
import { inspectEnv } from '../env.server'
import { formerKeysText } from './former-keys'

const url = process.env.DATABASE_URL
const choice = process.argv.slice(2).join(' ')
const formerKeys = choice === '--adopt' ? 'adopt' : choice === '--leave' ? 'leave' : null
if (formerKeys === null) {
  process.stderr.write(
    'This gives the database of DATABASE_URL a new installation id, as needed after a restore.\n' +
      '--adopt after a restore, when the former database is gone: its keys stay in use here.\n' +
      '--leave for a copy, when the former database lives on: its keys are not changed from here.\n' +
      'Use: npm run installation:renew -- --adopt, or -- --leave\n',
  )
  process.exit(2)
}
try {
  if (!url)
    throw new Error('DATABASE_URL is missing: postgresql://user:password@host:5432/database')
  const db = createDb(url, { max: 2, applicationName: 'keymint-renew' })
  const outcome = await renewInstallation({ db }, formerKeys)
  if (outcome.kind === 'workers-running') {
    process.stderr.write(
      `${outcome.workers} ${outcome.workers === 1 ? 'worker was' : 'workers were'} seen within ` +
        `${workerQuietSeconds} s and would continue with the old id. ` +
        'Stop web and workers first: fly scale count web=0 worker=0\n',
    )
    process.exit(1)
  }
  process.stdout.write(`The installation id is now ${outcome.id}; it was ${outcome.previousId}.\n`)
  process.stdout.write(await formerKeysText(url, inspectEnv().env, outcome.previousId))
  await db.$disconnect()
  process.exit(0)
} catch (error) {
  process.stderr.write(
    `Cannot renew the installation: ${error instanceof Error ? error.message : String(error)}\n`,
  )
  process.exit(1)
}

/**
 * `npm run installation:renew -- --adopt` (or `--leave`): a new installation id for a restored or copied database,
 * before any worker starts.
 */
import { createDb } from '../adapters/db.server'
import { createOpenRouter } from '../adapters/openrouter.server'
import {
  listFormerKeys,
  renewInstallation,
  type FormerKey,
} from '../domain/operations/installation.server'
import { workerQuietSeconds } from '../domain/worker-seen.server'
import { EnvError, readEnv } from '../env.server'

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
  const env = readEnv()
  const db = createDb(env.DATABASE_URL, { max: 2, applicationName: 'keymint-renew' })
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
  const provider = createOpenRouter({
    baseUrl: env.OPENROUTER_BASE_URL,
    managementKey: env.OPENROUTER_MANAGEMENT_KEY,
    workspaceId: env.OPENROUTER_WORKSPACE_ID,
  })
  const former = await listFormerKeys({ db, provider }, outcome.previousId).catch(() => null)
  process.stdout.write(
    former
      ? textOf(former)
      : 'The provider did not list its keys. ' +
          'Look at https://openrouter.ai/settings/keys for names that begin with the old id.\n',
  )
  await db.$disconnect()
  process.exit(0)
} catch (error) {
  process.stderr.write(
    error instanceof EnvError
      ? `${error.message}\n`
      : `Cannot renew the installation: ${error instanceof Error ? error.message : String(error)}\n`,
  )
  process.exit(1)
}

function textOf(former: FormerKey[]): string {
  const loose = former.filter((key) => !key.held)
  const known =
    `${former.length} keys at the provider carry the old id. ` +
    `${former.length - loose.length} of them belong to this database and keep working.\n`
  if (loose.length === 0) return known
  return [
    `${known}Decide about ${loose.length} made after the backup; they expire on their own:`,
    ...loose.map((key) => `  ${key.createdAt}  ${key.label}  ${key.name}`),
    '',
  ].join('\n')
}

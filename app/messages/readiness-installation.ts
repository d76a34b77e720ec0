import { refusalMessages } from '~/database-refusal'
import type { FindingValues } from '~/domain/operations/readiness-finding'
import type { MessagesFor } from './readiness'
import { counted, listed, sentenceOf } from './text'

const migrate =
  'Run `npm run migrate` (in the image: `node build/node/migrate.js`) and read its output.'
const migrateQueue = 'Run `npm run migrate`: it creates all queues and schedules.'

export const installationMessages: MessagesFor<
  | 'database-ok'
  | 'database-replica'
  | 'database-down'
  | 'pooler-direct'
  | 'pooler-statements'
  | 'pooler-between'
  | 'migrations-ok'
  | 'never-migrated'
  | 'migrations-missing'
  | 'migrations-unknown'
  | 'migrations-edited'
  | 'database-old'
  | 'database-refused'
  | 'backup-ok'
  | 'backup-none'
  | 'backup-none-yet'
  | 'backup-late'
  | 'backup-failed'
  | 'queue-ok'
  | 'queue-missing'
  | 'queue-version'
  | 'queues-missing'
  | 'queue-policies'
  | 'schedules-missing'
  | 'workers-ok'
  | 'workers-idle'
  | 'clocks'
  | 'no-clock'
> = {
  'database-ok': ({ version, ms, connections }) => [
    `PostgreSQL ${version} answers in ${ms} ms and allows ${connections} connections. ` +
      'A web process may use 12, a worker 26.',
  ],
  'database-replica': () => [
    'The database answers but accepts no writes: it is a replica.',
    'Point DATABASE_URL at the primary.',
  ],
  'database-refused': ({ refusal }) => refusalMessages[refusal],
  'database-down': () => [
    'The database of DATABASE_URL does not answer.',
    'Restore it: docs/runbook.md, “Database down”. Waiting work then continues automatically.',
  ],
  'pooler-direct': ({ variable }) => [
    `${variable} leads through a pooler. Workers and migrate need sessions of their own: ` +
      'nobody notices at once when a worker dies.',
    'Set DIRECT_DATABASE_URL to the address of PostgreSQL itself, and restart.',
  ],
  'pooler-statements': () => [
    'DATABASE_URL leads through a pooler that loses prepared statements, so pages and claims fail now and then.',
    'Set NAMED_STATEMENTS=false, or use PgBouncer 1.21 or newer with max_prepared_statements of 200 or more.',
  ],
  'pooler-between': () => [
    'DATABASE_URL leads through a pooler; Keymint is tested without one.',
    'Set it to the address of PostgreSQL itself, if your server has connections for all processes.',
  ],
  'migrations-ok': ({ count }) => [
    `All ${count} migrations of this build are applied, and no others.`,
  ],
  'never-migrated': () => ['The database was never migrated.', migrate],
  'migrations-missing': ({ names, unfinished }) => [
    `${counted(names.length, 'migration')} of this build ${names.length === 1 ? 'is' : 'are'} ` +
      `missing: ${listed(names)}.` +
      (unfinished.length > 0 ? ` Started and not finished: ${listed(unfinished)}.` : ''),
    migrate,
  ],
  'migrations-unknown': ({ names }) => [
    `The database is ahead of this build by ${listed(names)}.`,
    'Deploy the newest build; during a rolling deploy this is temporary.',
  ],
  'migrations-edited': ({ names }) => [
    `${listed(names)} ${names.length === 1 ? 'is' : 'are'} not what this database was migrated with: ` +
      'the file was changed afterwards.',
    'Deploy the build that migrated it. A migration that has landed never changes.',
  ],
  'database-old': ({ version }) => [
    `PostgreSQL ${version} is older than 17, the version Keymint is tested on.`,
    'Move to 17: a backup and a restore do it (docs/deploy.md).',
  ],
  'backup-ok': ({ file, hours, isEncrypted }) => [
    `The newest backup is ${file}, ${hours < 1 ? 'less than an hour' : counted(hours, 'hour')} old` +
      (isEncrypted ? '.' : ', and not encrypted.'),
  ],
  'backup-none': () => [
    'Keymint makes no backups: BACKUP_DIR is not set. Your database’s host may make some.',
  ],
  'backup-none-yet': () => [
    'No backup has been made yet. The first one comes tonight at 02:41 UTC.',
  ],
  'backup-late': ({ hours }) => [
    `The newest backup is ${hours} hours old; one is due every night.`,
    'Look for “Make a backup” at /admin/queue: a worker must run at 02:41 UTC.',
  ],
  'backup-failed': ({ error, hours }) => [
    `The last backup failed: ${sentenceOf(error)}` +
      (hours === null
        ? ' None was ever made.'
        : ` The newest one is ${hours < 1 ? 'less than an hour' : counted(hours, 'hour')} old.`),
    'Repair the cause, then run “Make a backup” on the Schedules page.',
  ],
  'queue-ok': ({ version }) => [`pg-boss ${version} with all queues and schedules.`],
  'queue-missing': () => ['The tables of pg-boss are missing.', migrateQueue],
  'queue-version': ({ version, needed }) =>
    version < needed
      ? [`The tables of pg-boss have version ${version}; this build needs ${needed}.`, migrateQueue]
      : [
          `The tables of pg-boss have version ${version}, newer than the ${needed} of this build.`,
          'Deploy the newest build.',
        ],
  'queues-missing': ({ names }) => [`Missing queues: ${listed(names)}.`, migrateQueue],
  'queue-policies': ({ names }) => [
    `Queues with another policy than this build’s: ${listed(names)}.`,
    'A policy cannot be changed: give the queue a new name in the catalog.',
  ],
  'schedules-missing': ({ names }) => [`Missing schedules: ${listed(names)}.`, migrateQueue],
  'workers-ok': ({ workers, calls, quietSeconds }) => [
    `${counted(workers, 'worker')} seen within ${quietSeconds} s, ` +
      `${counted(calls, 'call')} of POST /keys at once.`,
  ],
  'workers-idle': ({ workers }) => [
    `${counted(workers, 'worker')} ${workers === 1 ? 'reports and has' : 'report and have'} taken no job ` +
      'for ten minutes, while jobs wait.',
    'Restart it, and see its log. Behind a pooler, DIRECT_DATABASE_URL must be a direct session.',
  ],
  clocks: ({ clocks }) => [
    `Compared to this machine, ${clocks.map(offsetOf).join(', ')}.`,
    'Correct the clock that differs from the others (NTP; restart the machine). ' +
      'Until then claims open and keys end at the wrong time.',
  ],
  'no-clock': () => ['Not checked: neither the database nor the provider gave its time.'],
}

/** Offsets below a second are the time that the answer takes. */
function offsetOf({ whose, aheadSeconds }: FindingValues['clocks']['clocks'][number]): string {
  const seconds = Math.round(Math.abs(aheadSeconds))
  const offset =
    Math.abs(aheadSeconds) < 1
      ? 'within a second'
      : `${seconds} s ${aheadSeconds > 0 ? 'ahead' : 'behind'}`
  return `the ${whose}’s clock is ${offset}`
}

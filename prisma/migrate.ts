/**
 * Brings a database to the present: Prisma's migrations, the installation id, pg-boss's tables,
 * every queue. Safe to run at each release and from several machines at once. Uses Prisma's schema
 * engine compiled to WebAssembly, so that neither an image nor an offline machine needs Prisma's
 * command line (decision 004).
 */
import { existsSync, readFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import path from 'node:path'
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlDriverAdapter,
  type SqlQuery,
} from '@prisma/driver-adapter-utils'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { editedMigrations, migrationNames, migrationsDirectory } from '~/adapters/migrations.server'
import { migrateQueues } from '~/adapters/queue-installation.server'
import { withoutPrismaParameters } from '~/adapters/db.server'

export type MigrationReport = { applied: string[]; installationId: string }

// Two releases that migrate at once take turns; any number will do as long as it stays the same.
const migrateLock = 7_126_201

/**
 * Applies what is missing and returns the names of the migrations applied now. Throws with a
 * sentence if one fails.
 */
export async function migrate(
  databaseUrl: string,
  directory = migrationsDirectory,
): Promise<MigrationReport> {
  return locked(databaseUrl, directory, async (client) => {
    const applied = await applyMigrations(databaseUrl, directory, migrationNames(directory))
    await client.query('insert into keymint.installation (id) values ($1) on conflict do nothing', [
      randomBytes(6).toString('hex'),
    ])
    await migrateQueues(databaseUrl)
    for (const index of jobIndexes) await client.query(index)
    for (const trigger of jobTriggers) await client.query(trigger)
    const installation = await client.query<{ id: string }>('select id from keymint.installation')
    return { applied, installationId: installation.rows[0]?.id ?? '' }
  })
}

/**
 * Makes the tables of an older build, and no queue: what a backup of that build is loaded into.
 * `names` are the first migrations of the folder, in order.
 */
export async function migrateTo(
  databaseUrl: string,
  names: readonly string[],
  directory = migrationsDirectory,
): Promise<void> {
  await locked(databaseUrl, directory, () => applyMigrations(databaseUrl, directory, names))
}

async function locked<Result>(
  databaseUrl: string,
  directory: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  if (!existsSync(directory))
    throw new Error(
      `There is no folder ${directory}. Run this from the root of the project or of the image.`,
    )
  const client = new pg.Client(connectionTo(databaseUrl))
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [migrateLock])
    await client.query('create schema if not exists keymint')
    await refuseEdited(client, directory)
    return await work(client)
  } finally {
    await client.end()
  }
}

/** A migration that was changed after it was applied makes another database than this build expects. */
async function refuseEdited(client: pg.Client, directory: string): Promise<void> {
  const { rows: tables } = await client.query<{ there: boolean }>(
    "select to_regclass('keymint._prisma_migrations') is not null as there",
  )
  if (!tables[0]?.there) return
  const { rows } = await client.query<{ name: string; checksum: string }>(
    `select migration_name as name, checksum from keymint._prisma_migrations
      where finished_at is not null and rolled_back_at is null`,
  )
  const edited = editedMigrations(rows, directory)
  if (edited.length > 0)
    throw new Error(
      `${edited.join(', ')} ${edited.length === 1 ? 'was' : 'were'} changed after this database ` +
        'was migrated with it. Nothing was applied. Use the build that migrated it, or a database of its own.',
    )
}

/**
 * pg-boss finds a job to run; these find jobs for a person to read: the newest of a state, those of
 * an error, of a person. Of the first three every job stands in one. On a large table the first
 * release that brings them holds up sends and fetches for the seconds it takes to build them.
 */
const jobIndexes = [
  `create index if not exists job_common_keymint_state
    on pgboss.job_common (name, state, created_on, id) where state <> 'completed'`,
  `create index if not exists job_common_keymint_done
    on pgboss.job_common (name, created_on, id)
    where state = 'completed' and (output->>'fingerprint') is null`,
  `create index if not exists job_common_keymint_unsuccessful
    on pgboss.job_common (name, created_on, id)
    where state = 'completed' and (output->>'fingerprint') is not null`,
  `create index if not exists job_common_keymint_error
    on pgboss.job_common ((output->>'fingerprint'), state, created_on, id)
    where (output->>'fingerprint') is not null`,
  `create index if not exists job_common_keymint_finished_key
    on pgboss.job_common (singleton_key) where state >= 'completed' and singleton_key is not null`,
]

/**
 * A fetch and the note of who fetched are one statement: no crash comes between them. That a paused
 * queue gives no job is decided in that statement too, so that every worker obeys at once.
 */
const jobTriggers = [
  `create or replace trigger keymint_note_holder
    after update of state on pgboss.job_common for each row
    when (new.state = 'active' and old.state <> 'active') execute function keymint.note_job_holder()`,
  `create or replace trigger keymint_hold_paused
    before update of state on pgboss.job_common for each row
    when (new.state = 'active' and old.state <> 'active') execute function keymint.hold_paused_job()`,
  `create or replace trigger keymint_keep_paused
    before delete on pgboss.job_common for each row
    when (old.state < 'active') execute function keymint.keep_paused_job()`,
]

/**
 * The engine writes its own table without a schema: the search path puts it beside ours, never into
 * public.
 */
function connectionTo(databaseUrl: string) {
  return {
    connectionString: withoutPrismaParameters(databaseUrl),
    application_name: 'keymint-migrate',
    options: '-c search_path=keymint',
  }
}

async function applyMigrations(
  databaseUrl: string,
  directory: string,
  names: readonly string[],
): Promise<string[]> {
  const engineModule = await loadSchemaEngine()
  const adapter = new PrismaPg({ ...connectionTo(databaseUrl), max: 2 }, { schema: 'keymint' })
  const engine = await engineModule.SchemaEngine.new(
    { datamodels: undefined },
    () => undefined,
    bindMigrationAwareSqlAdapterFactory({
      provider: adapter.provider,
      adapterName: adapter.adapterName,
      connect: async () => wholeScripts(catalogTypesAsText(await adapter.connect()), databaseUrl),
      connectToShadowDb: () =>
        Promise.reject(new Error('applying migrations needs no shadow database')),
    }),
  )
  const migrationDirectories = names.map((name) => ({
    path: name,
    migrationFile: {
      path: 'migration.sql',
      content: {
        tag: 'ok',
        value: readFileSync(path.join(directory, name, 'migration.sql'), 'utf8'),
      },
    },
  }))
  const result = await engine.applyMigrations({
    migrationsList: {
      baseDir: directory,
      lockfile: {
        path: 'migration_lock.toml',
        content: readFileSync(path.join(directory, 'migration_lock.toml'), 'utf8'),
      },
      shadowDbInitScript: '',
      migrationDirectories,
    },
    filters: { externalTables: [], externalEnums: [] },
  })
  return result.appliedMigrationNames
}

type SchemaEngineModule = {
  SchemaEngine: {
    new: (
      options: object,
      log: () => void,
      adapter: object,
    ) => Promise<{ applyMigrations(input: object): Promise<{ appliedMigrationNames: string[] }> }>
  }
  __wbg_set_wasm(exports: WebAssembly.Exports): void
}

let schemaEngine: Promise<SchemaEngineModule> | undefined

/**
 * The bindings are one module with one instance behind it: a second instance in the same process
 * would break the first.
 */
function loadSchemaEngine(): Promise<SchemaEngineModule> {
  return (schemaEngine ??= instantiateSchemaEngine())
}

/** By hand: importing a .wasm file as a module needs Node 24, and bundlers do not carry it. */
async function instantiateSchemaEngine(): Promise<SchemaEngineModule> {
  const modulePath = '@prisma/schema-engine-wasm/schema_engine_bg'
  const bindings = (await import(/* @vite-ignore */ modulePath)) as SchemaEngineModule
  const wasmPath = path.join(
    path.dirname(createRequire(import.meta.url).resolve(modulePath)),
    'schema_engine_bg.wasm',
  )
  const { instance } = await WebAssembly.instantiate(readFileSync(wasmPath), {
    './schema_engine_bg.js': bindings as unknown as WebAssembly.ModuleImports,
  })
  bindings.__wbg_set_wasm(instance.exports)
  ;(instance.exports.__wbindgen_start as () => void)()
  return bindings
}

/**
 * adapter-pg cuts a script at every semicolon, also inside a function's body. Sent whole, in one
 * simple query, Postgres parses it itself and runs it as one transaction: a migration applies
 * entirely or not at all.
 */
function wholeScripts(adapter: SqlDriverAdapter, databaseUrl: string): SqlDriverAdapter {
  adapter.executeScript = async (script) => {
    const client = new pg.Client(connectionTo(databaseUrl))
    await client.connect()
    try {
      await client.query(script)
    } finally {
      await client.end()
    }
  }
  return adapter
}

/**
 * The engine reads the catalog's "char" (18) and name (19) columns, which adapter-pg does not map:
 * they are text (25).
 */
function catalogTypesAsText(adapter: SqlDriverAdapter): SqlDriverAdapter {
  const inner = adapter as unknown as {
    performIO(query: SqlQuery): Promise<{ fields?: { dataTypeID: number }[] }>
  }
  const performIO = inner.performIO.bind(adapter)
  inner.performIO = async (query) => {
    const result = await performIO(query)
    for (const field of result.fields ?? [])
      if (field.dataTypeID === 18 || field.dataTypeID === 19) field.dataTypeID = 25
    return result
  }
  return adapter
}

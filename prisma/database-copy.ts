/**
 * The rows of a database as text, and back. The text is what `psql` and `pg_dump --data-only` write:
 * one `COPY table (columns) FROM stdin;` for each table, its rows, and `\.`. A header says which
 * migrations the rows belong to, a trailer how many there are, so that a file that was cut is known.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { z } from 'zod'
import { withoutPrismaParameters } from '~/adapters/db.server'

/** Which rows these are; the first line of a copy. */
const headerSchema = z.object({
  format: z.literal(1),
  /** UTC, ISO 8601. */
  madeAt: z.string(),
  installation: z.string(),
  /** The version of pg-boss's tables, whose jobs the copy holds. */
  queueVersion: z.number(),
  migrations: z.array(z.object({ name: z.string(), checksum: z.string() })),
})
export type CopyHeader = z.output<typeof headerSchema>

const trailerSchema = z.object({ rows: z.record(z.string(), z.number()) })
/** How many rows each table had. */
export type CopyTrailer = z.output<typeof trailerSchema>

const headerMark = '-- keymint backup '
const trailerMark = '-- end of keymint backup '

/** Not rows of anybody: processes that are gone when the copy is read, and what the engine keeps itself. */
const leftOut = ['keymint.workers', 'keymint.pace_leases', 'keymint._prisma_migrations']
const jobTable = 'pgboss.job_common'
/** A file names what is written: nothing but these, whatever else is in the database. */
const isOurs = (name: string) => /^keymint\.[a-z_0-9]+$/.test(name) && !leftOut.includes(name)

/** A copy that cannot be read, in a sentence that says why and what to do. */
export class CopyError extends Error {
  override name = 'CopyError'
}

function clientOf(url: string): pg.Client {
  const client = new pg.Client({
    connectionString: withoutPrismaParameters(url),
    application_name: 'keymint-backup',
    options: '-c timezone=UTC -c search_path=pg_catalog',
    keepAlive: true,
  })
  // A connection that is lost between two statements would end the process; the next one reports it.
  client.on('error', () => undefined)
  return client
}

type Table = { name: string; columns: string[] }

/** Tables with rows of their own, by name, and the columns that a COPY may write. */
async function tablesOf(client: pg.Client): Promise<Table[]> {
  const { rows } = await client.query<Table>(
    `select n.nspname || '.' || c.relname as name,
        array_agg(a.attname::text order by a.attnum) as columns
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      where c.relkind = 'r' and (n.nspname = 'keymint' or n.nspname || '.' || c.relname = $1)
        and n.nspname || '.' || c.relname <> all($2)
      group by 1 order by 1`,
    [jobTable, leftOut],
  )
  return rows
}

const quoted = (name: string) => name.split('.').map(pg.escapeIdentifier).join('.')
const columnList = ({ columns }: Table) => columns.map(pg.escapeIdentifier).join(', ')

/**
 * All rows as they stood at one moment, in chunks of text. Other processes go on meanwhile. Throws
 * what the database answers.
 */
export async function* copyOut(url: string): AsyncGenerator<Buffer, CopyTrailer> {
  const client = clientOf(url)
  await client.connect()
  try {
    await client.query('begin isolation level repeatable read read only')
    const header = await readHeader(client)
    yield Buffer.from(`${headerMark}${JSON.stringify(header)}\n`)
    const trailer: CopyTrailer = { rows: {} }
    for (const table of await tablesOf(client)) {
      yield Buffer.from(`COPY ${table.name} (${columnList(table)}) FROM stdin;\n`)
      const stream = client.query(
        copyTo(`copy ${quoted(table.name)} (${columnList(table)}) to stdout`),
      )
      for await (const chunk of stream) yield chunk as Buffer
      trailer.rows[table.name] = stream.rowCount
      yield Buffer.from('\\.\n')
    }
    const sequences = await client.query<{ name: string; value: string }>(
      `select schemaname || '.' || sequencename as name, last_value::text as value
        from pg_sequences where schemaname = 'keymint' and last_value is not null order by 1`,
    )
    for (const { name, value } of sequences.rows)
      yield Buffer.from(`SELECT pg_catalog.setval('${name}', ${value}, true);\n`)
    yield Buffer.from(`${trailerMark}${JSON.stringify(trailer)}\n`)
    return trailer
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function readHeader(client: pg.Client): Promise<CopyHeader> {
  const { rows } = await client.query<{ header: CopyHeader }>(
    `select jsonb_build_object('format', 1, 'madeAt', now(),
      'installation', (select id from keymint.installation),
      'queueVersion', (select max(version) from pgboss.version),
      'migrations', (select jsonb_agg(jsonb_build_object('name', migration_name, 'checksum', checksum)
          order by migration_name)
        from keymint._prisma_migrations where finished_at is not null and rolled_back_at is null)) as header`,
  )
  return headerSchema.parse(rows[0]?.header)
}

/** One part of a copy: its header, the rows of a table, where a sequence goes on, or its trailer. */
type Part =
  | { kind: 'header'; header: CopyHeader }
  | { kind: 'table'; table: Table; rows: AsyncGenerator<Buffer> }
  | { kind: 'sequence'; name: string; value: string }
  | { kind: 'trailer'; trailer: CopyTrailer }

/**
 * Reads a copy part by part; the rows of a table must be read before the next part. Throws CopyError
 * for text that is not a copy, or was cut.
 */
async function* readParts(source: AsyncIterable<Buffer>): AsyncGenerator<Part> {
  const lines = linesOf(source)
  const next = async () => ((await lines.next()).value as Buffer | undefined)?.toString('utf8')
  const first = await next()
  if (!first?.startsWith(headerMark))
    throw new CopyError('Keymint did not make this backup: its first line is another one.')
  yield { kind: 'header', header: parsed(headerSchema, first.slice(headerMark.length)) }
  for (let line = await next(); line !== undefined; line = await next()) {
    const copy = /^COPY (\S+) \((.+)\) FROM stdin;\n$/.exec(line)
    const sequence = /^SELECT pg_catalog\.setval\('(\S+)', (\d+), true\);\n$/.exec(line)
    if (line.startsWith(trailerMark)) {
      yield { kind: 'trailer', trailer: parsed(trailerSchema, line.slice(trailerMark.length)) }
      return
    }
    if (copy) {
      const [, name = '', columns = ''] = copy
      const table = {
        name,
        columns: columns.split(', ').map((column) => column.replace(/^"|"$/g, '')),
      }
      yield { kind: 'table', table, rows: rowsUntilMark(lines) }
    } else if (sequence)
      yield { kind: 'sequence', name: sequence[1] ?? '', value: sequence[2] ?? '' }
    else throw new CopyError('The backup has a line that Keymint does not write. It was changed.')
  }
  throw new CopyError('The backup has no end: it was cut. Use another one.')
}

function parsed<Output>(schema: z.ZodType<Output>, text: string): Output {
  try {
    return schema.parse(JSON.parse(text))
  } catch {
    throw new CopyError('The backup was made by another version of Keymint, or was changed.')
  }
}

async function* rowsUntilMark(lines: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  for (;;) {
    const { value, done } = (await lines.next()) as { value: Buffer; done: boolean }
    if (done) throw new CopyError('The backup ends in the middle of a table: it was cut.')
    if (value.length === 3 && value[0] === 0x5c && value[1] === 0x2e) return
    yield value
  }
}

/** Lines with their newline. By byte: text of a row may hold what other readers take for a line's end. */
async function* linesOf(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0)
  for await (const chunk of source) {
    let data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10)) {
      yield data.subarray(0, end + 1)
      data = data.subarray(end + 1)
    }
    rest = Buffer.from(data)
  }
  if (rest.length > 0) throw new CopyError('The backup ends in the middle of a line: it was cut.')
}

const changed = (name: string) =>
  new CopyError(
    `The backup has a part that Keymint does not write: ${name.slice(0, 80)}. It was changed.`,
  )

/** Reads a whole copy and counts it. Throws CopyError where it is not what its trailer says. */
export async function checkCopy(source: AsyncIterable<Buffer>): Promise<{
  header: CopyHeader
  trailer: CopyTrailer
}> {
  let header: CopyHeader | undefined
  const counted: Record<string, number> = {}
  for await (const part of readParts(source)) {
    if (part.kind === 'header') header = part.header
    if (part.kind === 'sequence' && !isOurs(part.name)) throw changed(part.name)
    if (part.kind === 'table') {
      const { name } = part.table
      if (!(isOurs(name) || name === jobTable) || Object.hasOwn(counted, name)) throw changed(name)
      let rows = 0
      for await (const _row of part.rows) rows++
      counted[name] = rows
    }
    if (part.kind !== 'trailer' || !header) continue
    for (const [name, rows] of Object.entries(part.trailer.rows))
      if (counted[name] !== rows)
        throw new CopyError(
          `The backup says that ${name} has ${rows} rows, and holds ${counted[name] ?? 0}. Use another one.`,
        )
    return { header, trailer: part.trailer }
  }
  throw new CopyError('The backup has no end: it was cut. Use another one.')
}

/** Whether nothing of Keymint is in the database. */
export async function isEmpty(url: string): Promise<boolean> {
  const client = clientOf(url)
  await client.connect()
  try {
    const { rows } = await client.query<{ empty: boolean }>(
      `select not exists (select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('keymint', 'pgboss') and c.relkind in ('r', 'p')) as empty`,
    )
    return rows[0]?.empty ?? false
  } finally {
    await client.end()
  }
}

/**
 * Writes the rows into a database that has exactly the migrations of the header, as one transaction;
 * what these left in the tables goes. The database gets another installation id in it: wherever a
 * restore ends, no process touches keys of the former one. Throws what the database answers, and
 * changes nothing then.
 */
export async function copyTablesIn(url: string, source: AsyncIterable<Buffer>): Promise<void> {
  await inTransaction(url, async (client) => {
    const tables = await tablesOf(client)
    const constraints = await dropForeignKeys(client)
    for (const { name } of tables)
      await client.query(`alter table ${quoted(name)} disable trigger user`)
    await client.query(`truncate ${tables.map(({ name }) => quoted(name)).join(', ')}`)
    const missing = new Set(tables.map(({ name }) => name))
    for await (const part of readParts(source)) {
      if (part.kind === 'sequence')
        await client.query('select pg_catalog.setval($1, $2, true)', [part.name, part.value])
      if (part.kind !== 'table') continue
      if (missing.delete(part.table.name)) await write(client, part.table, part)
      else if (part.table.name !== jobTable) throw new Error(changed(part.table.name).message)
      else for await (const _row of part.rows);
    }
    if (missing.size > 0)
      throw new Error(`The backup does not name ${[...missing].join(', ')}. It was changed.`)
    await client.query('update keymint.installation set id = $1', [randomBytes(6).toString('hex')])
    // What is checked at the end of a transaction stands in the way of the next change of a table.
    await client.query('set constraints all immediate')
    for (const { name } of tables)
      await client.query(`alter table ${quoted(name)} enable trigger user`)
    // Adding it again checks every row.
    for (const { table, name, definition } of constraints)
      await client.query(
        `alter table ${table} add constraint ${pg.escapeIdentifier(name)} ${definition}`,
      )
  })
}

/**
 * Writes the jobs, once the queues are there. Those of a queue that this build has no more are left
 * out: nothing would run them. Throws as copyTablesIn does.
 */
export async function copyJobsIn(url: string, source: AsyncIterable<Buffer>): Promise<void> {
  await inTransaction(url, async (client) => {
    await client.query(`alter table ${jobTable} disable trigger user`)
    await client.query(`truncate ${jobTable}`)
    await client.query(`create temporary table read_jobs (like ${jobTable}) on commit drop`)
    for await (const part of readParts(source)) {
      if (part.kind !== 'table') continue
      if (part.table.name !== jobTable) for await (const _row of part.rows);
      else {
        await write(client, { ...part.table, name: 'pg_temp.read_jobs' }, part)
        const columns = columnList(part.table)
        await client.query(
          `insert into ${jobTable} (${columns}) select ${columns} from pg_temp.read_jobs
            where name in (select name from pgboss.queue)
              and (dead_letter is null or dead_letter in (select name from pgboss.queue))`,
        )
      }
    }
    await client.query('set constraints all immediate')
    await client.query(`alter table ${jobTable} enable trigger user`)
  })
}

async function inTransaction(url: string, work: (client: pg.Client) => Promise<void>) {
  const client = clientOf(url)
  await client.connect()
  try {
    await client.query('begin')
    await work(client)
    await client.query('commit')
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function write(client: pg.Client, to: Table, { rows }: { rows: AsyncGenerator<Buffer> }) {
  const stream = client.query(copyFrom(`copy ${quoted(to.name)} (${columnList(to)}) from stdin`))
  const finished = once(stream, 'finish')
  // A refusal of the database ends the writing, too.
  finished.catch(() => undefined)
  for await (const row of rows)
    if (!stream.write(row)) await Promise.race([once(stream, 'drain'), finished])
  stream.end()
  await finished
}

type ForeignKey = { table: string; name: string; definition: string }

/** Tables point at each other in circles: no order of loading suits all of them. */
async function dropForeignKeys(client: pg.Client): Promise<ForeignKey[]> {
  const { rows } = await client.query<ForeignKey>(
    `select conrelid::regclass::text as table, conname as name, pg_get_constraintdef(oid) as definition
      from pg_constraint where contype = 'f' and connamespace = 'keymint'::regnamespace`,
  )
  for (const { table, name } of rows)
    await client.query(`alter table ${table} drop constraint ${pg.escapeIdentifier(name)}`)
  return rows
}

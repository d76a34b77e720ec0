/**
 * Rotation: every sealed value is opened and sealed under the newest key of ENCRYPTION_KEY, row by
 * row, while the app runs. Guarantee: a row holds either its old envelope or a new one of the same
 * secret, at any moment and after any crash; a row that changed meanwhile is left to the next pass.
 * Only one page of rows is in memory.
 */
import { Prisma } from '~/adapters/db.server'
import { sealingKeyIdOf, type SealedPlace } from '~/adapters/sealing.server'
import type { Ctx } from '../ctx'
import { masterKeyPlace, openSealedCredential } from '../keys/accounts.server'

/** What a rotation needs. It runs beside the app and without a queue. */
export type RotationCtx = Pick<Ctx, 'db' | 'sealer'>

/**
 * One column of sealed values. A new one must be added here: rotation does not finish while it
 * finds others.
 */
type SealedColumn = { table: string; column: string; id: string; version: 'v1' | 'v3' }
const sealedColumns: SealedColumn[] = [
  { table: 'master_keys', column: 'sealed', id: 'id', version: 'v3' },
  { table: 'keys', column: 'sealed', id: 'id', version: 'v1' },
  { table: 'team_hooks', column: 'sealed', id: 'id', version: 'v1' },
]
/** Copies of `keys.sealed`, which the database writes in the same statement: sealed once, and to that row. */
const copies = ['workshop_attendance.or_key_plaintext', 'api_keys.sealed']

export type RotationProgress = { table: string; resealed: number; left: number }
export type RotationReport = {
  resealed: number
  /** Credentials that are now sealed to their service and address, and were not before. */
  bound: number
  /** Rows that no key of ENCRYPTION_KEY opens: "table id". */
  unopenable: string[]
  /** Columns with sealed values that this program does not know: "table.column". */
  unknownColumns: string[]
  /** How many values each older key still seals; empty when the rotation is done. */
  leftByKey: Record<string, number>
}

const pageSize = 50

/**
 * Passes over all columns until nothing is left under an older key, or what is left cannot be
 * opened. May be killed and restarted at any time.
 */
export async function rotateVault(
  ctx: RotationCtx,
  onProgress: (progress: RotationProgress) => void = () => undefined,
): Promise<RotationReport> {
  const columns = await presentColumns(ctx)
  const report: RotationReport = {
    resealed: 0,
    bound: 0,
    unopenable: [],
    unknownColumns: [],
    leftByKey: {},
  }
  // A process that knows only the old key may seal a row after it was passed, so passes repeat until
  // one finds nothing.
  for (let resealed = -1; resealed !== 0;) {
    resealed = 0
    report.unopenable = []
    for (const column of columns) resealed += await passOver(ctx, column, report, onProgress)
    report.resealed += resealed
  }
  report.leftByKey = await countByOldKey(ctx, columns)
  report.unknownColumns = await findUnknownColumns(ctx)
  return report
}

type Row = {
  id: string
  generation: number
  sealed: string
  /** Of a credential; null where a table has no such column. */
  teamId: string | null
  service: string | null
  baseUrl: string | null
  settings: Record<string, string> | null
}

async function passOver(
  ctx: RotationCtx,
  column: SealedColumn,
  report: RotationReport,
  onProgress: (progress: RotationProgress) => void,
): Promise<number> {
  const { table, name, id } = sqlOf(column)
  const newest = `${column.version}.${ctx.sealer.newestKeyId}.%`
  let resealed = 0
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const page = await ctx.db.$queryRaw<Row[]>`
      select ${id}::text as id, generation, ${name} as sealed,
        to_jsonb(t) ->> 'team_id' as "teamId", to_jsonb(t) ->> 'service' as service,
        to_jsonb(t) ->> 'base_url' as "baseUrl", to_jsonb(t) -> 'settings' as settings
      from ${table} t where ${name} is not null
        and ${name} not like ${newest} and ${id} > ${after}::uuid order by ${id} limit ${pageSize}::int`
    for (const row of page) {
      const outcome = await resealRow(ctx, column, row)
      if (outcome === 'resealed') {
        resealed++
        if (row.sealed.startsWith('v2.')) report.bound++
      }
      if (outcome === 'unopenable') report.unopenable.push(`${column.table} ${row.id}`)
    }
    const last = page.at(-1)
    if (!last) return resealed
    after = last.id
    const [left] = await ctx.db.$queryRaw<
      { count: number }[]
    >`select count(*)::int as count from ${table} where ${name} is not null and ${name} not like ${newest}`
    onProgress({
      table: column.table,
      resealed: report.resealed + resealed,
      left: left?.count ?? 0,
    })
  }
}

async function resealRow(
  ctx: RotationCtx,
  column: SealedColumn,
  row: Row,
): Promise<'resealed' | 'changed-meanwhile' | 'unopenable'> {
  const place: SealedPlace = { table: column.table, row: row.id, generation: row.generation }
  let fresh: string
  try {
    if (column.version === 'v3') {
      const { teamId, service, settings } = row
      const credential = {
        ...row,
        teamId: teamId ?? '',
        service: service ?? '',
        settings: settings ?? {},
      }
      const { secret } = openSealedCredential(ctx.sealer, credential)
      fresh = ctx.sealer.sealForVault(secret, masterKeyPlace(credential))
    } else fresh = ctx.sealer.seal(ctx.sealer.unseal(row.sealed, place), place)
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'UnsealError') throw error
    return 'unopenable'
  }
  const { table, name, id } = sqlOf(column)
  // Its new seal says the address and settings that were read: a row that has others by now is left alone.
  // One statement for each row, because several locks could deadlock with those of the app.
  const changed = await ctx.db.$executeRaw`
      update ${table} t set ${name} = ${fresh} where ${id} = ${row.id}::uuid
        and generation = ${row.generation}::int and ${name} = ${row.sealed}
        and to_jsonb(t) ->> 'team_id' is not distinct from ${row.teamId}
        and to_jsonb(t) ->> 'service' is not distinct from ${row.service}
        and to_jsonb(t) ->> 'base_url' is not distinct from ${row.baseUrl}
        and to_jsonb(t) -> 'settings' is not distinct from ${row.settings && JSON.stringify(row.settings)}::jsonb`
  return changed === 1 ? 'resealed' : 'changed-meanwhile'
}

async function countByOldKey(
  ctx: RotationCtx,
  columns: SealedColumn[],
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const column of columns) {
    const { table, name } = sqlOf(column)
    const rows = await ctx.db.$queryRaw<{ prefix: string; count: number }[]>`
      select left(${name}, 12) as prefix, count(*)::int as count from ${table} where ${name} is not null
        group by 1`
    for (const { prefix, count } of rows) {
      const key = sealingKeyIdOf(prefix) ?? 'unknown'
      if (key !== ctx.sealer.newestKeyId) counts[key] = (counts[key] ?? 0) + count
    }
  }
  return counts
}

/** Only the columns that this database has. */
async function presentColumns(ctx: RotationCtx): Promise<SealedColumn[]> {
  const present = await ctx.db.$queryRaw<{ name: string }[]>`
    select table_name || '.' || column_name as name from information_schema.columns
      where table_schema = 'keymint'`
  const names = new Set(present.map((row) => row.name))
  return sealedColumns.filter(
    ({ table, column, id }) =>
      names.has(`${table}.${column}`) &&
      names.has(`${table}.${id}`) &&
      names.has(`${table}.generation`),
  )
}

/**
 * Searches every text column of ours for sealed values, so that the values of a forgotten column
 * are not lost with the old key.
 */
async function findUnknownColumns(ctx: RotationCtx): Promise<string[]> {
  const known = new Set([
    ...sealedColumns.map(({ table, column }) => `${table}.${column}`),
    ...copies,
  ])
  const texts = await ctx.db.$queryRaw<{ table: string; column: string }[]>`
    select c.table_name as table, c.column_name as column from information_schema.columns c
      join information_schema.tables t using (table_schema, table_name)
    where c.table_schema = 'keymint' and t.table_type = 'BASE TABLE' and c.data_type = 'text' order by 1, 2`
  const unknown: string[] = []
  for (const { table, column } of texts.filter(
    (text) => !known.has(`${text.table}.${text.column}`),
  )) {
    const name = Prisma.raw(`"${column}"`)
    const [found] = await ctx.db.$queryRaw<{ found: boolean }[]>`
      select exists (select 1 from ${Prisma.raw(`keymint."${table}"`)}
        where ${name} ~ '^v[123][.][0-9a-f]{8}[.][A-Za-z0-9_-]{16}[.]') as found`
    if (found?.found) unknown.push(`${table}.${column}`)
  }
  return unknown
}

/** Names from the list above and from the database's own catalog, never from anybody's input. */
function sqlOf({ table, column, id }: SealedColumn) {
  return {
    table: Prisma.raw(`keymint."${table}"`),
    name: Prisma.raw(`"${column}"`),
    id: Prisma.raw(`"${id}"`),
  }
}

/**
 * schema.prisma tells of the database what the migrations have made, and tells a reader what the
 * name of a column does not: its unit, and what null means.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { testDb } from '../tests/test-database'

type Field = { column: string; isOptional: boolean; comment: string }
type Model = { table: string; fields: Field[]; relations: string[] }

const actions: Record<string, string> = { a: 'NoAction', r: 'Restrict', c: 'Cascade', n: 'SetNull' }

/** What prisma format has laid out: one field a line, comments above it. */
function readModels(): Model[] {
  const text = readFileSync('prisma/schema.prisma', 'utf8')
  const blocks = [...text.matchAll(/^model (\w+) \{\n(.*?)^\}/gms)]
  const names = new Set(blocks.map(([, name]) => name))
  return blocks.map(([, , body = '']) => {
    const table = /@@map\("(\w+)"\)/.exec(body)?.[1] ?? ''
    const columns = new Map<string, Field>()
    const relations: string[] = []
    let comment = ''
    for (const line of body.split('\n')) {
      const said = /^ {2}\/\/\/ (.*)/.exec(line)?.[1]
      if (said !== undefined) comment += `${said} `
      const [, field, type = '', sign, rest = ''] =
        /^ {2}(\w+) +(\w+)(\?|\[\])?(.*)/.exec(line) ?? []
      if (field && !names.has(type))
        columns.set(field, {
          column: /@map\("(\w+)"\)/.exec(rest)?.[1] ?? field,
          isOptional: sign === '?',
          comment,
        })
      if (field) comment = ''
    }
    for (const [, made = ''] of body.matchAll(/@relation\((.*fields: .*)\)$/gm)) {
      const fields = (/fields: \[(.*?)\]/.exec(made)?.[1] ?? '').split(', ')
      const onDelete = /onDelete: (\w+)/.exec(made)?.[1]
      const onUpdate = /onUpdate: (\w+)/.exec(made)?.[1] ?? 'Cascade'
      const named = fields.map((name) => columns.get(name)?.column)
      relations.push(`${table} (${named.join()}) ${onDelete} ${onUpdate}`)
    }
    return { table, fields: [...columns.values()], relations }
  })
}

const models = readModels()

test('schema.prisma has the tables, columns and foreign keys of the migrated database', async () => {
  const database = await testDb()
  try {
    const columns = await database.db.$queryRaw<{ name: string }[]>`
      select c.table_name || '.' || c.column_name || case when c.is_nullable = 'YES'
        and c.data_type <> 'ARRAY' then '?' else '' end as name
      from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
      where c.table_schema = 'keymint' and t.table_type = 'BASE TABLE' and c.table_name <> '_prisma_migrations'
        and c.is_generated = 'NEVER'`
    const said = models.flatMap(({ table, fields }) =>
      fields.map(({ column, isOptional }) => `${table}.${column}${isOptional ? '?' : ''}`),
    )
    expect(said.sort()).toEqual(columns.map(({ name }) => name).sort())
    const keys = await database.db.$queryRaw<{ name: string; del: string; upd: string }[]>`
      select c.conrelid::regclass::text || ' (' || (select string_agg(a.attname, ',' order by k.n)
        from unnest(c.conkey) with ordinality k(num, n) join pg_attribute a
        on a.attrelid = c.conrelid and a.attnum = k.num) || ')' as name,
        c.confdeltype::text as del, c.confupdtype::text as upd
      from pg_constraint c where c.contype = 'f' and c.connamespace = 'keymint'::regnamespace`
    expect(models.flatMap(({ relations }) => relations).sort()).toEqual(
      keys
        .map(
          ({ name, del, upd }) => `${name.replace('keymint.', '')} ${actions[del]} ${actions[upd]}`,
        )
        .sort(),
    )
  } finally {
    await database.drop()
  }
})

test('a column says its unit, and what null means', () => {
  const silent = models.flatMap(({ table, fields }) =>
    fields
      .filter(
        ({ column, isOptional, comment }) =>
          (isOptional && comment === '') ||
          (column.endsWith('_usd') && !comment.includes('USD')) ||
          (column.endsWith('_ms') && !comment.includes('illiseconds')) ||
          (column.endsWith('_seconds') && !comment.includes('econds')),
      )
      .map(({ column }) => `${table}.${column}`),
  )
  expect(silent).toEqual([])
})

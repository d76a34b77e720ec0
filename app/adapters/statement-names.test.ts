/** Named statements: only what is hot, boundedly many, and none that no longer holds. */
import { expect, test } from 'vitest'
import { testDb } from '../../tests/database'
import { createDb, type Db } from './db.server'
import { createStatementNames } from './statement-names'

const hot = 20

function runs(names: ReturnType<typeof createStatementNames>, sql: string, times: number) {
  let name: string | undefined
  for (let run = 0; run < times; run++) name = names.nameOf(sql)
  return name
}

test('a text is named when it runs twenty times within ten seconds, and keeps its one name', () => {
  let now = 0
  const names = createStatementNames(() => now)
  expect(runs(names, 'select 1', hot - 1)).toBeUndefined()
  now += 11_000
  expect(runs(names, 'select 1', hot - 1)).toBeUndefined()
  const name = names.nameOf('select 1')
  expect(name).toMatch(/^k[\w-]{22}$/)
  now += 60_000
  expect(names.nameOf('select 1')).toBe(name)
  expect(runs(names, 'BEGIN', 2 * hot)).toBeUndefined()
})

test('past a hundred names, and once it is abandoned, a text goes without', () => {
  const names = createStatementNames(() => 0)
  const named = Array.from({ length: 150 }, (_, at) => runs(names, `select ${at}`, hot))
  expect(new Set(named.filter((name) => name !== undefined)).size).toBe(100)
  expect(named.slice(100)).toEqual(Array(50).fill(undefined))
  names.abandon('select 0')
  expect(runs(names, 'select 0', 2 * hot)).toBeUndefined()
})

async function withNamedDb(use: (db: Db, owner: Db) => Promise<void>): Promise<void> {
  const database = await testDb()
  const db = createDb(database.url, { max: 2, applicationName: 'named', named: true })
  try {
    await database.db
      .$executeRaw`create table keymint.things (id int primary key, size int not null)`
    await database.db.$executeRaw`insert into keymint.things values (1, 7)`
    await use(db, database.db)
  } finally {
    await db.$disconnect()
    await database.drop()
  }
}

const readThing = (db: Pick<Db, '$queryRaw'>) =>
  db.$queryRaw<{ size: unknown }[]>`select size from keymint.things where id = ${1}`

const preparedNames = (db: Pick<Db, '$queryRaw'>) =>
  db.$queryRaw<{ name: string }[]>`
    select name from pg_prepared_statements where statement like '%keymint.things%' and name like 'k%'`

test('a hot statement is prepared; a column of another type costs no page and no transaction', async () => {
  await withNamedDb(async (db, owner) => {
    for (let run = 0; run < 2 * hot; run++) await readThing(db)
    expect(await preparedNames(db)).toHaveLength(1)

    await owner.$executeRaw`alter table keymint.things alter column size type text`
    expect(await readThing(db)).toEqual([{ size: '7' }])
  })
  await withNamedDb(async (db, owner) => {
    for (let run = 0; run < 2 * hot; run++) await db.$transaction((tx) => readThing(tx))
    await owner.$executeRaw`alter table keymint.things alter column size type text`
    expect(await db.$transaction((tx) => readThing(tx))).toEqual([{ size: '7' }])
  })
})

test('a statement that the session has lost, as behind a pooler, is run without a name', async () => {
  await withNamedDb(async (db) => {
    for (let run = 0; run < 2 * hot; run++) await readThing(db)
    await db.$executeRaw`deallocate all`
    await Promise.all([readThing(db), readThing(db), readThing(db)])
    for (let run = 0; run < hot; run++) expect(await readThing(db)).toEqual([{ size: 7 }])
  })
})

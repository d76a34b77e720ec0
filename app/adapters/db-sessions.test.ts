/** What every session of the database has, whatever the server is set to, and what is run again. */
import { afterAll, expect, test } from 'vitest'
import { testDb } from '../../tests/database'
import { createDb, isDatabaseUnavailable } from './db.server'

const database = await testDb()
afterAll(() => database.drop())

test.each(['America/New_York', 'Europe/Berlin', 'Asia/Kolkata'])(
  'a server in %s changes no time of ours',
  async (zone) => {
    const name = new URL(database.url).pathname.slice(1)
    await database.db.$executeRawUnsafe(`alter database "${name}" set timezone = '${zone}'`)
    const db = createDb(database.url, { max: 1, applicationName: 'zone' })
    const [row] = await db.$queryRaw<{ zone: string; timeout: string; text: string }[]>`
      select current_setting('timezone') as zone, current_setting('statement_timeout') as timeout,
        '2026-03-01T12:00:00Z'::timestamptz::text as text`
    expect(row).toEqual({ zone: 'UTC', timeout: '1min', text: '2026-03-01 12:00:00+00' })
    await db.$disconnect()
  },
)

test('of two transactions that lock each other out, both are kept: one runs again', async () => {
  const { db } = database
  await db.$executeRaw`create table public.deadlocks (id int primary key, n int not null default 0)`
  await db.$executeRaw`insert into public.deadlocks (id) values (1), (2)`
  let runs = 0
  // Each first run takes its second row only when both hold their first.
  let bothHold = () => {}
  const held = new Promise<void>((resolve) => (bothHold = resolve))
  const both = (first: number, second: number) =>
    db.$transaction(async (tx) => {
      runs++
      await tx.$executeRaw`update public.deadlocks set n = n + 1 where id = ${first}::int`
      if (runs === 2) bothHold()
      await held
      await tx.$executeRaw`update public.deadlocks set n = n + 1 where id = ${second}::int`
    })
  await Promise.all([both(1, 2), both(2, 1)])
  expect(runs).toBe(3)
  expect(await db.$queryRaw`select n from public.deadlocks order by id`).toEqual([
    { n: 2 },
    { n: 2 },
  ])
})

test.each([
  'FATAL: the database system is in recovery mode',
  'the database system is not yet accepting connections',
  'Raw query failed. Code: `57P03`. Message: `N/A`',
  'error: sorry, too many clients already',
])('"%s" means that the database is away', (message) => {
  expect(isDatabaseUnavailable(new Error('wrapped', { cause: new Error(message) }))).toBe(true)
  expect(isDatabaseUnavailable(new Error('relation "x" does not exist'))).toBe(false)
})

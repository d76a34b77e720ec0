/** A database of its own for one test file, with every migration applied; gone when the test is done. */
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import pg from 'pg'
import { createDb, type Db } from '~/adapters/db.server'

const server = 'postgresql://postgres:x@127.0.0.1:54999/'
const migrations = new URL('../../../prisma/migrations/', import.meta.url)

export async function testDb(): Promise<{ db: Db; url: string; drop(): Promise<void> }> {
  const name = `account_${randomBytes(6).toString('hex')}`
  await run(`${server}postgres`, `create database ${name}`)
  const url = `${server}${name}`
  for (const folder of readdirSync(migrations, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort()) {
    await run(url, readFileSync(new URL(`${folder}/migration.sql`, migrations), 'utf8'))
  }
  const db = createDb(url, { max: 20, applicationName: 'test' })
  return {
    db,
    url,
    drop: async () => {
      await db.$disconnect()
      await run(`${server}postgres`, `drop database if exists ${name} with (force)`)
    },
  }
}

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import pg from 'pg'
import { expect, test } from 'vitest'
import { StartError } from '../start-error'
import { startPostgres } from './server'
import { failure, temporaryFolder } from './testing'
import { resolvePostgres } from './template'

test('data and password of a folder are found again by the next start, on another port', async () => {
  using folder = temporaryFolder()
  const first = await startPostgres({ dataDir: folder.path })
  await query(first.url, 'create table kept as select 7 as n')
  await first.stop()
  const second = await startPostgres({ dataDir: folder.path })
  expect(await query(second.url, 'select n from kept')).toEqual([{ n: 7 }])
  expect(
    await query(
      second.url,
      `
        select current_setting('max_connections') as m, current_setting('timezone') as t,
          current_setting('fsync') as f`,
    ),
  ).toEqual([{ m: '300', t: 'UTC', f: 'on' }])
  expect(new URL(second.url).password).toBe(new URL(first.url).password)
  await second.stop()
})

test('a temporary server leaves no folder and no process behind', async () => {
  const server = await startPostgres()
  const [row] = await query(
    server.url,
    `select pg_backend_pid() as pid, current_setting('data_directory') as dir`,
  )
  await server.stop()
  expect(existsSync(path.dirname(String(row?.dir)))).toBe(false)
  await expect(query(server.url, 'select 1')).rejects.toThrow()
})

test('restart keeps the address; an immediate one loses connections and no committed row', async () => {
  const server = await startPostgres({ durable: true })
  await query(server.url, 'create table kept as select 7 as n')
  await server.restart('immediate')
  expect(await query(server.url, 'select n from kept')).toEqual([{ n: 7 }])
  await server.restart('fast')
  expect(await query(server.url, 'select n from kept')).toEqual([{ n: 7 }])
  await server.stop()
})

test('a taken port is refused with a sentence that names it and the setting', async () => {
  const squatter = net.createServer()
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve))
  const { port } = squatter.address() as net.AddressInfo
  const error = await failure(startPostgres({ port }))
  expect(error).toBeInstanceOf(StartError)
  expect(error.message).toBe(
    `Port ${port}, meant for PostgreSQL, is taken: stop what listens there, or set SIM_POSTGRES_PORT to a free port.`,
  )
  squatter.close()
})

test('data of another major version is refused with a sentence and left alone', async () => {
  using folder = temporaryFolder()
  mkdirSync(path.join(folder.path, 'cluster'))
  writeFileSync(path.join(folder.path, 'cluster', 'PG_VERSION'), '15\n')
  const error = await failure(startPostgres({ dataDir: folder.path }))
  expect(error).toBeInstanceOf(StartError)
  expect(error.message).toMatch(/was made by PostgreSQL 15 and this is 17/)
  expect(readFileSync(path.join(folder.path, 'cluster', 'PG_VERSION'), 'utf8')).toBe('15\n')
})

test('a half-made cluster is made afresh, a folder of strange files is refused and left alone', async () => {
  using folder = temporaryFolder()
  mkdirSync(path.join(folder.path, 'cluster.new', 'base'), { recursive: true })
  writeFileSync(path.join(folder.path, 'cluster.new', 'PG_VERSION'), '17\n')
  const server = await startPostgres({ dataDir: folder.path })
  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
  await server.stop()

  using strange = temporaryFolder()
  mkdirSync(path.join(strange.path, 'cluster'))
  writeFileSync(path.join(strange.path, 'cluster', 'thesis.txt'), 'ten years of work')
  const error = await failure(startPostgres({ dataDir: strange.path }))
  expect(error.message).toMatch(/holds files but no database \(no PG_VERSION\)/)
  expect(existsSync(path.join(strange.path, 'cluster', 'thesis.txt'))).toBe(true)
})

test.runIf(process.getuid?.() === 0)(
  'root in a closed folder such as /root still gets its database, and the same one again',
  async () => {
    using closed = temporaryFolder()
    const dataDir = path.join(closed.path, 'data')
    const first = await startPostgres({ dataDir })
    await query(first.url, 'create table kept as select 7 as n')
    await first.stop()
    const second = await startPostgres({ dataDir })
    expect(await query(second.url, 'select n from kept')).toEqual([{ n: 7 }])
    await second.stop()
    const place = readFileSync(path.join(dataDir, 'location'), 'utf8').trim()
    rmSync(dataDir, { recursive: true })
    const afresh = await startPostgres({ dataDir })
    expect(existsSync(place)).toBe(false)
    await afresh.stop()
    rmSync(readFileSync(path.join(dataDir, 'location'), 'utf8').trim(), { recursive: true })
  },
  30_000,
)

test('DATABASE_URL is used as it is, and refused with a sentence if nobody answers there', async () => {
  const server = await startPostgres()
  const resolved = await resolvePostgres({ databaseUrl: server.url })
  expect({ url: resolved.url, external: resolved.external }).toEqual({
    url: server.url,
    external: true,
  })
  await resolved.stop()
  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
  await server.stop()
  const error = await failure(resolvePostgres({ databaseUrl: server.url }))
  expect(error).toBeInstanceOf(StartError)
  expect(error.message).toMatch(
    /^DATABASE_URL is set, but the PostgreSQL at 127\.0\.0\.1:\d+ does not let us in/,
  )
})

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<Record<string, unknown>>(sql)
    return rows
  } finally {
    await client.end().catch(() => undefined)
  }
}

import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { expect, test } from 'vitest'
import { startPostgres } from './server'
import { failure, temporaryFolder } from './testing'

test('after a SIGKILL of the server itself the next start goes on with the same data', async () => {
  using folder = temporaryFolder()
  const first = await startPostgres({ dataDir: folder.path })
  await query(first.url, 'create table kept as select 7 as n')
  const pidFile = path.join(await clusterOf(first.url), 'postmaster.pid')
  process.kill(Number(readFileSync(pidFile, 'utf8').split('\n')[0]), 'SIGKILL')
  await first.stop()
  expect(existsSync(pidFile)).toBe(true)
  const second = await startPostgres({ dataDir: folder.path })
  expect(await query(second.url, 'select n from kept')).toEqual([{ n: 7 }])
  const cluster = await clusterOf(second.url)
  await second.stop()

  // The number of the dead server now belongs to another process: this test.
  writeFileSync(path.join(cluster, 'postmaster.pid'), `${process.pid}\n${cluster}\n`)
  const third = await startPostgres({ dataDir: folder.path })
  expect(await query(third.url, 'select n from kept')).toEqual([{ n: 7 }])
  await third.stop()
}, 30_000)

test('after a SIGKILL of the owner, while the server still runs, the next start takes over', async () => {
  using folder = temporaryFolder()
  const owner = await startOwner(folder.path)
  await query(owner.url, 'create table kept as select 7 as n')
  const inUse = await failure(startPostgres({ dataDir: folder.path }))
  expect(inUse.message).toBe(
    `The database in ${folder.path} is already in use by process ${owner.pid}: ` +
      'stop that one first (Ctrl-C in its terminal), or set KEYMINT_DATA_DIR to another folder.',
  )
  process.kill(owner.pid, 'SIGKILL')
  await owner.ended
  const next = await startPostgres({ dataDir: folder.path })
  expect(await query(next.url, 'select n from kept')).toEqual([{ n: 7 }])
  await next.stop()
}, 30_000)

test("Ctrl-C in the owner's terminal does not reach the server before the owner stops it", async () => {
  using folder = temporaryFolder()
  const owner = await startOwner(folder.path)
  process.kill(-owner.pid, 'SIGINT')
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(await query(owner.url, 'select 1 as one')).toEqual([{ one: 1 }])
  process.kill(-owner.pid, 'SIGTERM')
  await owner.ended
  await expect(query(owner.url, 'select 1')).rejects.toThrow()
}, 30_000)

async function startOwner(
  dataDir: string,
): Promise<{ pid: number; url: string; ended: Promise<unknown> }> {
  const script = `
    import { startPostgres } from ${JSON.stringify(path.join(import.meta.dirname, 'server.ts'))}
    const server = await startPostgres({ dataDir: ${JSON.stringify(dataDir)} })
    process.on('SIGINT', () => {})
    process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)))
    setInterval(() => {}, 1000)
    console.log(JSON.stringify({ pid: process.pid, url: server.url }))
  `
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (data: Buffer) => resolve(data.toString()))
    void ended.then(() => reject(new Error('The owner ended before its server was up.')))
  })
  return { ...(JSON.parse(line) as { pid: number; url: string }), ended }
}

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

async function clusterOf(url: string): Promise<string> {
  const [row] = await query(url, `select current_setting('data_directory') as dir`)
  return String(row?.dir)
}

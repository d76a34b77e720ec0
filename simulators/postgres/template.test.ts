import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect, test } from 'vitest'
import { startTcpProxy } from '../../tests/tcp-proxy'
import { startPostgres } from './server'
import { cloneDatabase, createTemplate } from './template'

test('clones begin as the template, share nothing, and can be made at the same time', async () => {
  await using world = await makeWorld()
  const clones = await Promise.all(
    Array.from({ length: 4 }, () => cloneDatabase(world.adminUrl, world.template)),
  )
  await Promise.all(
    clones.map(({ url }, index) => query(url, `insert into note values ('clone ${index}')`)),
  )
  for (const [index, { url }] of clones.entries()) {
    expect(await query(url, 'select text from note order by text')).toEqual([
      { text: `clone ${index}` },
      { text: 'from the template' },
    ])
  }
  const busy = await connect(clones[0]!.url)
  await Promise.all(clones.map((clone) => clone.drop()))
  await expect(busy.query('select 1')).rejects.toThrow()
  expect(
    await query(
      world.adminUrl,
      `select count(*)::int as n from pg_database where datname like 'keymint_test_%'`,
    ),
  ).toEqual([{ n: 0 }])
})

test('a COMMIT whose answer is lost has happened', async () => {
  await using world = await makeWorld()
  const proxy = await startTcpProxy(world.url)
  const client = await connect(proxy.urlFor(world.url))
  await client.query('create table sale (n int)')
  await client.query('BEGIN')
  await client.query('insert into sale values (1)')
  const cut = proxy.cutAnswerAfter('COMMIT')
  await expect(client.query('COMMIT')).rejects.toThrow()
  await cut
  expect(await query(world.url, 'select n from sale')).toEqual([{ n: 1 }])
  // One shot: the next one is answered.
  await query(proxy.urlFor(world.url), 'BEGIN; insert into sale values (2); COMMIT')
  expect(await query(world.url, 'select count(*)::int as n from sale')).toEqual([{ n: 2 }])
  await proxy.stop()
})

test('a COMMIT that is dropped on its way never happened', async () => {
  await using world = await makeWorld()
  const proxy = await startTcpProxy(world.url)
  const client = await connect(proxy.urlFor(world.url))
  await query(world.url, 'create table sale (n int)')
  await client.query('BEGIN')
  await client.query('insert into sale values (1)')
  const dropped = proxy.dropNextMatching('COMMIT')
  await expect(client.query('COMMIT')).rejects.toThrow()
  await dropped
  expect(await query(world.url, 'select n from sale')).toEqual([])
  await proxy.stop()
})

test('cut ends connections, a black hole only silences them, a delay slows them', async () => {
  await using world = await makeWorld()
  const proxy = await startTcpProxy(world.url)
  const first = await connect(proxy.urlFor(world.url))
  proxy.cut()
  await expect(first.query('select 1')).rejects.toThrow()

  const second = await connect(proxy.urlFor(world.url))
  proxy.blackhole(true)
  let answered = false
  const answer = second.query('select 1 as one').then(({ rows }) => {
    answered = true
    return rows as unknown[]
  })
  await sleep(150)
  expect(answered).toBe(false)
  proxy.blackhole(false)
  expect(await answer).toEqual([{ one: 1 }])

  proxy.delay(100)
  const before = performance.now()
  await second.query('select 1')
  expect(performance.now() - before).toBeGreaterThan(190)
  proxy.delay(0)
  await second.end()
  await proxy.stop()
})

async function makeWorld() {
  const server = await startPostgres()
  const template = await createTemplate(server.adminUrl, async (url) => {
    await query(url, 'create table note (text text primary key)')
    await query(url, `insert into note values ('from the template')`)
  })
  return {
    url: server.url,
    adminUrl: server.adminUrl,
    template,
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = await connect(url)
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql)
    return rows
  } finally {
    await client.end().catch(() => undefined)
  }
}

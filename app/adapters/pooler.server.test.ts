/** Poolers are found by what they cannot hide: another process answers than the one they named. */
import net, { type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { examine, readyWorld } from '../../tests/readiness'
import { testedDeployment } from '../domain/operations/readiness.server'
import type { World } from '../../tests/world'
import { createFindPoolers } from './pooler.server'

/**
 * In front of PostgreSQL: names another process to the client, as a pooler does. Without
 * `statements` it forgets what was prepared under a name.
 */
async function startPooler(world: World, { statements }: { statements: boolean }): Promise<string> {
  const url = new URL(world.database.url)
  const to = { host: url.hostname, port: Number(url.port) }
  const sockets = new Set<net.Socket>()
  const server = net.createServer((client) => {
    const upstream = net.connect(to)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
    }
    client.on('data', (data: Buffer) => {
      // Parse ('P', length, name): with a name, unless it is the empty one.
      if (!statements && data[0] === 0x50 && data[5] !== 0) return client.write(forgotten())
      return upstream.write(data)
    })
    upstream.on('data', (data: Buffer) => {
      // BackendKeyData ('K', 12, process, secret).
      const at = data.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]))
      if (at >= 0) data.writeUInt32BE(data.readUInt32BE(at + 5) + 1, at + 5)
      client.write(data)
    })
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  world.onClose(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  url.port = String((server.address() as AddressInfo).port)
  return url.href
}

/** ErrorResponse “prepared statement does not exist”, and ReadyForQuery. */
function forgotten(): Buffer {
  const fields = Buffer.from('SERROR\0VERROR\0C26000\0Mprepared statement does not exist\0\0')
  const head = Buffer.alloc(5)
  head.write('E')
  head.writeUInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields, Buffer.from([0x5a, 0, 0, 0, 5, 0x49])])
}

const found = async (world: World, env: Parameters<typeof createFindPoolers>[0]) =>
  (await examine({ ...testedDeployment(world.ctx), findPoolers: createFindPoolers(env) })).found(
    'database',
  )

test('a pooler in between is named, with what it breaks and what to do', async () => {
  await using world = await readyWorld()
  const direct = world.database.url
  expect((await found(world, { DATABASE_URL: direct })).severity).toBe('ok')
  const pooled = await startPooler(world, { statements: true })
  const forgetful = await startPooler(world, { statements: false })

  expect(await found(world, { DATABASE_URL: pooled })).toMatchObject({
    severity: 'error',
    sentence: expect.stringContaining('DATABASE_URL leads through a pooler. Workers') as string,
    remedy: expect.stringContaining('Set DIRECT_DATABASE_URL') as string,
  })
  expect(await found(world, { DATABASE_URL: pooled, DIRECT_DATABASE_URL: pooled })).toMatchObject({
    severity: 'error',
  })
  expect(
    await found(world, { DATABASE_URL: direct, DIRECT_DATABASE_URL: `${pooled}?x=1` }),
  ).toMatchObject({
    severity: 'error',
    sentence: expect.stringContaining('DIRECT_DATABASE_URL leads through a pooler') as string,
  })
  const beside = { DATABASE_URL: forgetful, DIRECT_DATABASE_URL: direct }
  expect(await found(world, beside)).toMatchObject({
    severity: 'error',
    sentence: expect.stringContaining('loses prepared statements') as string,
    remedy: expect.stringContaining('NAMED_STATEMENTS=false') as string,
  })
  const known = await found(world, { ...beside, NAMED_STATEMENTS: false })
  expect([known.severity, known.sentence]).toEqual([
    'warning',
    'DATABASE_URL leads through a pooler; Keymint is tested without one.',
  ])
})

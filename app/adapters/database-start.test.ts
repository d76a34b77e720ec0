/** What a process says at its start about a database that does not let it work. */
import net from 'node:net'
import { expect, inject, test } from 'vitest'
import { databaseUrlFor } from '../../simulators/postgres/template'
import { migrate } from '../../prisma/migrate'
import { emptyDatabase, testDb } from '../../tests/database'
import { createDb } from './db.server'
import { waitForInstallation } from './database-start.server'
import { createLog } from './log.server'
import { refusalOf } from '~/database-refusal'

const log = createLog({ level: 'silent', name: 'test' })

/** A server that answers every start of a session with one error, as Postgres and PgBouncer write it. */
async function refusing(code: string, message: string, port = 0) {
  const fields = `SFATAL\0VFATAL\0C${code}\0M${message}\0\0`
  const answer = Buffer.alloc(5 + fields.length)
  answer.write('E')
  answer.writeInt32BE(4 + fields.length, 1)
  answer.write(fields, 5)
  let hear: () => void = () => undefined
  const heard = new Promise<void>((resolve) => (hear = resolve))
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined)
    hear()
    socket.once('data', () => socket.end(answer))
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.address() as net.AddressInfo
  return {
    url: `postgresql://keymint:secret-word@127.0.0.1:${address.port}/keymint`,
    port: address.port,
    /** Somebody has asked. */
    heard,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

test('a wrong password, a pooler that refuses and a missing database are three sentences', async () => {
  const explain = async (code: string, message: string) => {
    await using server = await refusing(code, message)
    const db = createDb(server.url, { max: 1, applicationName: 'test' })
    const viaPrisma = await db.$queryRaw`select 1`.catch((error: unknown) => refusalOf(error))
    await db.$disconnect()
    const thrown = await waitForInstallation(server.url, log, 0).catch((error: unknown) => error)
    const text = (thrown as Error).message
    expect(text).not.toContain('secret-word')
    return [viaPrisma, text]
  }
  expect(await explain('28P01', 'password authentication failed for user "keymint"')).toEqual([
    'password',
    expect.stringContaining('refuses the user or the password'),
  ])
  expect(await explain('08P01', 'unsupported startup parameter: options')).toEqual([
    'pooler',
    expect.stringContaining('ignore_startup_parameters'),
  ])
  expect(await explain('3D000', 'database "keymint" does not exist')).toEqual([
    'no-database',
    expect.stringContaining('no database of that name'),
  ])
})

test('a database that was never migrated says so', async () => {
  const closers: (() => Promise<unknown>)[] = []
  const url = await emptyDatabase({ onClose: (close) => closers.push(close) })
  await expect(waitForInstallation(url, log)).rejects.toThrow('Run: npm run migrate')
  await migrate(url)
  expect(await waitForInstallation(url, log)).toMatch(/^[0-9a-f]{12}$/)
  for (const close of closers) await close()
})

test('a database that is away is waited for, and then told apart from one that never comes', async () => {
  const database = await testDb()
  const probe = await refusing('57P03', 'the database system is starting up')
  const waiting = waitForInstallation(probe.url, log, 20_000)
  // While it waits, the server behind the address becomes the real one.
  await probe.heard
  await probe[Symbol.asyncDispose]()
  const real = new URL(inject('postgresAdminUrl'))
  const relay = net.createServer((socket) => {
    const onward = net.connect(Number(real.port), real.hostname)
    socket.pipe(onward).pipe(socket)
    socket.on('error', () => onward.destroy())
    onward.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => relay.listen(probe.port, '127.0.0.1', resolve))
  // The address that is waited for names another user and database than the real server has.
  await expect(waiting).rejects.toThrow(/no database of that name|refuses the user/)
  const through = new URL(database.url)
  through.port = String(probe.port)
  expect(await waitForInstallation(through.href, log, 0)).toMatch(/^[0-9a-f]{12}$/)
  relay.close()
  await database.drop()
  await expect(
    waitForInstallation(databaseUrlFor('postgresql://x@127.0.0.1:1/x', 'y'), log, 0),
  ).rejects.toThrow('cannot be reached')
})

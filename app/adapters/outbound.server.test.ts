/** Addresses that people type in: where a request may go, also when DNS answers change. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { thisMachine } from '../../tests/this-machine'
import { parseNetwork } from '~/networks'
import { createOutbound, isSpecialAddress, OutboundError, type Outbound } from './outbound.server'

test('every address that the public internet does not route counts as special, in any notation', () => {
  for (const address of [
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    'fc00::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:169.254.169.254',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '::7f00:1',
    'ff02::1',
    'nonsense',
  ]) {
    expect(isSpecialAddress(address), address).toBe(true)
  }
  for (const address of [
    '8.8.8.8',
    '172.15.0.1',
    '172.32.0.1',
    '100.128.0.1',
    '1.1.1.1',
    '2606:4700::1111',
    '2a00:1450::1',
    '::ffff:8.8.8.8',
  ])
    expect(isSpecialAddress(address), address).toBe(false)
})

test('addresses are refused with a code before anything is sent', () => {
  const strict = createOutbound({ networks: [] })
  for (const [address, refusal] of [
    ['nonsense', 'not-an-address'],
    ['ftp://example.org', 'not-https'],
    ['http://example.org', 'not-https'],
    ['https://user:pw@example.org', 'not-plain'],
    ['https://example.org?x=1', 'not-plain'],
    ['https://127.0.0.1', 'private-address'],
    ['https://[::1]:4000', 'private-address'],
    ['https://0x7f.1', 'private-address'],
    ['https://2130706433', 'private-address'],
    ['https://10.0.0.1', 'private-address'],
  ] as const) {
    expect(strict.refusalOf(address), address).toBe(refusal)
  }
  for (const address of ['https://example.org', 'https://example.org/litellm/', 'https://8.8.8.8'])
    expect(strict.refusalOf(address), address).toBeNull()
  const networks = ['10.0.0.0/8', '127.0.0.0/8'].map((text) => parseNetwork(text)!)
  const open = createOutbound({ networks })
  for (const address of ['http://127.0.0.1:4000', 'https://10.0.0.1', 'http://litellm:4000'])
    expect(open.refusalOf(address), address).toBeNull()
  expect(open.refusalOf('http://8.8.8.8')).toBe('not-https')
})

test('a name that resolves to a private address is refused at the connection, and nothing is sent', async () => {
  let requests = 0
  const server = createServer((_request, response) => {
    requests++
    response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(`http://localhost:${(server.address() as AddressInfo).port}/`)
  const error = await createOutbound({ networks: [] })
    .send({ method: 'GET', url, headers: {}, timeoutMs: 2_000 })
    .then(
      () => null,
      (caught: unknown) => caught,
    )
  expect(error).toBeInstanceOf(OutboundError)
  expect(error).toMatchObject({ reason: 'address-refused', sent: false })
  expect(requests).toBe(0)
  expect(
    (
      await createOutbound({ networks: thisMachine }).send({
        method: 'GET',
        url,
        headers: {},
        timeoutMs: 2_000,
      })
    ).text,
  ).toBe('{}')
  await new Promise((resolve) => {
    server.close(resolve)
    server.closeAllConnections()
  })
})

test('before the connection is open nothing was sent; after that it is unknown', async () => {
  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const outbound = createOutbound({ networks: thisMachine })
  const url = new URL(`http://127.0.0.1:${(silent.address() as AddressInfo).port}/`)
  await expect(
    outbound.send({ method: 'POST', url, headers: {}, body: '{}', timeoutMs: 200 }),
  ).rejects.toMatchObject({ reason: 'timeout', sent: true })
  // A server that speaks no TLS: the handshake never ends well.
  await expect(
    outbound.send({
      method: 'POST',
      url: new URL(url.href.replace('http:', 'https:')),
      headers: {},
      body: '{}',
      timeoutMs: 2_000,
    }),
  ).rejects.toMatchObject({ reason: 'unreachable', sent: false })
  await new Promise((resolve) => {
    silent.close(resolve)
    silent.closeAllConnections()
  })
  await expect(
    outbound.send({ method: 'GET', url, headers: {}, timeoutMs: 2_000 }),
  ).rejects.toMatchObject({ reason: 'unreachable', sent: false })
})

test('an answer without an end is cut off', async () => {
  const endless = createServer((_request, response) => {
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
      response.once('drain', more)
    }
    more()
  })
  await new Promise<void>((resolve) => endless.listen(0, '127.0.0.1', resolve))
  const url = new URL(`http://127.0.0.1:${(endless.address() as AddressInfo).port}/`)
  await expect(
    createOutbound({ networks: thisMachine }).send({
      method: 'GET',
      url,
      headers: {},
      timeoutMs: 10_000,
    }),
  ).rejects.toMatchObject({ reason: 'too-long' })
  await new Promise((resolve) => {
    endless.close(resolve)
    endless.closeAllConnections()
  })
})

/** A server that counts what reaches it. */
async function counting(
  answer: (response: ServerResponse) => void = (response) => response.end('{}'),
) {
  const reached: string[] = []
  const server = createServer((request, response) => {
    reached.push(request.url ?? '')
    answer(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    reached,
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const get = (outbound: Outbound, address: string) =>
  outbound.send({ method: 'GET', url: new URL(address), headers: {}, timeoutMs: 2_000 })

test('only listed networks are called, and link-local and metadata addresses never', async () => {
  const all = ['0.0.0.0/0', '::/0'].map((text) => parseNetwork(text)!)
  const everything = createOutbound({ networks: all })
  for (const host of [
    '169.254.169.254',
    '169.254.0.1',
    '[fe80::1]',
    '[::ffff:169.254.169.254]',
    '[64:ff9b::a9fe:a9fe]',
    '[2002:a9fe:a9fe::]',
    '[fd00:ec2::254]',
    '100.100.100.200',
    '168.63.129.16',
    '0.0.0.0',
    '[::]',
    '[::7f00:1]',
    '255.255.255.255',
    '[ff02::1]',
  ]) {
    expect(everything.refusalOf(`http://${host}:4000`), host).not.toBeNull()
    await expect(get(everything, `http://${host}:4000`), host).rejects.toMatchObject({
      reason: 'address-refused',
      sent: false,
    })
  }
  const one = createOutbound({ networks: [parseNetwork('10.20.0.0/16')!] })
  expect(one.refusalOf('http://10.20.3.4:4000')).toBeNull()
  for (const host of ['10.21.0.1', '127.0.0.1', '[::1]', '192.168.0.1'])
    expect(one.refusalOf(`https://${host}:4000`), host).toBe('private-address')
})

test('ports of Keymint and the place of its database are never called, by any name', async () => {
  await using here = await counting()
  const { port } = here
  for (const rules of [
    { ownPorts: [port] },
    { databases: [{ host: '127.0.0.1', port }] },
    { databases: [{ host: 'localhost', port }] },
    { databases: [{ host: 'a-name-that-is-nowhere.invalid', port }] },
  ]) {
    const outbound = createOutbound({ networks: thisMachine, ...rules })
    for (const host of ['127.0.0.1', 'localhost', '127.1', '127.0.0.2'])
      await expect(
        get(outbound, `http://${host}:${port}/`),
        `${host} ${JSON.stringify(rules)}`,
      ).rejects.toMatchObject({ reason: 'address-refused', sent: false })
  }
  expect(here.reached).toEqual([])
  const elsewhere = [{ host: '127.0.0.1', port: port === 5432 ? 5433 : 5432 }]
  const outbound = createOutbound({ networks: thisMachine, ownPorts: [1], databases: elsewhere })
  expect((await get(outbound, `http://127.0.0.1:${port}/`)).status).toBe(200)
})

test('a redirect to a place that is not called is an answer, and is not followed', async () => {
  await using inside = await counting()
  await using outside = await counting((response) =>
    response.writeHead(302, { location: `http://127.0.0.1:${inside.port}/secret` }).end(),
  )
  const outbound = createOutbound({ networks: thisMachine, ownPorts: [inside.port] })
  expect((await get(outbound, `http://127.0.0.1:${outside.port}/`)).status).toBe(302)
  expect(inside.reached).toEqual([])
})

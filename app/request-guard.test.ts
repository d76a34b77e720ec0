/** The guard over real sockets, in front of a handler that reads whatever reaches it. */
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  collectBody,
  isReadable,
  letRoutesDecide,
  maxBodyBytes,
  nameOurselves,
  refuseFormsWhere,
  refuseOddAddress,
  refuseOddMethod,
  requestTimes,
  withBody,
} from './request-guard'

let server: Server
const read: number[] = []
const acted: string[] = []

beforeAll(async () => {
  const app = express()
  app.use(refuseOddAddress, refuseOddMethod)
  app.use(refuseFormsWhere((pathname) => pathname === '/read-only'))
  app.use((_request, response, next) =>
    next(response.set('Cache-Control', 'no-store') && undefined),
  )
  app.use(nameOurselves('https://keys.example.org'), collectBody)
  app.get('/route', letRoutesDecide, (_request, response) => {
    response.append('Set-Cookie', 'a=1')
    response.append('set-cookie', 'b=2')
    response.append('cache-control', 'private')
    response.send('')
  })
  // Acts without reading, as a handler may.
  app.use((request, response) => {
    acted.push(request.originalUrl)
    const { body } = response.locals as { body: Buffer }
    const whole = withBody(request, body)
    let bytes = 0
    whole.on('data', (chunk: Buffer) => (bytes += chunk.length))
    whole.on('end', () => {
      read.push(bytes)
      response.send(`${whole.method} ${whole.get('host')}`)
    })
  })
  const times = { ...requestTimes, headersTimeout: 300, requestTimeout: 600 }
  server = createServer({ ...times, connectionsCheckingInterval: 50 }, app).listen(0)
  await new Promise((resolve) => server.once('listening', resolve))
})
afterAll(() => server.close())

const port = () => (server.address() as AddressInfo).port

/** Sends raw text, more of it every 20 ms if asked, and returns all that came back. */
function raw(first: string, more?: () => string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port(), '127.0.0.1')
    let answer = ''
    const timer = more && setInterval(() => socket.writable && socket.write(more()), 20)
    socket.on('data', (chunk) => (answer += chunk.toString()))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearInterval(timer)
      resolve(answer)
    })
    socket.write(first)
  })
}

const head = (line: string, ...headers: string[]) =>
  [`${line} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers, '', ''].join('\r\n')

test.each(['/ok?q=50%25', '/%E2%82%AC', '/a+b', '/w/a%2Fb', '/?x=%F0%9F%94%91'])(
  '%s is an address',
  (target) => expect(isReadable(target)).toBe(true),
)

test.each([
  '//',
  '//evil.example/x',
  '/%00',
  '/?q=%00',
  '/%',
  '/%zz',
  '/%ED%A0%80',
  '/?a=%c3',
  '*',
])('%s is refused with a sentence, before anything reads it', async (target) => {
  const answer = await raw(head(`GET ${target}`))
  expect(answer).toMatch(/^HTTP\/1\.1 400 /)
  expect(answer).toContain('Check it for typing errors.')
})

test('a form of 64 KB is read, and one byte more is not', async () => {
  read.length = 0
  const post = (length: number) => head('POST /', `Content-Length: ${length}`)
  expect(await raw(post(maxBodyBytes) + 'a'.repeat(maxBodyBytes))).toMatch(/^HTTP\/1\.1 200 /)
  expect(await raw(post(maxBodyBytes + 1))).toMatch(/^HTTP\/1\.1 413 /)
  expect(read).toEqual([maxBodyBytes])
})

test('a body without a length that never ends is cut off at 64 KB', async () => {
  read.length = 0
  acted.length = 0
  const chunk = `4000\r\n${'a'.repeat(0x4000)}\r\n`
  const answer = await raw(head('POST /', 'Transfer-Encoding: chunked'), () => chunk)
  expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  expect(answer).toContain('Send at most 64 KB.')
  expect([read, acted]).toEqual([[], []])
})

test.each([65_540, 70_000, 131_000, 1_000_000])(
  'a body of %i bytes in chunks is refused, and nothing acts on a part of it',
  async (length) => {
    acted.length = 0
    const chunks = `${length.toString(16)}\r\n${'a'.repeat(length)}\r\n0\r\n\r\n`
    expect(await raw(head('POST /', 'Transfer-Encoding: chunked') + chunks)).toMatch(
      /^HTTP\/1\.1 413 |^$/,
    )
    expect(acted).toEqual([])
  },
)

test('a sender who hangs up in the middle of a form has done nothing', async () => {
  acted.length = 0
  const socket = connect(port(), '127.0.0.1')
  socket.write(`${head('POST /', 'Content-Length: 100')}intent=delete`)
  await sleep(30)
  socket.destroy()
  await sleep(30)
  expect(acted).toEqual([])
})

test.each(['[', 'a b', 'localhost:999999', 'evil.example'])(
  'a request to the host "%s" is told by our own',
  async (host) => {
    const answer = await raw(
      ['GET / HTTP/1.1', `Host: ${host}`, 'X-Forwarded-Host: [', 'Connection: close', '', ''].join(
        '\r\n',
      ),
    )
    expect(answer).toContain('GET keys.example.org')
  },
)

test.each(['TRACE', 'OPTIONS', 'PROPFIND', 'QUERY', 'LOCK'])(
  'the method %s is refused with a sentence, and nothing acts',
  async (method) => {
    acted.length = 0
    const answer = await raw(head(`${method} /`, 'Content-Length: 0'))
    expect(answer).toMatch(/^HTTP\/1\.1 405 [^]*Allow: GET, HEAD, POST[^]*Nothing has changed/)
    expect(acted).toEqual([])
  },
)

test('a form for an address that only gives something out is refused, reading it is not', async () => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
    expect(await raw(head(`${method} /read-only`, 'Content-Length: 0'))).toMatch(
      /^HTTP\/1\.1 405 [^]*Allow: GET, HEAD\r\n/,
    )
  expect(await raw(head('GET /read-only'))).toMatch(/^HTTP\/1\.1 200 /)
})

test('a header of a route counts in the place of the one before it, cookies add up', async () => {
  const answer = await raw(head('GET /route'))
  const lines = answer.split('\r\n').map((line) => line.toLowerCase())
  expect(lines.filter((line) => line.startsWith('cache-control'))).toEqual([
    'cache-control: private',
  ])
  expect(lines.filter((line) => line.startsWith('set-cookie'))).toHaveLength(2)
})

test('headers and bodies that drip are ended by a deadline', async () => {
  expect(await raw('GET / HTTP/1.1\r\n', () => 'a: b\r\n')).toMatch(/^HTTP\/1\.1 408 /)
  expect(await raw(head('POST /', 'Content-Length: 1000'), () => 'a')).toMatch(/^HTTP\/1\.1 408 /)
  expect(read.filter((bytes) => bytes === 1000)).toEqual([])
})

test('a form of a page that sends no referrer is ours, and any other origin stays what it is', () => {
  const originOf = (origin: string | undefined) => {
    const request = { headers: { host: 'elsewhere', origin } }
    nameOurselves('https://keys.example.org')(request as never, {} as never, () => undefined)
    return request.headers.origin
  }
  expect(originOf('null')).toBe('https://keys.example.org')
  expect(originOf('https://other.example')).toBe('https://other.example')
  expect(originOf(undefined)).toBeUndefined()
})

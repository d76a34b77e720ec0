/** `npm run doctor -- --url`, against servers with what a proxy can do to Keymint. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http, {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { lookFromOutside, placeOf } from '~/domain/operations/outside.server'
import type { OutsideReport } from '~/domain/operations/outside-finding'
import { outsideMessage } from '~/messages/outside'
import { certificateUntil } from '../../tests/certificate'
import { freePort } from '../../simulators/free-port'
import { parseOrigin } from './doctor-outside'

type Answer = { status: number; headers: OutgoingHttpHeaders; text: string }
/** What stands in between, and does this to an answer. */
type Between = (answer: Answer, request: IncomingMessage) => void
type Site = { origin: string; cert: string; [Symbol.asyncDispose]: () => Promise<void> }

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000)

/** As Keymint answers (app/server.ts; e2e/doctor.spec.ts looks at the real one). */
function ours(request: IncomingMessage, origin: string): Answer {
  const { pathname } = new URL(request.url ?? '/', origin)
  const nonce = randomUUID()
  const headers: OutgoingHttpHeaders = {
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    'content-security-policy': `script-src 'strict-dynamic' 'nonce-${nonce}';frame-ancestors 'none';base-uri 'none'`,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'strict-origin-when-cross-origin',
    'x-request-id': randomUUID(),
    'cache-control': 'no-store',
  }
  if (pathname === '/healthz')
    return {
      status: 200,
      headers: { ...headers, 'keymint-client-address': '127.0.0.1' },
      text: 'ok',
    }
  if (pathname === '/readyz') return { status: 200, headers, text: '{"ready":true}' }
  if (pathname === '/me') return { status: 302, headers: { ...headers, location: '/' }, text: '' }
  const provider = /^\/auth\/(\w+)$/.exec(pathname)?.[1]
  if (!provider)
    return { status: 200, headers, text: `<script nonce="${nonce}">1</script><p>Keymint</p>` }
  if (request.method !== 'POST' || request.headers['sec-fetch-site'] !== 'same-origin')
    return { status: 403, headers, text: 'This request came from another site.' }
  const to = new URL(`https://${provider}.example/authorize`)
  to.searchParams.set('redirect_uri', `${origin}/auth/${provider}/callback`)
  const cookie = `__Host-oauth-${provider}-1=a; Path=/; HttpOnly; Secure; SameSite=Lax`
  return {
    status: 302,
    headers: { ...headers, location: to.href, 'set-cookie': [cookie] },
    text: '',
  }
}

async function site(between: Between = () => undefined, endsAt = inDays(90)): Promise<Site> {
  const { key, cert } = certificateUntil(endsAt)
  let origin = ''
  const server = https.createServer({ key, cert }, (request, response) => {
    const answer = ours(request, origin)
    between(answer, request)
    response.writeHead(answer.status, answer.headers).end(answer.text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `https://localhost:${(server.address() as AddressInfo).port}`
  return {
    origin,
    cert,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** In a process of its own, without any variable but the one that trusts the certificate. */
async function doctor({ origin, cert }: Pick<Site, 'origin' | 'cert'>, ...more: string[]) {
  const folder = await mkdtemp(path.join(tmpdir(), 'keymint-outside-'))
  const file = path.join(folder, 'ca.pem')
  await writeFile(file, cert)
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'app/cli/doctor.ts', '--url', origin, ...more],
    {
      env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: file, NODE_ENV: 'test' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  await rm(folder, { recursive: true })
  return { code, out, err }
}

/** Here, where the certificate is not trusted. */
const look = ({ origin }: Site, plainOrigin: URL | null = null) =>
  lookFromOutside({ ...placeOf(new URL(origin)), plainOrigin }, new Date())
const codesOf = ({ checks }: OutsideReport, name: string) =>
  checks
    .find((check) => check.name === name)
    ?.findings.map(({ code, severity }) => `${severity} ${code}`)

test('a sound site is ready, as text and as JSON, without any environment', async () => {
  await using server = await site()
  const { code, out, err } = await doctor(server)
  expect([code, err], out).toEqual([0, ''])
  expect(out).toMatch(/^Keymint at https:\/\/localhost:\d+, as a visitor sees it\n/)
  expect(out).toMatch(
    /certificate +The certificate is good for another (89|90) days \(TLSv1\.3\)\./,
  )
  expect(out).toContain(`${server.origin}/auth/google/callback`)
  expect(out).toMatch(/\nReady\.\n$/)
  const json = await doctor(server, '--json')
  const report = JSON.parse(json.out) as OutsideReport
  expect([json.code, report.severity, report.origin]).toEqual([0, 'ok', server.origin])
  expect(report.checks.map(({ name, severity }) => `${name} ${severity}`)).toEqual([
    'reach ok',
    'certificate ok',
    'redirect skipped',
    'headers ok',
    'caching ok',
    'ready ok',
    'sign-in ok',
    'client-address ok',
    'clock ok',
  ])
})

test('a certificate that nobody trusts, that ends soon, or has ended', async () => {
  await using server = await site()
  expect(codesOf(await look(server), 'certificate')).toEqual(['error certificate-refused'])
  await using soon = await site(undefined, inDays(15))
  expect((await doctor(soon)).out).toMatch(/WARN +certificate +The certificate ends in 1[45] days/)
  await using ended = await site(undefined, inDays(-1))
  const { code, out } = await doctor(ended)
  expect(code).toBe(1)
  expect(out).toContain('Browsers refuse the certificate: it has expired.')
})

const header = (name: string, value: string | string[] | undefined): Between => {
  return ({ headers }) => {
    if (value === undefined) delete headers[name]
    else headers[name] = value
  }
}
const onPage = (change: Between): Between => {
  return (answer, request) => {
    if (request.url === '/') change(answer, request)
  }
}
const onSignIn = (change: (answer: Answer) => void): Between => {
  return (answer, request) => {
    if (request.url === '/auth/github') change(answer)
  }
}

const cases: [name: string, between: Between, check: string, codes: string[]][] = [
  ['no HSTS', header('strict-transport-security', undefined), 'headers', ['error headers-missing']],
  [
    'short HSTS',
    header('strict-transport-security', 'max-age=60'),
    'headers',
    ['warning hsts-short'],
  ],
  [
    'the proxy adds a second referrer policy',
    header('referrer-policy', ['no-referrer', 'same-origin']),
    'headers',
    ['warning headers-twice'],
  ],
  [
    'the proxy has a policy of its own',
    header('content-security-policy', "script-src 'self' 'unsafe-inline'"),
    'headers',
    ['error policy-changed'],
  ],
  [
    'the proxy adds a script',
    onPage((answer) => void (answer.text += '<script src="/beacon.js"></script>')),
    'headers',
    ['warning scripts-added'],
  ],
  [
    'a cache says that it answered',
    header('cf-cache-status', 'HIT'),
    'caching',
    ['error kept-between'],
  ],
  [
    'a cache answers and says nothing',
    header('x-request-id', 'the-same'),
    'caching',
    ['error kept-between'],
  ],
  [
    'pages may be kept',
    header('cache-control', 'public, max-age=60'),
    'caching',
    ['error may-be-kept'],
  ],
  [
    'no worker',
    (answer, request) => {
      if (request.url !== '/readyz') return
      answer.status = 503
      answer.text = '{"ready":false,"database":true,"migrated":true,"workerSeenSecondsAgo":null}'
    },
    'ready',
    ['error not-ready'],
  ],
  [
    'APP_ORIGIN is another address',
    onSignIn(({ headers }) => {
      headers.location = 'https://github.example/?redirect_uri=https%3A%2F%2Fold.example%2Fauth'
    }),
    'sign-in',
    ['error redirect-address'],
  ],
  [
    'the proxy takes the flags off cookies',
    onSignIn(({ headers }) => void (headers['set-cookie'] = ['oauth=a; Path=/; SameSite=Lax'])),
    'sign-in',
    ['error cookie-flags'],
  ],
  [
    'sign-in is refused',
    onSignIn((answer) => void (answer.status = 403)),
    'sign-in',
    ['error sign-in-fails'],
  ],
  [
    'too many sign-ins',
    onSignIn((answer) => void (answer.status = 429)),
    'sign-in',
    ['warning sign-in-limited'],
  ],
  [
    'the address is taken from the visitor',
    ({ headers }, request) => {
      const told = request.headers['x-forwarded-for']
      if (told) headers['keymint-client-address'] = told
    },
    'client-address',
    ['error address-as-told'],
  ],
  [
    'an older Keymint',
    header('keymint-client-address', undefined),
    'client-address',
    ['skipped address-unknown'],
  ],
  [
    'a clock ten seconds off',
    header('date', new Date(Date.now() - 12_000).toUTCString()),
    'clock',
    ['warning clock-differs'],
  ],
  [
    'a clock two hours off',
    header('date', new Date(Date.now() + 7_200_000).toUTCString()),
    'clock',
    ['error clock-differs'],
  ],
]

test.for(cases)('%s', async ([, between, check, codes]) => {
  await using server = await site(between)
  const report = await look(server)
  expect(codesOf(report, check)).toEqual(codes)
  for (const { severity, findings } of report.checks) {
    const { sentence, remedy } = outsideMessage(findings)
    expect(sentence).toMatch(/^\S.*\.$/)
    if (severity === 'warning' || severity === 'error') expect(remedy).toMatch(/\.$/)
  }
})

test('plain http leads to https, leads away, serves pages, or is silent', async () => {
  await using server = await site()
  const answerWith = async (answer: (response: ServerResponse) => void) => {
    const plain = http.createServer((_request, response) => answer(response))
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
    const { port } = plain.address() as AddressInfo
    const report = await look(server, new URL(`http://127.0.0.1:${port}`))
    plain.close()
    return codesOf(report, 'redirect')
  }
  const to = (location: string) => (response: ServerResponse) =>
    void response.writeHead(308, { location }).end()
  expect(await answerWith(to(`${server.origin}/sign-in`))).toEqual(['ok https-ok'])
  expect(await answerWith(to('https://elsewhere.example/'))).toEqual(['warning redirect-elsewhere'])
  expect(await answerWith((response) => void response.end('ok'))).toEqual(['error in-the-clear'])
  const silent = await look(server, new URL(`http://127.0.0.1:${await freePort()}`))
  expect(codesOf(silent, 'redirect')).toEqual(['warning no-http'])
  expect(placeOf(new URL('https://keymint.example.org')).plainOrigin?.href).toBe(
    'http://keymint.example.org/',
  )
})

test('nothing there, or something else: it ends with 1, and the rest is not checked', async () => {
  const gone = await doctor({ origin: `http://localhost:${await freePort()}`, cert: '' })
  expect(gone.code).toBe(1)
  expect(gone.out).toContain('/healthz gave no answer: nothing listens there.')
  await using other = await site((answer) => void (answer.text = 'Welcome to nginx'))
  const { code, out } = await doctor(other)
  expect(code).toBe(1)
  expect(out).toMatch(/FAIL +reach +\/healthz answered 200, and not as Keymint does\./)
  expect(out).toMatch(/Not ready: reach\.\n$/)
})

test('an address with a path, a name, or of another kind ends it with 2', async () => {
  for (const text of [
    'keymint',
    'https://a.example/admin',
    'https://me:pw@a.example',
    'ftp://a.example',
  ])
    expect(parseOrigin(text), text).toBeNull()
  expect(parseOrigin('https://a.example')?.origin).toBe('https://a.example')
  expect((await doctor({ origin: 'https://a.example/x', cert: '' })).code).toBe(2)
})

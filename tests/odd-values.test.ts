/**
 * Odd values in every path parameter, query parameter and form field of every route, as everybody:
 * no answer is our fault, no process ends, and nothing comes back unescaped. Against the built web
 * process; an answer of 429 counts as not tried.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDb, type Db } from '~/adapters/db.server'
import { startAppProcess, type AppProcess } from '../simulators/app-process'
import { buildOnce } from '../simulators/build-once'
import { freePort } from '../simulators/free-port'
import { githubPeople } from '../simulators/identity/people'
import { cloneDatabase } from '../simulators/postgres/template'
import { startWorld } from '../simulators/world'
import { templateOfRun } from './database'
import { echoes, fill, oddValues, placesOf, type Manifest, type Place } from './odd-values'
import { mulberry32 } from './rng'
import { rounds } from './rounds'

const roles = ['stranger', 'attendee', 'viewer', 'admin', 'member', 'owner'] as const
type Role = (typeof roles)[number]
const plain = githubPeople.filter(({ note }) => !note).map(({ login }) => login)
const logins: Record<Exclude<Role, 'stranger'>, string> = {
  attendee: plain[41]!,
  viewer: 'viewer',
  admin: 'admin',
  member: plain[42]!,
  owner: plain[43]!,
}
const slug = 'odd-room'
const team = 'odd-team'

const closers: (() => Promise<unknown> | void)[] = []
let origin = ''
let db: Db
let web: AppProcess
const cookies: Partial<Record<Role, string>> = {}
const facts: Record<string, string> = {}

afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

beforeAll(async () => {
  await buildOnce()
  const { adminUrl, template } = templateOfRun()
  const database = await cloneDatabase(adminUrl, template)
  closers.push(() => database.drop())
  db = createDb(database.url, { max: 3, applicationName: 'odd-values' })
  closers.push(() => db.$disconnect())
  const folder = mkdtempSync(path.join(tmpdir(), 'keymint-odd-'))
  closers.push(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(path.join(folder, `${slug}.yaml`), workshopFile)
  const port = await freePort()
  origin = `http://localhost:${port}`
  const world = await startWorld({ appOrigins: [origin], databaseUrl: adminUrl })
  closers.push(() => world.stop())
  web = startAppProcess({
    name: 'web',
    entry: 'build/node/server.js',
    logFile: path.join(folder, 'web.log'),
    env: {
      PATH: process.env.PATH ?? '',
      ...world.environment(origin),
      DATABASE_URL: database.url,
      NODE_ENV: 'production',
      PORT: String(port),
      SESSION_SECRET: randomBytes(32).toString('base64url'),
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      PROVISIONING_ENABLED: 'true',
      WORKSHOPS_DIR: folder,
    },
  })
  closers.push(() => web.stop())
  let ended = false
  void web.exited.then(() => (ended = true))
  while (
    !(await fetch(`${origin}/healthz`).then(
      (answer) => answer.ok,
      () => false,
    ))
  ) {
    if (ended) throw new Error(readFileSync(web.logFile, 'utf8').slice(-2_000))
    await sleep(50)
  }
  await signInAll()
  await makeFacts(world.openrouter.managementKey)
}, 300_000)

const workshopFile = `title: A workshop for odd values
claims_open_at: 2026-01-15T09:00:00Z
claims_close_at: 2099-12-31T18:00:00Z
providers: [github, google]
timezone: Europe/Berlin
organizer: Hosts <hosts@example.org>
allowed_models: [openai/gpt-5-nano]
limit_usd: 6
key_limit_usd: 0.06
key_expires_in: 2d
roster: [nobody-of-these]
room_code: rotating
ask_for_more: true
`

async function signInAll(): Promise<void> {
  for (const [role, login] of Object.entries(logins) as [Role, string][])
    cookies[role] = await signIn(login)
}

/** The round trip to the provider and back; the cookie of the session. */
async function signIn(login: string): Promise<string> {
  const start = await send('POST', '/auth/github', null, 'returnTo=/')
  const authorize = new URL(start.headers.get('location') ?? '')
  const chosen = await fetch(new URL('/login/oauth/callback', authorize), {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ ...Object.fromEntries(authorize.searchParams), login }),
  })
  const back = await fetch(chosen.headers.get('location') ?? '', {
    redirect: 'manual',
    headers: { cookie: cookieOf(start) },
  })
  const cookie = back.headers.getSetCookie().find((line) => line.startsWith('session='))
  if (!cookie) throw new Error(`${login} could not sign in: ${back.headers.get('location')}`)
  return cookie.split(';')[0] ?? ''
}

const cookieOf = (answer: Response) =>
  answer.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')

function send(
  method: 'GET' | 'POST',
  target: string,
  role: Role | null,
  body?: string,
): Promise<Response> {
  const cookie = role === null ? undefined : cookies[role]
  return fetch(`${origin}${target}`, {
    method,
    redirect: 'manual',
    headers: {
      origin,
      ...(cookie ? { cookie } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    },
    ...(body === undefined ? {} : { body }),
  })
}

/** Something behind each kind of id, so that an odd value elsewhere is looked at. */
async function makeFacts(managementKey: string): Promise<void> {
  const post = async (target: string, role: Role, fields: Record<string, string>) => {
    const answer = await send('POST', target, role, new URLSearchParams(fields).toString())
    expect([answer.status, target]).toEqual([expect.toSatisfy(isRedirect), target])
    return answer.headers.get('location') ?? ''
  }
  // The others are refused by the rules of entry, and may ask.
  await db.$executeRaw`
    insert into keymint.access_grants (workshop_slug, kind, mark, granted_by)
    values (${slug}, 'login', ${logins.attendee.toLowerCase()}, 'github:staff')`
  await post(`/w/${slug}/claim?index`, 'attendee', {})
  await post('/t/new', 'owner', { name: 'Odd values', slug: team })
  await db.$executeRaw`
    insert into keymint.team_members (team_id, user_id, role)
    select t.id, i.user_id, 'member' from keymint.teams t cross join keymint.identities i
    where t.slug = ${team} and i.login = ${logins.member}`
  await post(`/t/${team}/vault`, 'owner', {
    intent: 'deposit',
    service: 'openrouter',
    secret: managementKey,
  })
  const claim = await db.workshopAttendance.findFirstOrThrow()
  const { masterKeyId, memberId } = await ids()
  Object.assign(facts, {
    workshop: slug,
    team,
    claim: claim.claimId,
    bulk: claim.claimId,
    job: claim.claimId,
    key: claim.claimId,
    member: encodeURIComponent(memberId),
    token: 'nobody-has-made-this',
    provider: 'github',
    id: masterKeyId,
    masterKeyId,
    claimId: claim.claimId,
    userId: memberId,
    cap: '1',
    amount: '1',
    reason: 'a test',
  })
}

async function ids(): Promise<{ masterKeyId: string; memberId: string }> {
  const masterKey = await db.masterKey.findFirstOrThrow()
  const member = await db.identity.findFirstOrThrow({ where: { login: logins.member } })
  return { masterKeyId: masterKey.id, memberId: member.userId }
}

const isRedirect = (status: number) => status >= 300 && status < 400

type Try = { method: 'GET' | 'POST'; target: string; body?: string; what: string }

/** Every way in which one value can be given to one place. */
function triesOf(place: Place, name: string, value: string): Try[] {
  const address = fill(place.pattern, facts)
  const tries: Try[] = []
  for (const param of place.params) {
    const target = fill(place.pattern, { ...facts, [param]: value })
    // An empty parameter is another address.
    if (value === '') continue
    if (place.reads) tries.push({ method: 'GET', target, what: `:${param} = ${name}` })
    if (place.acts)
      tries.push({ method: 'POST', target, body: 'intent=x', what: `post :${param} = ${name}` })
  }
  for (const field of place.names) {
    // Node ends headers that are longer than 16 KB itself.
    const inQuery = value.slice(0, 6_000).replace(/%[0-9A-F]?$/, '')
    if (place.reads)
      tries.push({
        method: 'GET',
        target: `${address}?${field}=${inQuery}&${field}=${inQuery.slice(0, 100)}`,
        what: `?${field} = ${name}`,
      })
    if (!place.acts) continue
    const others = place.names
      .filter((other) => other !== field && other !== 'intent')
      .map((other) => `${other}=${facts[other] ?? ''}`)
    const intents = field === 'intent' || place.intents.length === 0 ? [''] : place.intents
    for (const intent of intents)
      tries.push({
        method: 'POST',
        target: place.index ? `${address}?index` : address,
        body: [`${field}=${value}`, ...(intent ? [`intent=${intent}`] : []), ...others].join('&'),
        what: `post ${field} = ${name}${intent ? ` (${intent})` : ''}`,
      })
  }
  return tries
}

/** What ends the person who tries, or takes a minute, is left to tests of its own. */
const leftOut = ['routes/sign-out', 'routes/admin.doctor']
/** A stranger and an attendee are turned away before most values are read: a part of them is enough. */
const seldom: readonly Role[] = ['stranger', 'attendee', 'viewer', 'member']

test('bodies that never come hold no place in the line of pages', async () => {
  const { port } = new URL(origin)
  const sockets = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const socket = connect(Number(port), 'localhost')
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nx')
      return socket
    }),
  )
  await sleep(300)
  const answer = await fetch(`${origin}/`, { signal: AbortSignal.timeout(6_000) })
  expect(answer.status).toBe(200)
  for (const socket of sockets) socket.destroy()
}, 30_000)

test('odd values anywhere, as anybody: no fault of ours, nothing unescaped, and nobody falls over', async () => {
  const file = pathToFileURL(path.resolve('build/web/server/index.js')).href
  const manifest = (await import(/* @vite-ignore */ file)) as Manifest
  const places = placesOf(manifest).filter(({ id }) => !leftOut.includes(id))
  expect(places.length).toBeGreaterThan(35)
  const next = mulberry32(20_261_128)
  const wrong: string[] = []
  // The whole is a share of all pairs already: each field of a form comes with each of its intents.
  const share = rounds(1_000) / 10_000
  const counted = { tried: 0, notTried: 0 }
  let ended = false
  void web.exited.then(() => (ended = true))
  for (const place of places) {
    await signInAll()
    for (const [name, value] of Object.entries(oddValues))
      for (const role of roles)
        for (const one of triesOf(place, name, value)) {
          if (next() >= share * (seldom.includes(role) ? 0.1 : 1)) continue
          if (ended) throw new Error(`the process ended before ${place.id} ${one.what}`)
          const problem = await attempt(one, role, counted)
          if (problem) wrong.push(`${place.id} as ${role}, ${one.what}: ${problem}`)
        }
  }
  process.stdout.write(`odd values: ${counted.tried} tried, ${counted.notTried} answered by 429\n`)
  expect(wrong.slice(0, 40)).toEqual([])
  expect(ended).toBe(false)
  expect(await fetch(`${origin}/healthz`).then((answer) => answer.status)).toBe(200)
}, 3_600_000)

async function attempt(
  one: Try,
  role: Role,
  counted: { tried: number; notTried: number },
): Promise<string | null> {
  for (let tries = 0; tries < 2; tries++) {
    const answer = await send(one.method, one.target, role, one.body).catch((error: unknown) =>
      error instanceof Error ? error : new Error(String(error)),
    )
    if (answer instanceof Error) return `no answer (${inspect(answer.cause ?? answer.message)})`
    const text = await answer.text()
    if (answer.status === 429) {
      await db.$executeRaw`delete from keymint.rate_limits`
      continue
    }
    counted.tried++
    if (answer.status >= 500) return `${answer.status} ${text.slice(0, 100)}`
    if (answer.headers.has('x-odd')) return 'a header of its own'
    const isPage = (answer.headers.get('content-type') ?? '').startsWith('text/html')
    // A script holds its data as JSON, where only what ends the script matters.
    const markup = text.replace(/<script\b[^>]*>.*?<\/script>/gs, '')
    const echo = isPage ? echoes.find((value) => markup.includes(value)) : undefined
    return echo ? `holds ${echo}` : null
  }
  counted.notTried++
  return null
}

import { afterAll, expect, test } from 'vitest'
import { createDb } from '~/adapters/db.server'
import { type AuthSetup, createAuthSetup } from '~/adapters/identity-providers.server'
import type { Provider } from '~/adapters/identity-provider'
import { CookieJar, startStandIns, type StandIns } from '../../tests/identity-stand-ins'
import { createLog } from '~/adapters/log.server'
import { createLimits } from '~/adapters/rate-limits.server'
import type { Settings } from '~/domain/ctx'
import { testDb } from '../../tests/test-database'
import { startIdentity } from '../../simulators/identity/server'
import {
  getViewer,
  getViewerOrOutage,
  requireAdmin,
  requireStaff,
  requireViewer,
  signOut,
} from './session.server'
import { finishSignIn, startSignIn } from './sign-in.server'

const database = await testDb()
const closing: (() => Promise<unknown>)[] = [() => database.drop()]
afterAll(async () => {
  await Promise.all(closing.map((close) => close()))
})

let serial = 5000

async function world(
  options: { appOrigin?: string; settings?: Partial<Settings>; db?: typeof database.db } = {},
) {
  const appOrigin = options.appOrigin ?? 'http://localhost:3000'
  const standIns = await startStandIns({ appOrigin })
  closing.push(() => standIns.close())
  const id = serial++
  standIns.gitHubUser.id = id
  standIns.gitHubEmails = [{ email: `flow${id}@example.org`, primary: true, verified: true }]
  Object.assign(standIns.googleClaims, { sub: String(id), email: `flow${id}@gmail.com` })
  const auth = createAuthSetup(standIns.config)
  return {
    standIns,
    auth,
    ...flow(auth, { appOrigin, settings: options.settings, db: options.db }),
  }
}

function flow(
  auth: AuthSetup,
  options: { appOrigin: string; settings?: Partial<Settings>; db?: typeof database.db },
) {
  const lines: string[] = []
  const settings = {
    provisioningEnabled: true,
    maxTotalKeys: 0,
    adminEmails: [],
    adminGithubIds: [],
    viewerEmails: [],
    providerBaseUrl: 'https://openrouter.ai/api/v1',
    retentionDays: null,
    ...options.settings,
  }
  const ctx = {
    db: options.db ?? database.db,
    limits: createLimits(options.db ?? database.db),
    settings,
    log: createLog({
      level: 'info',
      name: 'test',
      destination: { write: (line) => lines.push(line) },
    }),
  }
  const jar = new CookieJar()
  const start = async (provider: Provider, returnTo: unknown = '/', from = jar) =>
    from.take(
      await startSignIn({
        request: from.request(`${options.appOrigin}/auth/${provider}`),
        auth,
        provider,
        returnTo,
      }),
    )
  const finish = async (provider: Provider, url: URL | string, from = jar) =>
    from.take(
      await finishSignIn({
        request: from.request(new URL(url, options.appOrigin), { 'User-Agent': 'test' }),
        ctx,
        auth,
        provider,
        requestId: 'r-1',
      }),
    )
  const signIn = async (standIns: StandIns, provider: Provider, returnTo: unknown = '/') =>
    finish(
      provider,
      standIns.consent((await start(provider, returnTo)).headers.get('Location') ?? ''),
    )
  const args = (path = '/me', init: RequestInit = {}, from = jar) => {
    const request = from.request(options.appOrigin + path)
    return {
      ctx,
      auth,
      request: new Request(request, {
        ...init,
        headers: {
          ...Object.fromEntries(request.headers),
          ...Object.fromEntries(new Headers(init.headers)),
        },
      }),
    }
  }
  return { ctx, jar, lines, start, finish, signIn, args }
}

const where = (response: Response) => `${response.status} ${response.headers.get('Location')}`
const thrown = async (attempt: Promise<unknown>): Promise<Response> => {
  const error = await attempt.then(
    () => new Error('let through'),
    (caught: unknown) => caught,
  )
  if (error instanceof Response) return error
  throw error
}

test.each(['github', 'google'] as const)(
  '%s: signed in, back where one was going, and only the session cookie is left',
  async (provider) => {
    const { standIns, signIn, jar, args } = await world()
    const response = await signIn(standIns, provider, '/w/duckdb?x=1')
    expect(where(response)).toBe('303 /w/duckdb?x=1')
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect([...jar.cookies.keys()]).toEqual(['session'])
    expect(await getViewer(args())).toMatchObject({
      userId: `${provider}:${serial - 1}`,
      provider,
      role: 'attendee',
    })
  },
)

test('over https every cookie is __Host-, Secure, HttpOnly, Lax and for the whole site', async () => {
  const { standIns, start, finish } = await world({ appOrigin: 'https://keys.example.org' })
  const started = await start('github')
  const finished = await finish('github', standIns.consent(started.headers.get('Location') ?? ''))
  const cookies = [...started.headers.getSetCookie(), ...finished.headers.getSetCookie()]
  expect(cookies.length).toBe(5)
  for (const cookie of cookies) {
    expect(cookie).toMatch(/^__Host-/)
    for (const attribute of ['Secure', 'HttpOnly', 'SameSite=Lax', 'Path=/'])
      expect(cookie.split('; ')).toContain(attribute)
    expect(cookie).not.toContain('Domain')
  }
  expect(
    finished.headers.getSetCookie().find((cookie) => cookie.startsWith('__Host-session=')),
  ).toContain('Max-Age=2592000')
})

test.each(['//evil.test', 'https://evil.test', '/\\evil.test', '/%2e//', undefined, null])(
  'a returnTo of %j ends at the start page',
  async (returnTo) => {
    const { standIns, signIn } = await world()
    expect(where(await signIn(standIns, 'github', returnTo))).toBe('303 /')
  },
)

test('a returnTo cookie that we did not sign is not followed', async () => {
  const { standIns, start, finish, jar } = await world()
  const back = standIns.consent((await start('github', '/me')).headers.get('Location') ?? '')
  const name = [...jar.cookies.keys()].find((key) => key.startsWith('oauth-return-')) ?? ''
  jar.cookies.set(name, `${Buffer.from('"/admin"').toString('base64')}.c2lnbmF0dXJl`)
  expect(where(await finish('github', back))).toBe('303 /')
})

test('two tabs on their way to two workshops each arrive at their own', async () => {
  const { standIns, start, finish } = await world()
  const one = standIns.consent((await start('github', '/w/one')).headers.get('Location') ?? '')
  const two = standIns.consent((await start('google', '/w/two')).headers.get('Location') ?? '')
  expect(where(await finish('github', one))).toBe('303 /w/one')
  expect(where(await finish('google', two))).toBe('303 /w/two')
})

test('a fresh token at every sign-in; the session that this browser had, or was given, is over', async () => {
  const { standIns, signIn, jar, args } = await world()
  await signIn(standIns, 'github')
  const planted = new CookieJar()
  planted.cookies.set('session', jar.cookies.get('session') ?? '')
  await signIn(standIns, 'github')
  expect(jar.cookies.get('session')).not.toBe(planted.cookies.get('session'))
  expect(await getViewer(args('/me', {}, planted))).toBeNull()
  expect(await getViewer(args())).not.toBeNull()
})

test('signed in with Google, adding GitHub with the same verified address links the two', async () => {
  const { standIns, signIn, args } = await world()
  standIns.gitHubEmails = [{ email: standIns.googleClaims.email, primary: true, verified: true }]
  await signIn(standIns, 'google')
  await signIn(standIns, 'github')
  const viewer = await getViewer(args())
  expect(viewer).toMatchObject({
    userId: `google:${serial - 1}`,
    provider: 'github',
    githubIds: [String(serial - 1)],
  })
})

test('no verified email, and a ban, keep nobody from signing in', async () => {
  const { standIns, signIn, args, ctx } = await world()
  standIns.gitHubEmails = []
  expect(where(await signIn(standIns, 'github'))).toBe('303 /')
  const viewer = await getViewer(args())
  expect(viewer).toMatchObject({ email: null, banned: null })
  await ctx.db.attendee.update({
    where: { userId: viewer?.userId ?? '' },
    data: { bannedAt: new Date() },
  })
  expect(where(await signIn(standIns, 'github'))).toBe('303 /')
  expect(await getViewer(args())).toMatchObject({ banned: { reason: null } })
})

test('every failure ends on the sign-in page with its reason and the way back, without a session or a trace of the attempt', async () => {
  const cases: [string, (standIns: StandIns, back: URL) => void][] = [
    [
      'access_denied',
      (_, back) => {
        back.searchParams.delete('code')
        back.searchParams.set('error', 'access_denied')
        back.searchParams.set('error_description', 'SECRET-DESCRIPTION')
      },
    ],
    [
      'provider_error',
      (_, back) => {
        back.searchParams.set('error', 'SECRET-CODE')
      },
    ],
    [
      'misconfigured',
      (_, back) => {
        back.searchParams.set('error', 'redirect_uri_mismatch')
      },
    ],
    [
      'unavailable',
      (standIns) => {
        standIns.faults.set('/login/oauth/access_token', { hang: true })
      },
    ],
    [
      'unavailable',
      (standIns) => {
        standIns.faults.set('/api/v3/user', { status: 502 })
      },
    ],
    [
      'expired',
      (_, back) => {
        back.searchParams.set('code', 'SECRET-CODE')
      },
    ],
    [
      'unverified_account',
      (standIns) => {
        standIns.faults.set('/login/oauth/access_token', {
          body: '{"error":"unverified_user_email","error_description":"SECRET-DESCRIPTION"}',
        })
      },
    ],
  ]
  for (const [code, spoil] of cases) {
    const { standIns, start, finish, jar, lines } = await world()
    const back = standIns.consent(
      (await start('github', '/w/duckdb')).headers.get('Location') ?? '',
    )
    spoil(standIns, back)
    expect(where(await finish('github', back))).toBe(
      `303 /sign-in?error=${code}&provider=github&returnTo=%2Fw%2Fduckdb`,
    )
    expect(jar.cookies.size).toBe(0)
    const log = lines.join('')
    expect(JSON.parse(log)).toMatchObject({ provider: 'github', failure: code, requestId: 'r-1' })
    for (const secret of [
      'SECRET',
      'gho_',
      'gh-secret',
      back.searchParams.get('code') ?? 'SECRET',
      back.searchParams.get('state') ?? 'SECRET',
    ])
      expect(log).not.toContain(secret)
  }
})

test('a callback without a state, with a foreign one, or used a second time, says that it expired', async () => {
  const { standIns, start, finish, jar } = await world()
  expect(where(await finish('github', '/auth/github/callback'))).toBe(
    '303 /sign-in?error=expired&provider=github',
  )
  expect(where(await finish('github', '/auth/github/callback?code=1&state=2'))).toBe(
    '303 /sign-in?error=expired&provider=github',
  )
  const back = standIns.consent((await start('github', '/me')).headers.get('Location') ?? '')
  const victim = new CookieJar()
  expect(where(await finish('github', back, victim))).toBe(
    '303 /sign-in?error=expired&provider=github',
  )
  expect(victim.cookies.size).toBe(0)
  expect(where(await finish('github', back))).toBe('303 /me')
  expect(where(await finish('github', back))).toBe('303 /sign-in?error=expired&provider=github')
  // The failed replay has not signed anybody out.
  expect([...jar.cookies.keys()]).toEqual(['session'])
})

test('a stray callback does not spoil the sign-in that is under way', async () => {
  const { standIns, start, finish } = await world()
  const back = standIns.consent((await start('google', '/me')).headers.get('Location') ?? '')
  await finish('google', '/auth/google/callback?error=access_denied&state=made-up')
  expect(where(await finish('google', back))).toBe('303 /me')
})

test('a database that cannot be reached is said to be just that, on the callback and on the sign-in page', async () => {
  const db = createDb('postgresql://postgres:x@127.0.0.1:1/none', {
    max: 1,
    applicationName: 'test',
  })
  closing.push(() => db.$disconnect())
  const { standIns, signIn, jar, args } = await world({ db })
  expect(where(await signIn(standIns, 'github', '/me'))).toBe(
    '303 /sign-in?error=database_unavailable&provider=github&returnTo=%2Fme',
  )
  expect(jar.cookies.size).toBe(0)
  const signedIn = await world()
  await signedIn.signIn(signedIn.standIns, 'github')
  expect(await getViewerOrOutage(args('/sign-in'))).toBeNull()
  expect(
    await getViewerOrOutage({ ...args('/sign-in', {}, signedIn.jar), auth: signedIn.auth }),
  ).toBe('database-unavailable')
})

test('attempts that nobody finished do not pile up in the browser', async () => {
  const { start, jar } = await world()
  for (let attempt = 0; attempt < 40; attempt++) await start(attempt % 2 ? 'github' : 'google')
  expect(jar.cookies.size).toBeLessThanOrEqual(16)
})

test('a provider that we do not know is not there', async () => {
  const { auth, ctx, jar } = await world()
  const request = jar.request('http://localhost:3000/auth/gitlab')
  for (const provider of [undefined, 'gitlab', '__proto__', 'GitHub']) {
    expect((await thrown(startSignIn({ request, auth, provider, returnTo: '/' }))).status).toBe(404)
    expect(
      (await thrown(finishSignIn({ request, ctx, auth, provider, requestId: 'r-1' }))).status,
    ).toBe(404)
  }
})

test('a start that carries a state of its own still starts afresh', async () => {
  const { auth, standIns } = await world()
  const response = await startSignIn({
    request: new Request('http://localhost:3000/auth/github?state=x&code=y'),
    auth,
    provider: 'github',
    returnTo: '/',
  })
  expect(response.headers.get('Location')).toMatch(
    new RegExp(`^${standIns.config.github.webUrl}/login/oauth/authorize`),
  )
  expect(standIns.calls).toEqual([])
})

test('signing out ends the session and not just the cookie', async () => {
  const { standIns, signIn, jar, args } = await world()
  await signIn(standIns, 'github')
  const copy = new CookieJar()
  copy.cookies.set('session', jar.cookies.get('session') ?? '')
  expect(await signOut(args('/sign-out', { method: 'POST' }), { everywhere: false })).toMatch(
    /^session=;.*Max-Age=0/,
  )
  expect(await getViewer(args('/me', {}, copy))).toBeNull()
  expect(await signOut(args('/sign-out', { method: 'POST' }), { everywhere: true })).toMatch(
    /Max-Age=0/,
  )
})

test('signing out everywhere ends the sessions of other browsers too', async () => {
  const { standIns, signIn, jar, args, start, finish } = await world()
  const phone = new CookieJar()
  await finish(
    'github',
    standIns.consent((await start('github', '/', phone)).headers.get('Location') ?? ''),
    phone,
  )
  await signIn(standIns, 'github')
  expect(await getViewer(args('/me', {}, phone))).not.toBeNull()
  await signOut(args('/sign-out', { method: 'POST' }), { everywhere: true })
  expect(
    await Promise.all([getViewer(args('/me', {}, phone)), getViewer(args('/me', {}, jar))]),
  ).toEqual([null, null])
})

test('a cookie counts under any of our secrets and under no other', async () => {
  const { standIns, signIn, args, auth } = await world()
  await signIn(standIns, 'github')
  const rotated = {
    ...auth,
    sessionSecrets: ['a-newer-secret-of-thirty-two-letters!', ...auth.sessionSecrets],
  }
  expect(await getViewer({ ...args(), auth: rotated })).not.toBeNull()
  expect(
    await getViewer({
      ...args(),
      auth: { ...auth, sessionSecrets: ['a-newer-secret-of-thirty-two-letters!'] },
    }),
  ).toBeNull()
})

test('who is not signed in is sent to sign in and back; a post is not done, and says so', async () => {
  const { args, standIns, signIn } = await world()
  const post = (headers: Record<string, string> = {}) =>
    thrown(requireViewer(args('/w/duckdb/reveal', { method: 'POST', headers })))
  expect(where(await thrown(requireViewer(args('/w/duckdb/claim?step=2'))))).toBe(
    '303 /sign-in?returnTo=%2Fw%2Fduckdb%2Fclaim%3Fstep%3D2',
  )
  expect(where(await post())).toBe(
    '303 /sign-in?error=session_ended&returnTo=%2Fw%2Fduckdb%2Freveal',
  )
  expect(where(await post({ Referer: 'http://localhost:3000/w/duckdb/claim' }))).toBe(
    '303 /sign-in?error=session_ended&returnTo=%2Fw%2Fduckdb%2Fclaim',
  )
  expect(where(await post({ Referer: 'https://evil.test/w/other' }))).toBe(
    '303 /sign-in?error=session_ended&returnTo=%2Fw%2Fduckdb%2Freveal',
  )
  await signIn(standIns, 'github')
  expect((await requireViewer(args())).userId).toBe(`github:${serial - 1}`)
})

test('for whom a page is not, it is not there: never a redirect', async () => {
  const roles = [
    ['stranger', 404, 404],
    ['attendee', 404, 404],
    ['viewer', 404, 200],
    ['admin', 200, 200],
  ] as const
  for (const [role, admin, staff] of roles) {
    const emails = [`flow${serial}@example.org`]
    const { args, standIns, signIn, lines } = await world({
      settings:
        role === 'admin'
          ? { adminEmails: emails }
          : role === 'viewer'
            ? { viewerEmails: emails }
            : {},
    })
    if (role !== 'stranger') await signIn(standIns, 'github')
    const status = async (attempt: Promise<unknown>) =>
      attempt.then(
        () => 200,
        (error: unknown) => (error instanceof Response ? error.status : error),
      )
    for (const method of ['GET', 'POST']) {
      expect([role, method, await status(requireAdmin(args('/admin', { method })))]).toEqual([
        role,
        method,
        admin,
      ])
      expect([role, method, await status(requireStaff(args('/admin', { method })))]).toEqual([
        role,
        method,
        staff,
      ])
    }
    const denied = lines
      .map(
        (line) =>
          JSON.parse(line) as { msg: string; userId: string | null; path: string; method: string },
      )
      .filter((line) => line.msg.includes('was denied'))
    expect(denied.length).toBe({ stranger: 4, attendee: 4, viewer: 2, admin: 0 }[role])
    for (const line of denied)
      expect(line).toMatchObject({
        path: '/admin',
        userId: role === 'stranger' ? null : `github:${serial - 1}`,
      })
  }
})

test('what an admin posts is counted, and too much of it is a 429 that says when to come back', async () => {
  const { args, standIns, signIn } = await world({
    settings: { adminEmails: [`flow${serial}@example.org`] },
  })
  await signIn(standIns, 'github')
  const ask = async (method: string) =>
    requireAdmin(args('/admin', { method })).then(
      () => null,
      (error: unknown) => error as Response,
    )
  for (let asked = 0; asked < 120; asked++) expect(await ask('POST')).toBeNull()
  const refused = await ask('POST')
  expect([refused?.status, await refused?.text()]).toEqual([
    429,
    expect.stringMatching(/^too-many-requests:\d+$/),
  ])
  expect(Number(refused?.headers.get('Retry-After'))).toBeGreaterThan(0)
  expect(await ask('GET')).toBeNull()
})

test('the stand-ins of the demo: the organiser is admin, the impostor is not, the twin is one person', async () => {
  const appOrigin = 'http://localhost:3000'
  const identity = await startIdentity({ appOrigins: [appOrigin] })
  closing.push(() => identity.stop())
  const auth = createAuthSetup({
    appOrigin,
    sessionSecrets: ['a-session-secret-of-thirty-two-letters'],
    github: {
      clientId: identity.github.clientId,
      clientSecret: identity.github.clientSecret,
      webUrl: identity.github.url,
      apiUrl: identity.github.apiUrl,
    },
    google: {
      clientId: identity.google.clientId,
      clientSecret: identity.google.clientSecret,
      authUrl: identity.google.authUrl,
      tokenUrl: identity.google.tokenUrl,
      issuers: [identity.google.issuer],
    },
  })
  const as = async (provider: Provider, who: string) => {
    const browser = flow(auth, {
      appOrigin,
      settings: { adminEmails: ['admin@keymint.test'], viewerEmails: ['viewer@keymint.test'] },
    })
    const location = (await browser.start(provider, '/me')).headers.get('Location') ?? ''
    const picker = await (await fetch(location)).text()
    const form =
      (picker.match(/<form class="user-form"[\s\S]*?<\/form>/g) ?? []).find((candidate) =>
        candidate.includes(`value="${who}"`),
      ) ?? ''
    const decode = (text: string) =>
      text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    const fields = [...form.matchAll(/name="([^"]*)" value="([^"]*)"/g)].map(
      ([, name = '', value = '']) => [name, decode(value)],
    )
    const answer = await fetch(new URL(/action="([^"]*)"/.exec(form)?.[1] ?? '', location), {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams(fields),
    })
    expect(where(await browser.finish(provider, answer.headers.get('Location') ?? ''))).toBe(
      '303 /me',
    )
    const viewer = await getViewer(browser.args())
    if (!viewer) throw new Error('not signed in')
    return viewer
  }
  expect(await as('github', 'admin')).toMatchObject({
    role: 'admin',
    email: 'admin@keymint.test',
    githubAccountCreatedAt: new Date('2016-05-12T08:30:00Z'),
  })
  expect(await as('github', 'impostor')).toMatchObject({ role: 'attendee', email: null })
  expect(await as('github', 'secondary-only')).toMatchObject({ email: null })
  expect(await as('github', 'many-emails')).toMatchObject({
    email: 'Manny.Mails@Example.ORG',
    emailNormalized: 'manny.mails@example.org',
  })
  expect(await as('google', 'unverified@example.com')).toMatchObject({ email: null })
  expect(await as('google', 'viewer@keymint.test')).toMatchObject({ role: 'viewer' })
  const twin = await as('github', 'twin-dots')
  expect((await as('google', 'taratwin@gmail.com')).userId).toBe(twin.userId)
})

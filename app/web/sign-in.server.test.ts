import { afterAll, expect, test } from 'vitest'
import { createDb } from '~/adapters/db.server'
import type { Provider } from '~/adapters/identity-provider'
import { createAuthSetup } from '~/adapters/identity-providers.server'
import { startIdentity } from '../../simulators/identity/server'
import { CookieJar, type StandIns } from '../../tests/identity-stand-ins'
import { openSignIns, thrown, where } from '../../tests/sign-in-world'
import { getViewer, getViewerOrOutage } from './session.server'
import { finishSignIn, startSignIn } from './sign-in.server'

const { world, flow, closing, lastId, close } = await openSignIns()
afterAll(close)

test.each(['github', 'google'] as const)(
  '%s: signed in, back where one was going, and only the session cookie is left',
  async (provider) => {
    const { standIns, signIn, jar, args } = await world()
    const response = await signIn(standIns, provider, '/w/duckdb?x=1')
    expect(where(response)).toBe('303 /w/duckdb?x=1')
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect([...jar.cookies.keys()]).toEqual(['session'])
    expect(await getViewer(args())).toMatchObject({
      userId: `${provider}:${lastId()}`,
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
  const seeded = new CookieJar()
  seeded.cookies.set('session', jar.cookies.get('session') ?? '')
  await signIn(standIns, 'github')
  expect(jar.cookies.get('session')).not.toBe(seeded.cookies.get('session'))
  expect(await getViewer(args('/me', {}, seeded))).toBeNull()
  expect(await getViewer(args())).not.toBeNull()
})

test('signed in with Google, adding GitHub with the same verified address links the two', async () => {
  const { standIns, signIn, args } = await world()
  standIns.gitHubEmails = [{ email: standIns.googleClaims.email, primary: true, verified: true }]
  await signIn(standIns, 'google')
  await signIn(standIns, 'github')
  const viewer = await getViewer(args())
  expect(viewer).toMatchObject({
    userId: `google:${lastId()}`,
    provider: 'github',
    githubIds: [String(lastId())],
  })
})

test('signing in to another account of the same address leads to the page that offers to join the two', async () => {
  const { standIns, signIn, jar, args } = await world()
  const address = `twin${lastId()}@example.org`
  standIns.gitHubEmails = [{ email: address, primary: true, verified: true }]
  Object.assign(standIns.googleClaims, { email: address, email_verified: true })
  await signIn(standIns, 'github')
  jar.cookies.clear()
  await signIn(standIns, 'google')
  expect(where(await signIn(standIns, 'github', '/w/duckdb'))).toBe(
    '303 /me/join?returnTo=%2Fw%2Fduckdb',
  )
  expect(await getViewer(args())).toMatchObject({ userId: `github:${lastId()}` })
  // The same account again is nothing to speak of.
  expect(where(await signIn(standIns, 'github', '/w/duckdb'))).toBe('303 /w/duckdb')
})

test('adding a sign-in that has another address says that one is in another account now', async () => {
  const { standIns, signIn } = await world()
  await signIn(standIns, 'github')
  expect(where(await signIn(standIns, 'google', '/me'))).toBe('303 /me?done=another-account')
  expect(where(await signIn(standIns, 'github', '/w/duckdb'))).toBe('303 /w/duckdb')
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

// The failure leaves neither a session nor a trace of the attempt.
test('every failure ends on the sign-in page with its reason and returnTo', async () => {
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

test('an unreachable database is named, on the callback and on the sign-in page', async () => {
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

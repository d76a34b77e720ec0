import { afterAll, expect, test } from 'vitest'
import { createAuthSetup, explainSignInFailure } from './identity-providers.server'
import { attemptId, clearAttemptCookies } from './oauth-attempt.server'
import type { AuthConfig, Provider, ProviderIdentity } from './identity-provider'
import { CookieJar, type Fault, startStandIns, type StandIns } from '../../tests/identity-stand-ins'

const open: StandIns[] = []
afterAll(async () => {
  await Promise.all(open.map((standIns) => standIns.close()))
})

async function world(
  change: (config: AuthConfig) => void = () => undefined,
  appOrigin = 'http://localhost:3000',
) {
  const standIns = await startStandIns({ appOrigin })
  open.push(standIns)
  change(standIns.config)
  const auth = createAuthSetup(standIns.config)
  const jar = new CookieJar()
  const start = async (provider: Provider, from = jar): Promise<string> => {
    const thrown = await auth.authenticator
      .authenticate(provider, from.request(`${appOrigin}/auth/${provider}`))
      .catch((error: unknown) => error)
    if (!(thrown instanceof Response)) throw thrown
    return from.take(thrown).headers.get('Location') ?? ''
  }
  const finish = (provider: Provider, url: URL, from = jar) =>
    auth.authenticator.authenticate(provider, from.request(url))
  const signIn = async (provider: Provider): Promise<ProviderIdentity> =>
    finish(provider, standIns.consent(await start(provider)))
  const failure = async (provider: Provider) =>
    explainSignInFailure(await signIn(provider).catch((error: unknown) => error))
  return { standIns, auth, jar, start, finish, signIn, failure }
}

test('GitHub: the primary verified email, the permanent id and the age of the account come back', async () => {
  const { standIns, signIn } = await world()
  expect(await signIn('github')).toEqual({
    provider: 'github',
    providerUserId: '583231',
    login: 'octocat',
    email: 'Mona@example.org',
    name: 'Mona',
    avatarUrl: standIns.gitHubUser.avatar_url,
    accountCreatedAt: new Date('2011-01-25T18:44:36Z'),
    emailIsAuthoritative: false,
  })
})

test('Google: the claims of the id_token come back', async () => {
  const { standIns, signIn } = await world()
  expect(await signIn('google')).toEqual({
    provider: 'google',
    providerUserId: '1122334455',
    login: null,
    email: 'mona@gmail.com',
    name: 'Mona',
    avatarUrl: standIns.googleClaims.picture,
    accountCreatedAt: null,
    emailIsAuthoritative: true,
  })
})

test.each([
  ['github', '/login/oauth/authorize', 'read:user user:email'],
  ['google', '/o/oauth2/v2/auth', 'openid email profile'],
] as const)(
  '%s is asked for little, with PKCE, to come back to APP_ORIGIN',
  async (provider, path, scope) => {
    const { start, standIns, jar } = await world()
    const url = new URL(await start(provider))
    expect(url.origin + url.pathname).toBe(standIns.config.github.webUrl + path)
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      scope,
      code_challenge_method: 'S256',
      redirect_uri: `http://localhost:3000/auth/${provider}/callback`,
      response_type: 'code',
    })
    expect(url.searchParams.get('state')?.length).toBeGreaterThanOrEqual(43)
    if (provider === 'google') expect(url.searchParams.get('nonce')).toHaveLength(43)
    expect([...jar.cookies.keys()].map((name) => name.split(':')[0])).toEqual([
      `oauth-${provider}-${attemptId(url.searchParams.get('state') ?? '')}`,
    ])
  },
)

test('GitHub Enterprise under a path is reached there', async () => {
  const { start } = await world((config) => {
    config.github.webUrl = 'https://ghe.example.org/git/'
  })
  expect(await start('github')).toMatch(
    /^https:\/\/ghe\.example\.org\/git\/login\/oauth\/authorize\?/,
  )
})

test.each(['github', 'google'] as const)(
  '%s: over https the state cookie is __Host-, Secure, HttpOnly and Lax',
  async (provider) => {
    const { auth } = await world(undefined, 'https://keys.example.org')
    const thrown = await auth.authenticator
      .authenticate(provider, new Request(`https://keys.example.org/auth/${provider}`))
      .catch((error: unknown) => error)
    const [cookie, ...others] = thrown instanceof Response ? thrown.headers.getSetCookie() : []
    expect(others).toEqual([])
    expect(cookie).toMatch(new RegExp(`^__Host-oauth-${provider}-`))
    for (const attribute of ['Secure', 'HttpOnly', 'SameSite=Lax', 'Path=/', 'Max-Age=600'])
      expect(cookie?.split('; ')).toContain(attribute)
    expect(cookie).not.toContain('Domain')
  },
)

test('credentials go in the body, never in a header, and tokens come back to nobody', async () => {
  const { signIn, standIns } = await world()
  const identities = [await signIn('github'), await signIn('google')]
  const tokenCalls = standIns.calls.filter((call) => /token$/.test(call.path))
  expect(tokenCalls).toHaveLength(2)
  for (const call of tokenCalls) expect(call.headers.authorization).toBeUndefined()
  expect(JSON.stringify(identities)).not.toMatch(/token/)
})

test.each([
  [[{ email: 'a@b.org', primary: true, verified: false }]],
  [[{ email: 'a@b.org', primary: false, verified: true }]],
  [[]],
])('GitHub emails %j: signed in without an email', async (emails) => {
  const { signIn, standIns } = await world()
  standIns.gitHubEmails = emails
  expect(await signIn('github')).toMatchObject({ providerUserId: '583231', email: null })
})

test.each([
  [{ email_verified: false }, null, false],
  [{ email_verified: undefined }, null, false],
  [{ email: undefined }, null, false],
  [{ email_verified: false, hd: 'example.org' }, null, false],
  [{ email: 'mona@example.org' }, 'mona@example.org', false],
  [{ email: 'mona@example.org', hd: 'example.org' }, 'mona@example.org', true],
  [{ email: 'mona@GoogleMail.com' }, 'mona@GoogleMail.com', true],
  [{ email: 'mona@gmail.com.evil.test' }, 'mona@gmail.com.evil.test', false],
  [{ email: 'mona@notgmail.com' }, 'mona@notgmail.com', false],
])(
  'Google claims %j give the email %j, authoritative: %j',
  async (claims, email, emailIsAuthoritative) => {
    const { signIn, standIns } = await world()
    Object.assign(standIns.googleClaims, claims)
    expect(await signIn('google')).toMatchObject({ email, emailIsAuthoritative })
  },
)

test.each([
  ['iss', { iss: 'https://evil.test' }],
  ['aud', { aud: 'another-client' }],
  ['azp', { aud: ['goo-client', 'another-client'] }],
  ['azp', { azp: 'another-client' }],
  ['exp', { exp: Math.floor(Date.now() / 1000) - 1 }],
  ['nonce', { nonce: 'of-another-sign-in' }],
  ['nonce', { nonce: undefined }],
  ['sub', { sub: '' }],
  ['sub', { sub: 7 }],
  ['email_verified', { email_verified: 'true' }],
])('Google id_token with a wrong %s is refused', async (name, claims) => {
  const { failure, standIns } = await world()
  Object.assign(standIns.googleClaims, claims)
  const explained = await failure('google')
  expect(explained?.failure).toBe('provider_error')
  expect(explained?.reason).toContain(name)
})

test.each([
  ['github', 'google'],
  ['google', 'github'],
] as const)('an answer of %s is worth nothing at the callback of %s', async (given, used) => {
  const { start, finish, standIns } = await world()
  const back = standIns.consent(await start(given))
  const error = await finish(used, back).catch((thrown: unknown) => thrown)
  expect(explainSignInFailure(error)?.failure).toBe('expired')
})

for (const provider of ['github', 'google'] as const) {
  const refused = async (attempt: Promise<unknown>) =>
    explainSignInFailure(
      await attempt.then(
        () => 'signed in',
        (error: unknown) => error,
      ),
    )?.failure

  test(`${provider}: a wrong, a foreign and a missing state, and a missing code, are refused`, async () => {
    const { start, finish, standIns, jar } = await world()
    const back = standIns.consent(await start(provider))
    const change = (name: string, value: string | null) => {
      const url = new URL(back)
      if (value === null) url.searchParams.delete(name)
      else url.searchParams.set(name, value)
      return url
    }
    expect(await refused(finish(provider, change('state', 'made-up')))).toBe('expired')
    expect(await refused(finish(provider, change('code', null)))).toBe('expired')
    expect(await refused(finish(provider, back, new CookieJar()))).toBe('expired')
    const stranger = new CookieJar()
    await start(provider, stranger)
    expect(await refused(finish(provider, back, stranger))).toBe('expired')
    expect(jar.cookies.size).toBe(1)
    expect(standIns.calls).toEqual([])
  })

  test(`${provider}: a code works once, and never in another browser's attempt`, async () => {
    const { start, finish, standIns } = await world()
    const back = standIns.consent(await start(provider))
    await finish(provider, back)
    expect(await refused(finish(provider, back))).toBe('expired')

    const theirs = standIns.consent(await start(provider, new CookieJar()))
    const mine = new CookieJar()
    const swapped = standIns.consent(await start(provider, mine))
    swapped.searchParams.set('code', theirs.searchParams.get('code') ?? '')
    expect(await refused(finish(provider, swapped, mine))).toBe('expired')
  })

  test(`${provider}: two tabs can finish in any order`, async () => {
    const { start, finish, standIns } = await world()
    const [one, two, three] = [
      standIns.consent(await start(provider)),
      standIns.consent(await start(provider)),
      standIns.consent(await start(provider)),
    ]
    for (const back of [two, one, three])
      expect((await finish(provider, back)).provider).toBe(provider)
  })

  test(`${provider}: fifty people at once come back as themselves`, async () => {
    const { start, finish, standIns } = await world((config) => {
      config.timeoutMs = 10_000
    })
    const identities = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const jar = new CookieJar()
        return finish(provider, standIns.consent(await start(provider, jar)), jar)
      }),
    )
    expect(identities).toHaveLength(50)
  })

  test.each([
    ['access_denied', 'access_denied'],
    ['temporarily_unavailable', 'unavailable'],
    ['server_error', 'unavailable'],
    ['redirect_uri_mismatch', 'misconfigured'],
    ['application_suspended', 'misconfigured'],
    ['invalid_scope', 'misconfigured'],
    ['<script>alert(1)</script>', 'provider_error'],
    ['__proto__', 'provider_error'],
  ])(`${provider}: coming back with error=%s is %s, in our words alone`, async (code, expected) => {
    const { start, finish, standIns } = await world()
    const back = standIns.consent(await start(provider))
    back.searchParams.delete('code')
    back.searchParams.set('error', code)
    back.searchParams.set('error_description', 'SECRET-DESCRIPTION')
    const explained = explainSignInFailure(
      await finish(provider, back).catch((error: unknown) => error),
    )
    expect(explained?.failure).toBe(expected)
    expect(explained?.reason).not.toMatch(/SECRET|script|proto/)
  })
}

const faults: [Provider, string, Fault, string][] = [
  ...['/login/oauth/access_token', '/api/v3/user', '/api/v3/user/emails'].flatMap(
    (path): [Provider, string, Fault, string][] => [
      ['github', path, { hang: true }, 'unavailable'],
      ['github', path, { drop: true }, 'unavailable'],
      ['github', path, { status: 500, body: 'oops' }, 'unavailable'],
      ['github', path, { status: 503, body: '<html>unicorn</html>' }, 'unavailable'],
      ['github', path, { status: 429 }, 'unavailable'],
      ['github', path, { status: 403, headers: { 'X-RateLimit-Remaining': '0' } }, 'unavailable'],
      [
        'github',
        path,
        { status: 307, headers: { Location: 'http://127.0.0.1:1/' } },
        'unavailable',
      ],
      ['github', path, { status: 200, body: '<html>' }, 'provider_error'],
      ['github', path, { status: 200, body: 'null' }, 'provider_error'],
      ['github', path, { status: 200, body: '{"login":"x"}' }, 'provider_error'],
    ],
  ),
  ['github', '/api/v3/user/emails', { status: 403 }, 'misconfigured'],
  ['github', '/api/v3/user/emails', { status: 404 }, 'misconfigured'],
  ['github', '/api/v3/user', { status: 401 }, 'misconfigured'],
  [
    'github',
    '/login/oauth/access_token',
    { body: '{"error":"unverified_user_email"}' },
    'unverified_account',
  ],
  [
    'github',
    '/login/oauth/access_token',
    { body: '{"error":"incorrect_client_credentials"}' },
    'misconfigured',
  ],
  ['github', '/login/oauth/access_token', { body: '{"error":"something_new"}' }, 'provider_error'],
  ['google', '/oauth2/token', { hang: true }, 'unavailable'],
  ['google', '/oauth2/token', { drop: true }, 'unavailable'],
  ['google', '/oauth2/token', { status: 502, body: 'bad gateway' }, 'unavailable'],
  ['google', '/oauth2/token', { status: 401, body: '{"error":"invalid_client"}' }, 'misconfigured'],
  ['google', '/oauth2/token', { status: 400, body: '{"error":"invalid_grant"}' }, 'expired'],
  ['google', '/oauth2/token', { status: 200, body: '{"access_token":"x"}' }, 'provider_error'],
  ['google', '/oauth2/token', { status: 200, body: '{"id_token":"a.b.c"}' }, 'provider_error'],
  ['google', '/oauth2/token', { status: 200, body: '{"id_token":"nonsense"}' }, 'provider_error'],
]

test.each(faults)('%s: %s answering %j is %s', async (provider, path, fault, expected) => {
  const { failure, standIns } = await world()
  standIns.faults.set(path, fault)
  expect((await failure(provider))?.failure).toBe(expected)
})

test.each(['github', 'google'] as const)(
  '%s: a wrong client secret here is a misconfiguration, and is not shown',
  async (provider) => {
    const { failure } = await world((config) => {
      config[provider].clientSecret = 'WRONG-SECRET'
    })
    const explained = await failure(provider)
    expect(explained?.failure).toBe('misconfigured')
    expect(explained?.reason).not.toContain('WRONG')
  },
)

test('a provider that cannot be reached at all is unavailable', async () => {
  const { failure, standIns } = await world()
  await standIns.close()
  open.splice(open.indexOf(standIns), 1)
  expect((await failure('github'))?.failure).toBe('unavailable')
  expect((await failure('google'))?.failure).toBe('unavailable')
})

test('a name of control characters is cleaned, and an avatar that is no web address left out', async () => {
  const { signIn, standIns } = await world()
  Object.assign(standIns.gitHubUser, {
    name: ' \u0000\u0007 ',
    avatar_url: 'javascript:alert(1)',
    created_at: 'never',
  })
  expect(await signIn('github')).toMatchObject({
    name: 'octocat',
    avatarUrl: null,
    accountCreatedAt: null,
  })
})

test('a bug is not taken for a failure of the provider', () => {
  expect(explainSignInFailure(new TypeError('x is undefined'))).toBeNull()
  expect(explainSignInFailure('text')).toBeNull()
})

test('clearing one attempt leaves the others, and nothing else of the browser, alone', async () => {
  const { start, jar } = await world()
  const state = new URL(await start('google')).searchParams.get('state') ?? ''
  await start('github')
  jar.cookies.set('session', 'x')
  const request = jar.request('http://localhost:3000/')
  expect(
    clearAttemptCookies(request, false, attemptId(state)).map((cookie) => cookie.split('=')[0]),
  ).toEqual([...jar.cookies.keys()].filter((name) => name.startsWith('oauth-google')))
  expect(clearAttemptCookies(request, false, null)).toHaveLength(2)
})

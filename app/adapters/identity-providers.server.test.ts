/** Who comes back from a sign-in, and that only this browser's own attempt counts. */
import { expect, test } from 'vitest'
import { CookieJar } from '../../tests/identity-stand-ins'
import { signInWorld } from '../../tests/provider-sign-ins'
import { explainSignInFailure } from './identity-providers.server'
import { attemptId, clearAttemptCookies } from './oauth-attempt.server'

test('GitHub: the primary verified email, the permanent id and the age of the account come back', async () => {
  const { standIns, signIn } = await signInWorld()
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
  const { standIns, signIn } = await signInWorld()
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
    const { start, standIns, jar } = await signInWorld()
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
  const { start } = await signInWorld((config) => {
    config.github.webUrl = 'https://ghe.example.org/git/'
  })
  expect(await start('github')).toMatch(
    /^https:\/\/ghe\.example\.org\/git\/login\/oauth\/authorize\?/,
  )
})

test.each(['github', 'google'] as const)(
  '%s: over https the state cookie is __Host-, Secure, HttpOnly and Lax',
  async (provider) => {
    const { auth } = await signInWorld(undefined, 'https://keys.example.org')
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

test('credentials go in the body, never in a header, and no token leaves the adapter', async () => {
  const { signIn, standIns } = await signInWorld()
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
  const { signIn, standIns } = await signInWorld()
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
    const { signIn, standIns } = await signInWorld()
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
  const { failure, standIns } = await signInWorld()
  Object.assign(standIns.googleClaims, claims)
  const explained = await failure('google')
  expect(explained?.failure).toBe('provider_error')
  expect(explained?.reason).toContain(name)
})

test.each([
  ['github', 'google'],
  ['google', 'github'],
] as const)('an answer of %s is worth nothing at the callback of %s', async (given, used) => {
  const { start, finish, standIns } = await signInWorld()
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
    const { start, finish, standIns, jar } = await signInWorld()
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
    const otherBrowser = new CookieJar()
    await start(provider, otherBrowser)
    expect(await refused(finish(provider, back, otherBrowser))).toBe('expired')
    expect(jar.cookies.size).toBe(1)
    expect(standIns.calls).toEqual([])
  })

  test(`${provider}: a code works once, and never in another browser's attempt`, async () => {
    const { start, finish, standIns } = await signInWorld()
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
    const { start, finish, standIns } = await signInWorld()
    const [one, two, three] = [
      standIns.consent(await start(provider)),
      standIns.consent(await start(provider)),
      standIns.consent(await start(provider)),
    ]
    for (const back of [two, one, three])
      expect((await finish(provider, back)).provider).toBe(provider)
  })

  test(`${provider}: fifty people at once come back as themselves`, async () => {
    const { start, finish, standIns } = await signInWorld((config) => {
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
  ])(
    `${provider}: coming back with error=%s is %s, without the provider's text`,
    async (code, expected) => {
      const { start, finish, standIns } = await signInWorld()
      const back = standIns.consent(await start(provider))
      back.searchParams.delete('code')
      back.searchParams.set('error', code)
      back.searchParams.set('error_description', 'SECRET-DESCRIPTION')
      const explained = explainSignInFailure(
        await finish(provider, back).catch((error: unknown) => error),
      )
      expect(explained?.failure).toBe(expected)
      expect(explained?.reason).not.toMatch(/SECRET|script|proto/)
    },
  )
}

test('clearing one attempt leaves the others, and nothing else of the browser, alone', async () => {
  const { start, jar } = await signInWorld()
  const state = new URL(await start('google')).searchParams.get('state') ?? ''
  await start('github')
  jar.cookies.set('session', 'x')
  const request = jar.request('http://localhost:3000/')
  expect(
    clearAttemptCookies(request, false, attemptId(state)).map((cookie) => cookie.split('=')[0]),
  ).toEqual([...jar.cookies.keys()].filter((name) => name.startsWith('oauth-google')))
  expect(clearAttemptCookies(request, false, null)).toHaveLength(2)
})

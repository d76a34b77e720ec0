/** Sign-ins that a provider refuses, breaks off or answers wrongly: the code of each. */
import { expect, test } from 'vitest'
import type { Fault } from '../../tests/identity-stand-ins'
import { signInWorld } from '../../tests/provider-sign-ins'
import type { Provider } from './identity-provider'
import { explainSignInFailure } from './identity-providers.server'

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
  const { failure, standIns } = await signInWorld()
  standIns.faults.set(path, fault)
  expect((await failure(provider))?.failure).toBe(expected)
})

test.each(['github', 'google'] as const)(
  '%s: a wrong client secret here is a misconfiguration, and is not shown',
  async (provider) => {
    const { failure } = await signInWorld((config) => {
      config[provider].clientSecret = 'WRONG-SECRET'
    })
    const explained = await failure(provider)
    expect(explained?.failure).toBe('misconfigured')
    expect(explained?.reason).not.toContain('WRONG')
  },
)

test('a provider that cannot be reached at all is unavailable', async () => {
  const { failure, closeProviders } = await signInWorld()
  await closeProviders()
  expect((await failure('github'))?.failure).toBe('unavailable')
  expect((await failure('google'))?.failure).toBe('unavailable')
})

test('a name of control characters is cleaned, and an avatar that is no web address left out', async () => {
  const { signIn, standIns } = await signInWorld()
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

/**
 * Google, as far as signing in goes: `emulate` behind a proxy that gives each person a sub that
 * outlives a restart. The changed id_token is signed again with a key of ours, which the key list
 * serves.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  bearerOf,
  credentialsOf,
  json,
  page,
  relay,
  redirect,
  refusal,
  withParameters,
  type Answer,
  type Call,
  type Client,
} from './answers'
import { Grants, isSecretOf } from './grants'
import { googlePeople, type GooglePerson } from './people'
import { pickerPage } from './picker'
import { startProvider, type ProviderServer } from './provider'

const keyId = 'keymint-google-stand-in'

export async function startGoogle(options: {
  port: number | undefined
  client: Client
  redirectUris: () => string[]
  dataDir: string | undefined
}): Promise<ProviderServer> {
  const { client } = options
  const byEmail = new Map(googlePeople.map((person) => [person.email, person]))
  const grants = new Grants()
  const tokens = new Map<string, { person: GooglePerson; scopes: string[] }>()
  const key = signingKey(options.dataDir)

  return startProvider({
    provider: 'google',
    port: options.port,
    seed: () => ({
      tokens: {},
      google: {
        users: googlePeople.map(({ email, name, emailVerified, givenName, familyName }) => ({
          email,
          name,
          given_name: givenName,
          family_name: familyName,
          email_verified: emailVerified,
        })),
        oauth_clients: [
          {
            client_id: client.clientId,
            client_secret: client.clientSecret,
            name: 'Keymint',
            redirect_uris: [],
          },
        ],
      },
    }),
    handle: async (call, server): Promise<Answer> => {
      switch (`${call.method} ${call.url.pathname}`) {
        case 'GET /.well-known/openid-configuration':
          return discovery(server)
        case 'GET /oauth2/v3/certs':
          return json(200, {
            keys: [
              {
                ...createPublicKey(key).export({ format: 'jwk' }),
                kid: keyId,
                use: 'sig',
                alg: 'RS256',
              },
            ],
          })
        case 'GET /o/oauth2/v2/auth':
          return authorize(call, server)
        case 'POST /o/oauth2/v2/auth/callback':
          return choose(call, server)
        case 'POST /token':
        case 'POST /oauth2/token':
          return exchange(call, server)
        case 'GET /oauth2/v2/userinfo':
        case 'GET /oauth2/v3/userinfo':
        case 'GET /v1/userinfo':
          return userinfo(call)
        default:
          return json(404, { error: { code: 404, message: 'Not Found', status: 'NOT_FOUND' } })
      }
    },
  })

  async function discovery(server: Pick<ProviderServer, 'url' | 'ask'>): Promise<Answer> {
    const told = (await (await server.ask('/.well-known/openid-configuration')).json()) as Record<
      string,
      unknown
    >
    return json(200, { ...told, token_endpoint: `${server.url}/token` })
  }

  function wrongRequest(clientId: string, redirectUri: string): Answer | undefined {
    if (clientId !== client.clientId)
      return {
        ...refusal(
          'google',
          'Error 401: invalid_client',
          `The client_id '${clientId}' is not registered.`,
        ),
        status: 401,
      }
    if (!options.redirectUris().includes(redirectUri))
      return refusal(
        'google',
        'Error 400: redirect_uri_mismatch',
        `The redirect_uri '${redirectUri}' is not registered for this application.`,
      )
    return undefined
  }

  async function authorize(
    call: Call,
    server: Pick<ProviderServer, 'url' | 'ask'>,
  ): Promise<Answer> {
    const query = call.url.searchParams
    const value = (name: string) => query.get(name) ?? ''
    const redirectUri = value('redirect_uri')
    const wrong = wrongRequest(value('client_id'), redirectUri)
    if (wrong) return wrong
    if (value('response_type') !== 'code')
      return refusal(
        'google',
        'Error 400: invalid_request',
        'Required parameter is missing: response_type.',
      )
    if (!value('scope'))
      return refusal('google', 'Error 400: invalid_request', 'Missing required parameter: scope.')
    const method = query.get('code_challenge_method') ?? 'plain'
    if (query.has('code_challenge') && !['S256', 'plain'].includes(method))
      return refusal('google', 'Error 400: invalid_request', 'Invalid code_challenge_method.')
    const shown = await server.ask(
      `/o/oauth2/v2/auth?${new URLSearchParams({ client_id: value('client_id') }).toString()}`,
    )
    const passed = [
      'redirect_uri',
      'scope',
      'state',
      'nonce',
      'client_id',
      'code_challenge',
      'code_challenge_method',
    ]
    return page(
      shown.status,
      pickerPage(await shown.text(), {
        provider: 'google',
        key: 'email',
        hidden: Object.fromEntries(
          passed.filter((name) => query.has(name)).map((name) => [name, value(name)]),
        ),
        cancelUrl: withParameters(redirectUri, {
          error: 'access_denied',
          ...(query.has('state') ? { state: value('state') } : {}),
        }),
        describe: (email) => byEmail.get(email),
      }),
    )
  }

  async function choose(call: Call, server: Pick<ProviderServer, 'url' | 'ask'>): Promise<Answer> {
    const { form } = call
    const clientId = form.get('client_id') ?? ''
    const redirectUri = form.get('redirect_uri') ?? ''
    const wrong = wrongRequest(clientId, redirectUri)
    if (wrong) return wrong
    const email = form.get('email') ?? ''
    if (!byEmail.has(email))
      return refusal('google', 'No such person', `Nobody here has the address '${email}'.`)
    const chosen = await server.ask('/o/oauth2/v2/auth/callback', { method: 'POST', body: form })
    const code = new URL(chosen.headers.get('location') ?? '', server.url).searchParams.get('code')
    if (!code) return relay(chosen)
    const scopes = (form.get('scope') ?? '').split(/\s+/).filter(Boolean)
    grants.remember(code, {
      login: email,
      clientId,
      redirectUri,
      scopes,
      challenge: form.get('code_challenge') ?? undefined,
    })
    const state = form.get('state')
    return redirect(
      withParameters(redirectUri, {
        code,
        ...(state ? { state } : {}),
        scope: scopes.join(' '),
        authuser: '0',
        prompt: 'consent',
      }),
    )
  }

  async function exchange(
    call: Call,
    server: Pick<ProviderServer, 'url' | 'ask'>,
  ): Promise<Answer> {
    const refuse = (status: number, error: string, error_description: string) =>
      json(status, { error, error_description })
    const { clientId, clientSecret } = credentialsOf(call)
    if (clientId !== client.clientId)
      return refuse(401, 'invalid_client', 'The OAuth client was not found.')
    if (!isSecretOf(client, clientSecret)) return refuse(401, 'invalid_client', 'Unauthorized')
    if (call.form.get('grant_type') !== 'authorization_code')
      return refuse(400, 'unsupported_grant_type', 'Invalid grant_type')
    const code = call.form.get('code') ?? ''
    const grant = grants.take(code)
    if (!grant || grant.clientId !== clientId)
      return refuse(400, 'invalid_grant', 'Malformed auth code.')
    if (call.form.get('redirect_uri') !== grant.redirectUri)
      return refuse(400, 'redirect_uri_mismatch', 'Bad Request')

    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      client_secret: client.clientSecret,
      code,
      redirect_uri: grant.redirectUri,
    })
    const verifier = call.form.get('code_verifier')
    if (verifier !== null) body.set('code_verifier', verifier)
    const given = await server.ask('/oauth2/token', { method: 'POST', body })
    const token: unknown = await given.json()
    const person = byEmail.get(grant.login)
    if (!given.ok || !person || !isTokenAnswer(token)) return json(given.status, token)
    tokens.set(token.access_token, { person, scopes: grant.scopes })
    return json(200, {
      access_token: token.access_token,
      expires_in: 3599,
      scope: grant.scopes.join(' '),
      token_type: 'Bearer',
      ...(grant.scopes.includes('openid')
        ? { id_token: signAgain(token.id_token, person, grant.scopes) }
        : {}),
    })
  }

  /** Times, audience, issuer and nonce stay the emulator's; who it is about becomes ours. */
  function signAgain(idToken: string, person: GooglePerson, scopes: string[]): string {
    const told = JSON.parse(
      Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString(),
    ) as Record<string, unknown>
    const { iss, aud, iat, exp, nonce } = told
    const claims = {
      iss,
      azp: aud,
      aud,
      ...claimsOf(person, scopes),
      ...(nonce === undefined ? {} : { nonce }),
      iat,
      exp,
    }
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const input = `${encode({ alg: 'RS256', kid: keyId, typ: 'JWT' })}.${encode(claims)}`
    return `${input}.${sign('RSA-SHA256', Buffer.from(input), key).toString('base64url')}`
  }

  async function userinfo(call: Call): Promise<Answer> {
    const known = tokens.get(bearerOf(call) ?? '')
    if (!known)
      return json(
        401,
        { error: 'invalid_request', error_description: 'Invalid Credentials' },
        {
          'WWW-Authenticate': 'Bearer realm="https://accounts.google.com/", error="invalid_token"',
        },
      )
    return json(200, claimsOf(known.person, known.scopes))
  }
}

// What Google tells depends on what was asked for.
function claimsOf(person: GooglePerson, scopes: string[]): Record<string, unknown> {
  return {
    sub: person.sub,
    ...(person.hd ? { hd: person.hd } : {}),
    ...(scopes.includes('email')
      ? { email: person.email, email_verified: person.emailVerified }
      : {}),
    ...(scopes.includes('profile')
      ? { name: person.name, given_name: person.givenName, family_name: person.familyName }
      : {}),
  }
}

function signingKey(dataDir: string | undefined): KeyObject {
  const file = dataDir && path.join(dataDir, 'google-signing-key.pem')
  if (file && existsSync(file)) return createPrivateKey(readFileSync(file))
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  if (file) {
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  }
  return privateKey
}

function isTokenAnswer(value: unknown): value is { access_token: string; id_token: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'access_token' in value &&
    typeof value.access_token === 'string' &&
    'id_token' in value &&
    typeof value.id_token === 'string'
  )
}

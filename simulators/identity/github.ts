/**
 * GitHub, as far as signing in goes: `emulate` behind a proxy that adds what it lacks and holds
 * what it lets slip: every address of a person, scopes, PKCE with S256, exact redirect addresses,
 * stable ids, a Cancel link.
 */
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
import { Grants, isSecretOf, matchesChallenge } from './grants'
import { githubPeople, type GithubPerson } from './people'
import { pickerPage } from './picker'
import { startProvider, type ProviderServer } from './provider'

export async function startGithub(options: {
  port: number | undefined
  client: Client
  redirectUris: () => string[]
}): Promise<ProviderServer> {
  const { client } = options
  const byLogin = new Map(githubPeople.map((person) => [person.login, person]))
  const grants = new Grants()
  const tokens = new Map<string, { person: GithubPerson; scopes: string[] }>()

  return startProvider({
    provider: 'github',
    port: options.port,
    seed: () => ({
      tokens: {},
      github: {
        users: githubPeople.map(({ login, name, emails }) => ({
          login,
          name: name ?? undefined,
          email: emails.find(({ primary }) => primary)?.email,
        })),
        // Redirect addresses are ours to check, so the emulator is shown none.
        oauth_apps: [
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
      const path = call.url.pathname.replace(/^\/api\/v3(?=\/)/, '')
      switch (`${call.method} ${path}`) {
        case 'GET /login/oauth/authorize':
          return authorize(call, server)
        case 'POST /login/oauth/callback':
          return choose(call, server)
        case 'POST /login/oauth/access_token':
          return exchange(call, server)
        case 'GET /user':
          return user(call, server)
        case 'GET /user/emails':
          return emails(call)
        default:
          if (path.startsWith('/avatars/u/'))
            return avatar(decodeURIComponent(path.slice('/avatars/u/'.length)))
          return json(404, { message: 'Not Found' })
      }
    },
  })

  function wrongRequest(
    clientId: string,
    redirectUri: string,
    challenge: string | null,
    method: string | null,
  ): Answer | undefined {
    if (clientId !== client.clientId)
      return {
        ...refusal(
          'github',
          'Application not found',
          `The client_id '${clientId}' is not registered.`,
        ),
        status: 404,
      }
    if (!options.redirectUris().includes(redirectUri))
      return refusal(
        'github',
        'Redirect URI mismatch',
        `The redirect_uri '${redirectUri}' is not associated with this application.`,
      )
    if (challenge !== null && (method !== 'S256' || !/^[\w-]{43}$/.test(challenge)))
      return refusal(
        'github',
        'Invalid code challenge',
        'Only code_challenge_method S256 is supported.',
      )
    return undefined
  }

  async function authorize(
    call: Call,
    server: Pick<ProviderServer, 'url' | 'ask'>,
  ): Promise<Answer> {
    const query = call.url.searchParams
    const redirectUri = query.get('redirect_uri') ?? options.redirectUris()[0] ?? ''
    const clientId = query.get('client_id') ?? ''
    const challenge = query.get('code_challenge')
    const wrong = wrongRequest(clientId, redirectUri, challenge, query.get('code_challenge_method'))
    if (wrong) return wrong
    const shown = await server.ask(
      `/login/oauth/authorize?${new URLSearchParams({ client_id: clientId }).toString()}`,
    )
    const state = query.get('state') ?? ''
    return page(
      shown.status,
      pickerPage(await shown.text(), {
        provider: 'github',
        key: 'login',
        hidden: {
          redirect_uri: redirectUri,
          scope: query.get('scope') ?? '',
          state,
          client_id: clientId,
          ...(challenge === null
            ? {}
            : { code_challenge: challenge, code_challenge_method: 'S256' }),
        },
        cancelUrl: withParameters(redirectUri, {
          error: 'access_denied',
          error_description: 'The user has denied your application access.',
          ...(state ? { state } : {}),
        }),
        describe: (login) => {
          const person = byLogin.get(login)
          return (
            person && {
              name: person.name ?? '',
              email: person.emails.find(({ primary }) => primary)?.email ?? '',
              ...(person.note ? { note: person.note } : {}),
            }
          )
        },
      }),
    )
  }

  async function choose(call: Call, server: Pick<ProviderServer, 'url' | 'ask'>): Promise<Answer> {
    const { form } = call
    const clientId = form.get('client_id') ?? ''
    const redirectUri = form.get('redirect_uri') ?? ''
    const challenge = form.get('code_challenge')
    const wrong = wrongRequest(clientId, redirectUri, challenge, form.get('code_challenge_method'))
    if (wrong) return wrong
    const login = form.get('login') ?? ''
    if (!byLogin.has(login))
      return refusal('github', 'No such person', `Nobody here is called '${login}'.`)
    const chosen = await server.ask('/login/oauth/callback', { method: 'POST', body: form })
    const code = new URL(chosen.headers.get('location') ?? '', server.url).searchParams.get('code')
    if (!code) return relay(chosen)
    grants.remember(code, {
      login,
      clientId,
      redirectUri,
      scopes: scopesOf(form.get('scope')),
      challenge: challenge ?? undefined,
    })
    const state = form.get('state')
    return redirect(withParameters(redirectUri, { code, ...(state ? { state } : {}) }))
  }

  // GitHub answers errors with 200, and as a form unless JSON is asked for.
  async function exchange(
    call: Call,
    server: Pick<ProviderServer, 'url' | 'ask'>,
  ): Promise<Answer> {
    const answer = (value: Record<string, string>) =>
      (call.headers.accept ?? '').includes('json')
        ? json(200, value)
        : {
            status: 200,
            headers: { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' },
            body: new URLSearchParams(value).toString(),
          }
    const refuse = (error: string, error_description: string) =>
      answer({
        error,
        error_description,
        error_uri: `https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/#${error.replaceAll('_', '-')}`,
      })

    const { clientId, clientSecret } = credentialsOf(call)
    if (clientId !== client.clientId || !isSecretOf(client, clientSecret))
      return refuse(
        'incorrect_client_credentials',
        'The client_id and/or client_secret passed are incorrect.',
      )
    const badCode = () =>
      refuse('bad_verification_code', 'The code passed is incorrect or expired.')
    const code = call.form.get('code') ?? ''
    const grant = grants.take(code)
    if (!grant || grant.clientId !== clientId) return badCode()
    const redirectUri = call.form.get('redirect_uri')
    if (redirectUri !== null && redirectUri !== grant.redirectUri)
      return refuse(
        'redirect_uri_mismatch',
        'The redirect_uri MUST match the registered callback URL for this application.',
      )
    if (
      grant.challenge !== undefined &&
      !matchesChallenge(grant.challenge, call.form.get('code_verifier') ?? '')
    )
      return badCode()

    const given = await server.ask('/login/oauth/access_token', {
      method: 'POST',
      body: new URLSearchParams({
        client_id: clientId,
        client_secret: client.clientSecret,
        code,
      }),
    })
    const token: unknown = await given.json()
    const person = byLogin.get(grant.login)
    if (!person || !isToken(token)) return badCode()
    tokens.set(token.access_token, { person, scopes: grant.scopes })
    return answer({
      access_token: token.access_token,
      scope: grant.scopes.join(','),
      token_type: 'bearer',
    })
  }

  async function user(call: Call, server: Pick<ProviderServer, 'url' | 'ask'>): Promise<Answer> {
    const caller = callerOf(call)
    if ('status' in caller) return caller
    const { person, scopes, token } = caller
    const shown = await server.ask('/user', { token })
    const told: unknown = await shown.json()
    if (!shown.ok || typeof told !== 'object') return json(shown.status, told)
    const isPublic = person.emails.find(({ visibility }) => visibility === 'public')
    const full = {
      ...told,
      login: person.login,
      id: person.id,
      node_id: Buffer.from(`04:User${person.id}`).toString('base64'),
      name: person.name,
      email: isPublic?.email ?? null,
      created_at: person.createdAt,
      updated_at: person.createdAt,
      site_admin: false,
      avatar_url: `${server.url}/avatars/u/${person.login}`,
    }
    return json(200, full, scopeHeaders(scopes, ''))
  }

  async function emails(call: Call): Promise<Answer> {
    const caller = callerOf(call)
    if ('status' in caller) return caller
    const accepted = 'user, user:email'
    if (!caller.scopes.some((scope) => scope === 'user' || scope === 'user:email'))
      return json(404, { message: 'Not Found' }, scopeHeaders(caller.scopes, accepted))
    return json(200, caller.person.emails, scopeHeaders(caller.scopes, accepted))
  }

  function callerOf(
    call: Call,
  ): Answer | { person: GithubPerson; scopes: string[]; token: string } {
    if (!call.headers['user-agent'])
      return {
        status: 403,
        headers: { 'Content-Type': 'text/plain' },
        body: 'Request forbidden by administrative rules. Please make sure your request has a User-Agent header.',
      }
    const token = bearerOf(call)
    if (!token) return json(401, { message: 'Requires authentication' })
    const known = tokens.get(token)
    return known ? { ...known, token } : json(401, { message: 'Bad credentials' })
  }
}

function avatar(login: string): Answer {
  const hue = [...login].reduce((sum, sign) => sum + sign.charCodeAt(0) * 7, 0) % 360
  const letter = /^[a-z0-9]/i.exec(login)?.[0]?.toUpperCase() ?? '?'
  return {
    status: 200,
    headers: {
      'Content-Type': 'image/svg+xml',
      'Cache-Control': 'public, max-age=3600',
      'Cross-Origin-Resource-Policy': 'cross-origin',
    },
    body: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 80"><rect width="80" height="80" fill="hsl(${hue} 45% 40%)"/><text x="40" y="54" font-family="sans-serif" font-size="40" text-anchor="middle" fill="#fff">${letter}</text></svg>`,
  }
}

function scopesOf(scope: string | null): string[] {
  return (scope ?? '').split(/[\s,]+/).filter(Boolean)
}

function scopeHeaders(scopes: string[], accepted: string): Record<string, string> {
  return { 'X-OAuth-Scopes': scopes.join(', '), 'X-Accepted-OAuth-Scopes': accepted }
}

function isToken(value: unknown): value is { access_token: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'access_token' in value &&
    typeof value.access_token === 'string'
  )
}

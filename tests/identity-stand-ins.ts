/**
 * GitHub and Google for tests: strict about client credentials, redirect URIs and PKCE, and ready
 * to fail on demand.
 */
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AuthConfig } from '../app/adapters/identity-provider'

export type Fault = {
  status?: number
  body?: string
  headers?: Record<string, string>
  hang?: true
  drop?: true
}

type Pending = {
  provider: 'github' | 'google'
  challenge: string
  redirectUri: string
  nonce: string | null
}

export type StandIns = {
  config: AuthConfig
  /** What GitHub says of the person who signs in next. */
  gitHubUser: Record<string, unknown>
  gitHubEmails: unknown
  /** Claims that Google's id_token has on top of the right ones. */
  googleClaims: Record<string, unknown>
  /** By path: what happens instead of the answer. */
  faults: Map<string, Fault>
  calls: { path: string; headers: IncomingMessage['headers']; body: string }[]
  /**
   * What a person who agrees does: follows the redirect to the provider and comes back with its
   * answer.
   */
  consent(authorizationUrl: string): URL
  close(): Promise<void>
}

export async function startStandIns(options: { appOrigin: string }): Promise<StandIns> {
  const codes = new Map<string, Pending>()
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const origin = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`

  const standIns: StandIns = {
    config: {
      appOrigin: options.appOrigin,
      sessionSecrets: ['a-session-secret-of-thirty-two-letters'],
      github: {
        clientId: 'gh-client',
        clientSecret: 'gh-secret',
        webUrl: origin,
        apiUrl: `${origin}/api/v3`,
      },
      google: {
        clientId: 'goo-client',
        clientSecret: 'goo-secret',
        authUrl: `${origin}/o/oauth2/v2/auth`,
        tokenUrl: `${origin}/oauth2/token`,
        issuers: [origin],
      },
      timeoutMs: 400,
    },
    gitHubUser: {
      id: 583231,
      login: 'octocat',
      name: 'Mona',
      avatar_url: `${origin}/avatar`,
      created_at: '2011-01-25T18:44:36Z',
    },
    gitHubEmails: [
      { email: 'other@example.org', primary: false, verified: true },
      { email: 'Mona@example.org', primary: true, verified: true },
    ],
    googleClaims: {
      sub: '1122334455',
      email: 'mona@gmail.com',
      email_verified: true,
      name: 'Mona',
      picture: `${origin}/picture`,
    },
    faults: new Map(),
    calls: [],
    consent(authorizationUrl) {
      const url = new URL(authorizationUrl)
      const parameter = (name: string) => url.searchParams.get(name) ?? ''
      if (
        parameter('code_challenge_method') !== 'S256' ||
        parameter('code_challenge').length !== 43
      )
        throw new Error('PKCE is required')
      const provider = parameter('client_id') === 'gh-client' ? 'github' : 'google'
      const code = randomBytes(8).toString('hex')
      codes.set(code, {
        provider,
        challenge: parameter('code_challenge'),
        redirectUri: parameter('redirect_uri'),
        nonce: url.searchParams.get('nonce'),
      })
      const back = new URL(parameter('redirect_uri'))
      back.searchParams.set('code', code)
      back.searchParams.set('state', parameter('state'))
      return back
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const path = new URL(request.url ?? '/', origin).pathname
    standIns.calls.push({ path, headers: request.headers, body })
    const fault = standIns.faults.get(path)
    if (fault?.hang) return
    if (fault?.drop) return void request.socket.destroy()
    if (fault)
      return void response
        .writeHead(fault.status ?? 200, { 'Content-Type': 'application/json', ...fault.headers })
        .end(fault.body ?? '{}')
    const send = (status: number, value: unknown) =>
      void response
        .writeHead(status, { 'Content-Type': 'application/json' })
        .end(JSON.stringify(value))

    if (path === '/login/oauth/access_token' || path === '/oauth2/token') {
      const provider = path === '/oauth2/token' ? 'google' : 'github'
      const form = new URLSearchParams(body)
      const [id, secret, refusal] =
        provider === 'github'
          ? ['gh-client', 'gh-secret', 'incorrect_client_credentials']
          : ['goo-client', 'goo-secret', 'invalid_client']
      const status = provider === 'github' ? 200 : 400
      const pending = codes.get(form.get('code') ?? '')
      codes.delete(form.get('code') ?? '')
      if (
        request.method !== 'POST' ||
        form.get('client_id') !== id ||
        form.get('client_secret') !== secret
      )
        return send(status, { error: refusal })
      const challenge = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url')
      if (
        !pending ||
        pending.provider !== provider ||
        pending.redirectUri !== form.get('redirect_uri') ||
        pending.challenge !== challenge
      ) {
        return send(status, {
          error: provider === 'github' ? 'bad_verification_code' : 'invalid_grant',
          error_description: 'SECRET-DESCRIPTION',
        })
      }
      if (provider === 'github')
        return send(200, {
          access_token: 'gho_token-of-github',
          token_type: 'bearer',
          scope: 'read:user,user:email',
        })
      const claims = {
        iss: origin,
        aud: 'goo-client',
        exp: Math.floor(Date.now() / 1000) + 3600,
        nonce: pending.nonce,
        ...standIns.googleClaims,
      }
      return send(200, {
        access_token: 'token-of-google',
        token_type: 'Bearer',
        expires_in: 3600,
        id_token: `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`,
      })
    }
    if (request.headers.authorization !== 'Bearer gho_token-of-github')
      return send(401, { message: 'Bad credentials' })
    if (path === '/api/v3/user') return send(200, standIns.gitHubUser)
    if (path === '/api/v3/user/emails') return send(200, standIns.gitHubEmails)
    return send(404, {})
  }
  return standIns
}

/** As much of a browser as a sign-in needs: keeps cookies, forgets them when told. */
export class CookieJar {
  readonly cookies = new Map<string, string>()

  take(response: Response): Response {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split('; ')
      const name = pair.slice(0, pair.indexOf('='))
      if (attributes.some((attribute) => /^max-age=0$/i.test(attribute))) this.cookies.delete(name)
      else this.cookies.set(name, pair.slice(pair.indexOf('=') + 1))
    }
    return response
  }

  request(url: string | URL, headers: Record<string, string> = {}): Request {
    return new Request(url, {
      headers: {
        ...headers,
        Cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      },
    })
  }
}

/**
 * Sign-in at GitHub with PKCE (S256). The email is the primary address, and only when GitHub says
 * that it is verified.
 */
import { createHmac } from 'node:crypto'
import { GitHub, OAuth2Tokens } from 'arctic'
import { GitHubStrategy } from 'remix-auth-github'
import { z } from 'zod'
import type { AuthConfig, ProviderIdentity } from './identity-provider'
import { attemptId, sha256, stateCookie, viewOf } from './oauth-attempt.server'
import {
  callProvider,
  checked,
  dateOrNull,
  displayName,
  webUrlOrNull,
  withoutSlash,
} from './oauth-call.server'

const gitHubTokenSchema = z.object({ access_token: z.string().min(1) })

const gitHubUserSchema = z.object({
  id: z.number().int().positive(),
  login: z.string().min(1),
  name: z.string().nullish(),
  avatar_url: z.string().nullish(),
  created_at: z.string().nullish(),
})

const gitHubEmailsSchema = z.array(
  z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }),
)

export class KeymintGitHubStrategy extends GitHubStrategy<ProviderIdentity> {
  readonly #config: AuthConfig

  constructor(config: AuthConfig) {
    const redirectURI = `${config.appOrigin}/auth/github/callback`
    super(
      {
        clientId: config.github.clientId,
        clientSecret: config.github.clientSecret,
        redirectURI,
        scopes: ['read:user', 'user:email'],
        cookie: stateCookie('github', 'none', config),
      },
      ({ tokens }) => readGitHubIdentity(config, tokens.accessToken()),
    )
    this.#config = config
    this.client = new KeymintGitHubClient(config, redirectURI, null, () => undefined)
  }

  override authenticate(request: Request): Promise<ProviderIdentity> {
    // A view of this strategy for one request: the library has one cookie for all attempts and no
    // PKCE, so that a second tab would break the first.
    const config = this.#config
    const view = viewOf(this)
    const nameCookie = (state: string) => {
      view.options = { ...this.options, cookie: stateCookie('github', attemptId(state), config) }
    }
    const state = new URL(request.url).searchParams.get('state')
    if (state) nameCookie(state)
    view.client = new KeymintGitHubClient(
      config,
      `${config.appOrigin}/auth/github/callback`,
      state,
      nameCookie,
    )
    return super.authenticate.call(view, request)
  }
}

class KeymintGitHubClient extends GitHub {
  readonly #config: AuthConfig
  readonly #redirectURI: string
  readonly #state: string | null
  readonly #onState: (state: string) => void

  constructor(
    config: AuthConfig,
    redirectURI: string,
    state: string | null,
    onState: (state: string) => void,
  ) {
    super(config.github.clientId, config.github.clientSecret, redirectURI)
    this.#config = config
    this.#redirectURI = redirectURI
    this.#state = state
    this.#onState = onState
  }

  override createAuthorizationURL(state: string, scopes: string[]): URL {
    this.#onState(state)
    const url = new URL(`${withoutSlash(this.#config.github.webUrl)}/login/oauth/authorize`)
    url.search = super.createAuthorizationURL(state, scopes).search
    url.searchParams.set('code_challenge_method', 'S256')
    url.searchParams.set('code_challenge', sha256(this.#verifier(state)))
    return url
  }

  override async validateAuthorizationCode(code: string): Promise<OAuth2Tokens> {
    const { clientId, clientSecret, webUrl } = this.#config.github
    const form = {
      client_id: clientId,
      client_secret: clientSecret,
      code,
      redirect_uri: this.#redirectURI,
      code_verifier: this.#verifier(this.#state ?? ''),
    }
    const answer = await callProvider(
      'GitHub token',
      `${withoutSlash(webUrl)}/login/oauth/access_token`,
      this.#config,
      { form },
    )
    return new OAuth2Tokens(checked('GitHub token', gitHubTokenSchema, answer))
  }

  // Derived from the state and our secret, so that nothing needs storing.
  #verifier(state: string): string {
    return createHmac('sha256', this.#config.sessionSecrets[0] ?? '')
      .update(`pkce:${state}`)
      .digest('base64url')
  }
}

async function readGitHubIdentity(
  config: AuthConfig,
  accessToken: string,
): Promise<ProviderIdentity> {
  const api = withoutSlash(config.github.apiUrl)
  const [userAnswer, emailsAnswer] = await Promise.all([
    callProvider('GitHub user', `${api}/user`, config, { bearer: accessToken }),
    callProvider('GitHub emails', `${api}/user/emails?per_page=100`, config, {
      bearer: accessToken,
    }),
  ])
  const user = checked('GitHub user', gitHubUserSchema, userAnswer)
  const primary = checked('GitHub emails', gitHubEmailsSchema, emailsAnswer).find(
    (email) => email.primary && email.verified,
  )
  return {
    provider: 'github',
    providerUserId: String(user.id),
    login: user.login,
    email: primary?.email ?? null,
    name: displayName(user.name) || user.login,
    avatarUrl: webUrlOrNull(user.avatar_url),
    accountCreatedAt: dateOrNull(user.created_at),
    emailIsAuthoritative: false,
  }
}

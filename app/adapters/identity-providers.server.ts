/**
 * Sign-in at GitHub and Google: state, PKCE (S256) at both, nonce and id_token claims at Google.
 * Guarantee: an identity comes out only if the provider answered for this browser's own attempt; an
 * email only if the provider says that it is verified. No token outlives the call, and none is ever
 * logged.
 */
import { createHash, createHmac } from 'node:crypto'
import { CodeChallengeMethod, GitHub, OAuth2RequestError, OAuth2Tokens } from 'arctic'
import { Authenticator } from 'remix-auth'
import { GitHubStrategy } from 'remix-auth-github'
import { GoogleStrategy } from 'remix-auth-google'
import { z } from 'zod'

export type Provider = 'github' | 'google'

export type ProviderIdentity = {
  provider: Provider
  /** The provider's own, permanent id; logins and emails change hands, this does not. */
  providerUserId: string
  login: string | null
  /** As the provider writes it, and only if the provider says that it is verified. */
  email: string | null
  name: string
  avatarUrl: string | null
  accountCreatedAt: Date | null
  /**
   * Whether the provider runs this mailbox itself: Gmail, or a Workspace account. Never true for
   * GitHub.
   */
  emailIsAuthoritative: boolean
}

export type AuthConfig = {
  appOrigin: string
  /** Newest first. */
  sessionSecrets: string[]
  github: { clientId: string; clientSecret: string; webUrl: string; apiUrl: string }
  google: {
    clientId: string
    clientSecret: string
    authUrl: string
    tokenUrl: string
    issuers: string[]
  }
  /** How long one call to a provider may take. */
  timeoutMs?: number
}

export type AuthSetup = {
  authenticator: Authenticator<ProviderIdentity>
  secureCookies: boolean
  appOrigin: string
  sessionSecrets: string[]
}

export type SignInFailure =
  | 'access_denied'
  | 'expired'
  | 'unverified_account'
  | 'unavailable'
  | 'misconfigured'
  | 'provider_error'

/** A sign-in that did not happen. `message` is for the log: our own words, never the provider's. */
class IdentityProviderError extends Error {
  override name = 'IdentityProviderError'
  constructor(
    readonly failure: SignInFailure,
    message: string,
  ) {
    super(message)
  }
}

function isIdentityProviderError(error: unknown): error is IdentityProviderError {
  return error instanceof Error && error.name === 'IdentityProviderError' && 'failure' in error
}

export function isProvider(text: string | undefined): text is Provider {
  return text === 'github' || text === 'google'
}

export function createAuthSetup(config: AuthConfig): AuthSetup {
  const secureCookies = config.appOrigin.startsWith('https:')
  return {
    authenticator: new Authenticator<ProviderIdentity>()
      .use(new KeymintGitHubStrategy(config), 'github')
      .use(new KeymintGoogleStrategy(config), 'google'),
    secureCookies,
    appOrigin: config.appOrigin,
    sessionSecrets: config.sessionSecrets,
  }
}

/**
 * What went wrong, in our words. Null means that it is none of the provider's doing: a bug, to be
 * thrown on.
 */
export function explainSignInFailure(
  error: unknown,
): { failure: SignInFailure; reason: string } | null {
  // By its name: the pages are a bundle of their own, with a class of their own.
  if (isIdentityProviderError(error)) return { failure: error.failure, reason: error.message }
  if (error instanceof OAuth2RequestError) return explainOAuthError(error.code)
  // remix-auth's words for a state that is missing, and for one that is not this browser's.
  if (error instanceof ReferenceError || error instanceof RangeError)
    return { failure: 'expired', reason: 'state or code missing, or not of this browser' }
  return null
}

/**
 * Names one sign-in attempt without giving its state away: every cookie of the attempt carries it.
 */
export function attemptId(state: string): string {
  return sha256(state).slice(0, 16)
}

/**
 * Browsers send a `__Host-` cookie back only to the host that set it: a sibling domain cannot plant
 * one.
 */
export function attemptCookieName(
  purpose: Provider | 'return',
  attempt: string,
  secure: boolean,
): string {
  return `${secure ? '__Host-' : ''}oauth-${purpose}-${attempt}`
}

/** `Set-Cookie` values that forget one attempt, or with null all of them. */
export function clearAttemptCookies(
  request: Request,
  secure: boolean,
  attempt: string | null,
): string[] {
  const prefix = secure ? '__Host-oauth-' : 'oauth-'
  return cookieNames(request)
    .filter(
      (name) =>
        name.startsWith(prefix) &&
        (attempt === null ||
          name
            .slice(prefix.length)
            .replace(/^[a-z]+-/, '')
            .split(':')[0] === attempt),
    )
    .map((name) => `${name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`)
}

export function countAttemptCookies(request: Request, secure: boolean): number {
  return cookieNames(request).filter((name) => name.startsWith(secure ? '__Host-oauth-' : 'oauth-'))
    .length
}

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

class KeymintGitHubStrategy extends GitHubStrategy<ProviderIdentity> {
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
    // A view of this strategy for one request: upstream has one cookie and no PKCE, so that a
    // second tab would break the first.
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

  // Derived from the state, so that nothing needs storing; not to be guessed without our secret.
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

const googleTokenSchema = z.object({ id_token: z.string().min(1) })
const googleClaimsSchema = z.object({
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string()).min(1)]),
  azp: z.string().optional(),
  exp: z.number(),
  nonce: z.string(),
  sub: z.string().min(1).max(255),
  email: z.string().optional(),
  email_verified: z.boolean().optional(),
  hd: z.string().optional(),
  name: z.string().optional(),
  picture: z.string().optional(),
})

class KeymintGoogleStrategy extends GoogleStrategy<ProviderIdentity> {
  readonly #config: AuthConfig

  constructor(config: AuthConfig) {
    const redirectURI = `${config.appOrigin}/auth/google/callback`
    super(
      {
        clientId: config.google.clientId,
        clientSecret: config.google.clientSecret,
        redirectURI,
        scopes: ['openid', 'email', 'profile'],
        prompt: 'select_account',
      },
      async ({ request, tokens }) =>
        readGoogleIdentity(
          config,
          tokens.idToken(),
          new URL(request.url).searchParams.get('state') ?? '',
        ),
    )
    this.#config = config
    // Upstream writes Google's own addresses here and leaves the cookie without Secure.
    this.options = {
      ...this.options,
      authorizationEndpoint: config.google.authUrl,
      tokenEndpoint: config.google.tokenUrl,
      codeChallengeMethod: CodeChallengeMethod.S256,
      cookie: stateCookie('google', 'none', config),
    }
  }

  override authenticate(request: Request): Promise<ProviderIdentity> {
    const config = this.#config
    const view = viewOf(this)
    const nameCookie = (state: string) => {
      view.options = { ...this.options, cookie: stateCookie('google', attemptId(state), config) }
    }
    const state = new URL(request.url).searchParams.get('state')
    if (state) nameCookie(state)
    view.createAuthorizationURL = () => {
      const made = super.createAuthorizationURL()
      nameCookie(made.state)
      return made
    }
    view.validateAuthorizationCode = async (code, codeVerifier) => {
      const { clientId, clientSecret, tokenUrl } = config.google
      const form = {
        grant_type: 'authorization_code',
        client_id: clientId,
        client_secret: clientSecret,
        code,
        redirect_uri: `${config.appOrigin}/auth/google/callback`,
        code_verifier: codeVerifier,
      }
      return new OAuth2Tokens(
        checked(
          'Google token',
          googleTokenSchema,
          await callProvider('Google token', tokenUrl, config, { form }),
        ),
      )
    }
    return super.authenticate.call(view, request)
  }

  protected override authorizationParams(
    params: URLSearchParams,
    request?: Request,
  ): URLSearchParams {
    params.set('nonce', nonceOf(params.get('state') ?? ''))
    return super.authorizationParams(params, request)
  }
}

/**
 * The id_token came over TLS from the token endpoint itself: its claims are checked, its signature
 * need not be (OIDC Core 3.1.3.7, 6).
 */
function readGoogleIdentity(config: AuthConfig, idToken: string, state: string): ProviderIdentity {
  const claims = checked('Google id_token', googleClaimsSchema, jwtPayload(idToken))
  const { clientId, issuers } = config.google
  const audience = [claims.aud].flat()
  const complaint = !issuers.includes(claims.iss)
    ? 'iss'
    : !audience.includes(clientId)
      ? 'aud'
      : (audience.length > 1 || claims.azp !== undefined) && claims.azp !== clientId
        ? 'azp'
        : claims.exp * 1000 <= Date.now()
          ? 'exp'
          : claims.nonce !== nonceOf(state)
            ? 'nonce'
            : null
  if (complaint)
    throw new IdentityProviderError('provider_error', `Google id_token: ${complaint} is wrong`)

  const email = claims.email_verified === true && claims.email ? claims.email : null
  return {
    provider: 'google',
    providerUserId: claims.sub,
    login: null,
    email,
    name: displayName(claims.name) || email || 'Google user',
    avatarUrl: webUrlOrNull(claims.picture),
    accountCreatedAt: null,
    emailIsAuthoritative:
      email !== null && (/@(gmail|googlemail)\.com$/i.test(email) || Boolean(claims.hd)),
  }
}

function jwtPayload(token: string): unknown {
  try {
    const decoded: unknown = JSON.parse(
      Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'),
    )
    return decoded
  } catch {
    throw new IdentityProviderError('provider_error', 'Google id_token: not a JWT')
  }
}

const nonceOf = (state: string) => sha256(`nonce:${state}`)

const oauthErrors = new Map<string, SignInFailure>([
  ['access_denied', 'access_denied'],
  ['bad_verification_code', 'expired'],
  ['invalid_grant', 'expired'],
  ['unverified_user_email', 'unverified_account'],
  ['temporarily_unavailable', 'unavailable'],
  ['server_error', 'unavailable'],
  ['slow_down', 'unavailable'],
  ['redirect_uri_mismatch', 'misconfigured'],
  ['incorrect_client_credentials', 'misconfigured'],
  ['invalid_client', 'misconfigured'],
  ['unauthorized_client', 'misconfigured'],
  ['application_suspended', 'misconfigured'],
  ['invalid_scope', 'misconfigured'],
  ['unsupported_response_type', 'misconfigured'],
  ['unsupported_grant_type', 'misconfigured'],
])

/** The code may come from a URL that anybody can write: only a known one goes any further. */
function explainOAuthError(code: string): { failure: SignInFailure; reason: string } {
  const failure = oauthErrors.get(code)
  return failure
    ? { failure, reason: `the provider said ${code}` }
    : { failure: 'provider_error', reason: 'the provider said something we do not know' }
}

const oauthErrorSchema = z.object({ error: z.string() })

/**
 * One call: within the time limit, without redirects (they would carry the secret elsewhere), and
 * failing in our words only.
 */
async function callProvider(
  what: string,
  url: string,
  config: AuthConfig,
  call: { form: Record<string, string> } | { bearer: string },
): Promise<unknown> {
  let status: number
  let limited: boolean
  let text: string
  try {
    const response = await fetch(url, {
      ...('form' in call ? { method: 'POST', body: new URLSearchParams(call.form) } : {}),
      headers: {
        Accept: 'application/json',
        'User-Agent': 'Keymint',
        ...('bearer' in call
          ? {
              Accept: 'application/vnd.github+json',
              Authorization: `Bearer ${call.bearer}`,
              'X-GitHub-Api-Version': '2022-11-28',
            }
          : {}),
      },
      redirect: 'error',
      signal: AbortSignal.timeout(config.timeoutMs ?? 10_000),
    })
    status = response.status
    limited =
      response.headers.get('x-ratelimit-remaining') === '0' || response.headers.has('retry-after')
    text = await response.text()
  } catch (error) {
    throw new IdentityProviderError(
      'unavailable',
      `${what}: ${error instanceof Error && error.name === 'TimeoutError' ? 'no answer in time' : 'cannot be reached'}`,
    )
  }
  const answer = jsonOrUndefined(text)
  // GitHub answers a refused code with 200 and an error in the body.
  const refused = 'form' in call ? oauthErrorSchema.safeParse(answer) : null
  if (refused?.success) {
    const { failure, reason } = explainOAuthError(refused.data.error)
    throw new IdentityProviderError(failure, `${what}: ${status}, ${reason}`)
  }
  if (status >= 200 && status < 300 && answer !== undefined) return answer
  if (status >= 500 || status === 429 || (status === 403 && limited))
    throw new IdentityProviderError('unavailable', `${what}: ${status}`)
  // With a token that is seconds old, a refusal means that the app may not ask this.
  if ('bearer' in call && (status === 401 || status === 403 || status === 404))
    throw new IdentityProviderError('misconfigured', `${what}: ${status}`)
  throw new IdentityProviderError('provider_error', `${what}: ${status}, unreadable or unexpected`)
}

function checked<Schema extends z.ZodType>(
  what: string,
  schema: Schema,
  answer: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(answer)
  if (parsed.success) return parsed.data
  const fields = parsed.error.issues.map((issue) => issue.path.join('.') || 'all of it').join(', ')
  throw new IdentityProviderError('provider_error', `${what}: not as expected (${fields})`)
}

/** An object that behaves as the original until something is set on it. */
function viewOf<Original extends object>(original: Original): Original {
  const view: unknown = Object.create(original)
  return view as Original
}

function stateCookie(provider: Provider, attempt: string, config: AuthConfig) {
  const secure = config.appOrigin.startsWith('https:')
  return {
    name: attemptCookieName(provider, attempt, secure),
    httpOnly: true as const,
    ...(secure ? { secure: true as const } : {}),
    sameSite: 'Lax' as const,
    path: '/',
    maxAge: attemptLifetimeSeconds,
  }
}

/** How long a person has to come back from the provider. */
export const attemptLifetimeSeconds = 600

function cookieNames(request: Request): string[] {
  return (request.headers.get('Cookie') ?? '')
    .split(/;\s*/)
    .map((pair) => pair.split('=')[0] ?? '')
    .filter((name) => /^[\w:-]+$/.test(name))
}

function jsonOrUndefined(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text)
    return parsed
  } catch {
    return undefined
  }
}

/** People write their own names: no control characters (Postgres refuses NUL), and not a novel. */
function displayName(text: string | null | undefined): string {
  return (text ?? '')
    .replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 200)
}

function webUrlOrNull(text: string | null | undefined): string | null {
  return text && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) ? text : null
}

function dateOrNull(text: string | null | undefined): Date | null {
  const date = text ? new Date(text) : null
  return date && !Number.isNaN(date.getTime()) ? date : null
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url')
const withoutSlash = (url: string) => url.replace(/\/+$/, '')

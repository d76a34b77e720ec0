/** Sign-in at Google with PKCE (S256), a nonce, and every claim of the id_token checked. */
import { CodeChallengeMethod, OAuth2Tokens } from 'arctic'
import { GoogleStrategy } from 'remix-auth-google'
import { z } from 'zod'
import { IdentityProviderError, type AuthConfig, type ProviderIdentity } from './identity-provider'
import { attemptId, sha256, stateCookie, viewOf } from './oauth-attempt.server'
import { callProvider, checked, displayName, webUrlOrNull } from './oauth-call.server'

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

export class KeymintGoogleStrategy extends GoogleStrategy<ProviderIdentity> {
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
    // The library writes Google's own addresses here and leaves the cookie without Secure.
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

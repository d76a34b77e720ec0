/**
 * Sign-in at GitHub and Google: state, PKCE (S256) at both, nonce and id_token claims at Google.
 * Guarantee: an identity only if the provider answered for this browser's own attempt; an email
 * only if the provider says that it is verified. Tokens are neither stored nor logged.
 */
import { OAuth2RequestError } from 'arctic'
import { Authenticator } from 'remix-auth'
import { KeymintGitHubStrategy } from './github-sign-in.server'
import { KeymintGoogleStrategy } from './google-sign-in.server'
import {
  type ProviderIdentity,
  type AuthConfig,
  type SignInFailure,
  isIdentityProviderError,
} from './identity-provider'
import { explainOAuthError } from './oauth-call.server'

export type AuthSetup = {
  authenticator: Authenticator<ProviderIdentity>
  secureCookies: boolean
  appOrigin: string
  sessionSecrets: string[]
}

/** Both strategies behind one authenticator, with secure cookies when the origin is https. */
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
 * What went wrong, as a code for the page and a reason for the log. Null for an error that is not
 * the provider's: a bug, to be rethrown.
 */
export function explainSignInFailure(
  error: unknown,
): { failure: SignInFailure; reason: string } | null {
  // By name: the bundle of the pages has its own class.
  if (isIdentityProviderError(error)) return { failure: error.failure, reason: error.message }
  if (error instanceof OAuth2RequestError) return explainOAuthError(error.code)
  // How remix-auth refuses a state that is missing or not this browser's.
  if (error instanceof ReferenceError || error instanceof RangeError)
    return { failure: 'expired', reason: 'state or code missing, or not of this browser' }
  return null
}

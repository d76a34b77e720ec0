/**
 * Sign-in at GitHub and Google: state, PKCE (S256) at both, nonce and id_token claims at Google.
 * Guarantee: an identity comes out only if the provider answered for this browser's own attempt; an
 * email only if the provider says that it is verified. No token outlives the call, and none is ever
 * logged.
 */
import { OAuth2RequestError } from 'arctic'
import { Authenticator } from 'remix-auth'
import {
  type ProviderIdentity,
  type AuthConfig,
  type SignInFailure,
  isIdentityProviderError,
} from './identity-provider'
import { explainOAuthError } from './oauth-call.server'
import { KeymintGitHubStrategy } from './github-sign-in.server'
import { KeymintGoogleStrategy } from './google-sign-in.server'

export type AuthSetup = {
  authenticator: Authenticator<ProviderIdentity>
  secureCookies: boolean
  appOrigin: string
  sessionSecrets: string[]
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

/** What signing in at a provider needs and gives, and how it fails. */

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

export type SignInFailure =
  | 'access_denied'
  | 'expired'
  | 'unverified_account'
  | 'unavailable'
  | 'misconfigured'
  | 'provider_error'

/** A sign-in that failed. `message` is for the log and holds nothing the provider wrote. */
export class IdentityProviderError extends Error {
  override name = 'IdentityProviderError'
  constructor(
    readonly failure: SignInFailure,
    message: string,
  ) {
    super(message)
  }
}

export function isIdentityProviderError(error: unknown): error is IdentityProviderError {
  return error instanceof Error && error.name === 'IdentityProviderError' && 'failure' in error
}

export function isProvider(text: string | undefined): text is Provider {
  return text === 'github' || text === 'google'
}

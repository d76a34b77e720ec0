/**
 * Calls to a sign-in provider, and the reading of its answers. Every failure is an
 * IdentityProviderError whose message holds nothing the provider wrote.
 */
import { z } from 'zod'
import { IdentityProviderError, type AuthConfig, type SignInFailure } from './identity-provider'

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

/** The code may come from a forged URL: only a known one is passed on. */
export function explainOAuthError(code: string): { failure: SignInFailure; reason: string } {
  const failure = oauthErrors.get(code)
  return failure
    ? { failure, reason: `the provider said ${code}` }
    : { failure: 'provider_error', reason: 'the provider said something we do not know' }
}

const oauthErrorSchema = z.object({ error: z.string() })

/**
 * One call, within `timeoutMs` of the config (10 s unless set), without redirects, which would
 * carry the secret elsewhere. Throws an IdentityProviderError for anything but a JSON answer.
 */
export async function callProvider(
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

/** The answer in the shape of the schema, or an IdentityProviderError that names the fields. */
export function checked<Schema extends z.ZodType>(
  what: string,
  schema: Schema,
  answer: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(answer)
  if (parsed.success) return parsed.data
  const fields = parsed.error.issues.map((issue) => issue.path.join('.') || 'all of it').join(', ')
  throw new IdentityProviderError('provider_error', `${what}: not as expected (${fields})`)
}

function jsonOrUndefined(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text)
    return parsed
  } catch {
    return undefined
  }
}

/** A name as people write it, without control characters (Postgres refuses NUL), cut to 200. */
export function displayName(text: string | null | undefined): string {
  return (text ?? '')
    .replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 200)
}

export function webUrlOrNull(text: string | null | undefined): string | null {
  return text && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) ? text : null
}

export function dateOrNull(text: string | null | undefined): Date | null {
  const date = text ? new Date(text) : null
  return date && !Number.isNaN(date.getTime()) ? date : null
}

export const withoutSlash = (url: string) => url.replace(/\/+$/, '')

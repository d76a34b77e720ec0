/**
 * The cookies of one sign-in attempt. Each attempt has cookies of its own, so two tabs can sign in
 * side by side.
 */
import { createHash } from 'node:crypto'
import type { AuthConfig, Provider } from './identity-provider'

/** The name of one sign-in attempt in its cookies; it does not reveal the attempt's state. */
export function attemptId(state: string): string {
  return sha256(state).slice(0, 16)
}

/**
 * The `__Host-` prefix, over https, keeps sibling domains from setting such a cookie.
 */
export function attemptCookieName(
  purpose: Provider | 'return',
  attempt: string,
  secure: boolean,
): string {
  return `${secure ? '__Host-' : ''}oauth-${purpose}-${attempt}`
}

/** `Set-Cookie` values that delete the cookies of one attempt, or with null of all. */
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

/** An object that behaves like the original until a property is set on it. */
export function viewOf<Original extends object>(original: Original): Original {
  const view: unknown = Object.create(original)
  return view as Original
}

export function stateCookie(provider: Provider, attempt: string, config: AuthConfig) {
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

export const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url')

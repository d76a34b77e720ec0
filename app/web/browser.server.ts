/**
 * Tells browsers behind one address apart before anybody has signed in, so that a flood from one of
 * them counts against that one alone. The cookie holds a random id and our signature, lives for an
 * hour, and nothing is stored about it but a count.
 */
import { randomUUID } from 'node:crypto'
import { createCookie } from '@remix-run/node'
import type { AuthSetup } from '~/adapters/identity-providers.server'

type Args = { request: Request; auth: AuthSetup }

const lifetimeSeconds = 3_600

function browserCookie(auth: AuthSetup) {
  return createCookie(auth.secureCookies ? '__Host-browser' : 'browser', {
    secrets: auth.sessionSecrets,
    secure: auth.secureCookies,
    httpOnly: true,
    sameSite: 'lax',
    path: '/',
    maxAge: lifetimeSeconds,
  })
}

/** The id in this browser's cookie, if we signed it. */
export async function readBrowser({ request, auth }: Args): Promise<string | null> {
  const value: unknown = await browserCookie(auth).parse(request.headers.get('Cookie'))
  return typeof value === 'string' && value.length === 36 ? value : null
}

/** The `Set-Cookie` for a browser that has none; nothing for others. */
export async function nameBrowser(args: Args): Promise<Record<string, string>> {
  if ((await readBrowser(args)) !== null) return {}
  return { 'Set-Cookie': await browserCookie(args.auth).serialize(randomUUID()) }
}

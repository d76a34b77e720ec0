/**
 * Sign-in through a provider. Guarantee: the callback always ends in a redirect within this site
 * that deletes the attempt's cookies; a session starts only for an identity that the provider has
 * confirmed, always under a new token.
 */
import { createCookie, redirect } from '@remix-run/node'
import { isDatabaseUnavailable } from '~/adapters/db.server'
import { type AuthSetup, explainSignInFailure } from '~/adapters/identity-providers.server'
import {
  attemptCookieName,
  attemptId,
  attemptLifetimeSeconds,
  clearAttemptCookies,
  countAttemptCookies,
} from '~/adapters/oauth-attempt.server'
import { isProvider, type Provider, type ProviderIdentity } from '~/adapters/identity-provider'
import { resolveAttendee } from '~/domain/people/account.server'
import { readJoin } from '~/domain/people/join-accounts.server'
import { startSession } from '~/domain/people/session.server'
import type { Ctx } from '~/domain/ctx'
import { joinAccountsUrl, meUrl } from '~/urls'
import { notFound } from './handler.server'
import {
  getViewer,
  readSessionToken,
  safeReturnTo,
  sessionCookie,
  signInPath,
} from './session.server'
import type { SignInProblemCode } from './sign-in-problems'

/** Redirects to the provider, with the attempt's state and its returnTo in cookies of their own. */
export async function startSignIn(input: {
  request: Request
  auth: AuthSetup
  provider: string | undefined
  returnTo: unknown
}): Promise<Response> {
  const { request, auth } = input
  const provider = requireProvider(input.provider)
  // remix-auth takes a request with `?state=` for a callback: give it one without a query.
  const start = new Request(`${auth.appOrigin}/auth/${provider}`, {
    headers: { Cookie: request.headers.get('Cookie') ?? '' },
  })
  const answer = await auth.authenticator
    .authenticate(provider, start)
    .catch((thrown: unknown) => thrown)
  const location = answer instanceof Response ? answer.headers.get('Location') : null
  const state = location ? new URL(location).searchParams.get('state') : null
  if (!(answer instanceof Response) || !location || !state) throw answer

  const headers = new Headers({ 'Cache-Control': 'no-store' })
  // Unfinished attempts pile up and would exceed the size that a server accepts as headers.
  if (countAttemptCookies(request, auth.secureCookies) > 12)
    appendAll(headers, clearAttemptCookies(request, auth.secureCookies, null))
  appendAll(headers, answer.headers.getSetCookie())
  headers.append(
    'Set-Cookie',
    await returnCookie(auth, attemptId(state)).serialize(safeReturnTo(input.returnTo)),
  )
  return redirect(location, { status: 303, headers })
}

/** Handles the provider's redirect: on to returnTo, or to the sign-in page with the reason. */
export async function finishSignIn(input: {
  request: Request
  ctx: Pick<Ctx, 'db' | 'settings' | 'log' | 'fingerprints'>
  auth: AuthSetup
  provider: string | undefined
  requestId: string
}): Promise<Response> {
  const { request, ctx, auth, requestId } = input
  const provider = requireProvider(input.provider)
  const state = new URL(request.url).searchParams.get('state')
  const attempt = state ? attemptId(state) : null
  const headers = new Headers({ 'Cache-Control': 'no-store' })
  appendAll(headers, clearAttemptCookies(request, auth.secureCookies, attempt))
  const returnTo = attempt
    ? safeReturnTo(await returnCookie(auth, attempt).parse(request.headers.get('Cookie')))
    : '/'

  const fail = (error: SignInProblemCode, reason: string) => {
    ctx.log.warn({ requestId, provider, failure: error, reason }, 'a sign-in failed')
    return redirect(signInPath({ error, provider, returnTo }), { status: 303, headers })
  }

  if (!state) return fail('expired', 'no state in the callback')
  let identity: ProviderIdentity
  try {
    identity = await auth.authenticator.authenticate(provider, request)
  } catch (error) {
    const explained = explainSignInFailure(error)
    if (!explained) throw error
    return fail(explained.failure, explained.reason)
  }

  try {
    const current = await getViewer({ request, ctx, auth })
    const { userId } = await resolveAttendee(ctx, identity, current?.userId)
    const token = await startSession(ctx, {
      userId,
      provider,
      userAgent: request.headers.get('User-Agent'),
      replacesToken: await readSessionToken(request, auth),
    })
    headers.append('Set-Cookie', await sessionCookie(auth).serialize(token))
    const switched = current !== null && current.userId !== userId
    const join = switched ? await readJoin(ctx, token) : null
    const next = join?.keep
      ? joinAccountsUrl(returnTo)
      : join && returnTo === meUrl()
        ? meUrl('another-account')
        : returnTo
    return redirect(next, { status: 303, headers })
  } catch (error) {
    if (isDatabaseUnavailable(error))
      return fail('database_unavailable', 'the database is unreachable')
    throw error
  }
}

/** The attempt that this browser comes back to, if we began it there; null for any other request. */
export async function findAttempt(input: {
  request: Request
  auth: AuthSetup
}): Promise<string | null> {
  const state = new URL(input.request.url).searchParams.get('state')
  if (!state) return null
  const attempt = attemptId(state)
  const cookie: unknown = await returnCookie(input.auth, attempt).parse(
    input.request.headers.get('Cookie'),
  )
  return typeof cookie === 'string' ? attempt : null
}

function requireProvider(text: string | undefined): Provider {
  if (isProvider(text)) return text
  throw notFound()
}

/** Where to go afterwards, one cookie per attempt: two tabs may sign in for two workshops. */
function returnCookie(auth: AuthSetup, attempt: string) {
  return createCookie(attemptCookieName('return', attempt, auth.secureCookies), {
    secrets: auth.sessionSecrets,
    secure: auth.secureCookies,
    httpOnly: true,
    sameSite: 'lax',
    path: '/',
    maxAge: attemptLifetimeSeconds,
  })
}

function appendAll(headers: Headers, cookies: string[]): void {
  for (const cookie of cookies) headers.append('Set-Cookie', cookie)
}

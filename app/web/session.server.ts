/**
 * Who is asking, and what they may see. Every loader and action calls its own require*: a parent's
 * loader is no gate. The cookie holds a random token and nothing else; keymint.sessions is
 * authoritative.
 */
import { createCookie, redirect } from '@remix-run/node'
import { isDatabaseUnavailable } from '~/adapters/db.server'
import type { AuthSetup } from '~/adapters/identity-providers.server'
import type { Ctx } from '~/domain/ctx'
import {
  endAllSessions,
  endSession,
  findSession,
  isOrganizer,
  sessionLifetimeSeconds,
  type Viewer,
} from '~/domain/people/session.server'
import { notFound } from './handler.server'
import { requireWithinLimit } from './rate-limit.server'
import type { SignInProblemCode } from './sign-in-problems'

type SignInQuery = { returnTo?: string; error?: SignInProblemCode; provider?: string }
type Args = { request: Request; ctx: Pick<Ctx, 'db' | 'settings'>; auth: AuthSetup }
type GateArgs = Args & { ctx: Pick<Ctx, 'log' | 'limits'> }

type Look = Pick<Args, 'auth'> & { found: Promise<Viewer | null> }
const looks = new WeakMap<Ctx['db'], Map<string, Look>>()

/**
 * The person signed in at this browser, or null. The loaders of a page ask in the same turn of the
 * event loop and share one look. A later turn looks again, so that no ended session is seen as alive.
 */
export function getViewer({ request, ctx, auth }: Args): Promise<Viewer | null> {
  const cookie = request.headers.get('Cookie')
  if (!cookie) return Promise.resolve(null)
  const now = looks.get(ctx.db) ?? new Map<string, Look>()
  const known = now.get(cookie)
  if (known?.auth === auth) return known.found
  if (now.size === 0) {
    looks.set(ctx.db, now)
    setImmediate(() => looks.delete(ctx.db))
  }
  const found = readSessionToken(request, auth).then((token) =>
    token ? findSession(ctx, token) : null,
  )
  now.set(cookie, { auth, found })
  return found
}

/** As getViewer, for the one page that still works without the database. */
export async function getViewerOrOutage(
  args: Args,
): Promise<Viewer | null | 'database-unavailable'> {
  try {
    return await getViewer(args)
  } catch (error) {
    if (isDatabaseUnavailable(error)) return 'database-unavailable'
    throw error
  }
}

/**
 * Sends people who are not signed in to the sign-in page, and from there back here. A post of theirs
 * changes nothing, and the page says so.
 */
export async function requireViewer(args: Args): Promise<Viewer> {
  const viewer = await getViewer(args)
  if (viewer) return viewer
  const { request, auth } = args
  const url = new URL(request.url)
  if (request.method === 'GET' || request.method === 'HEAD')
    throw toSignIn({ returnTo: url.pathname + url.search })
  throw toSignIn({ returnTo: pageOfPost(request, auth), error: 'session_ended' })
}

/**
 * For anybody else who is signed in the page does not exist. Who is not is sent to sign in, whatever
 * the address names, so that nothing is revealed. Posts of admins are limited, generously, to stop a
 * runaway script.
 */
export async function requireAdmin(args: GateArgs): Promise<Viewer> {
  const viewer = await requireViewer(args)
  if (viewer.role !== 'admin') throw denied(args, viewer)
  if (args.request.method !== 'GET' && args.request.method !== 'HEAD')
    await requireWithinLimit({ request: args.request, ctx: args.ctx }, 'admin-action', viewer)
  return viewer
}

/** Admins and viewers. For anybody else the page does not exist. */
export async function requireStaff(args: GateArgs): Promise<Viewer> {
  const viewer = await requireViewer(args)
  if (viewer.role === 'admin' || viewer.role === 'viewer') return viewer
  throw denied(args, viewer)
}

type WorkshopArgs = Omit<GateArgs, 'ctx'> & {
  ctx: GateArgs['ctx'] & Pick<Ctx, 'workshops'>
  slug: string
}

/** Staff, and whom the workshop's file names as an organizer. For anybody else it does not exist. */
export async function requireWorkshopStaff(
  args: WorkshopArgs,
): Promise<{ viewer: Viewer; mayAct: boolean }> {
  const viewer = await requireViewer(args)
  if (viewer.role === 'admin' || organizes(args, viewer)) return { viewer, mayAct: true }
  if (viewer.role === 'viewer') return { viewer, mayAct: false }
  throw denied(args, viewer)
}

/** Admins, and organizers of this very workshop. */
export async function requireWorkshopActor(args: WorkshopArgs): Promise<Viewer> {
  const viewer = await requireViewer(args)
  if (!(viewer.role === 'admin' || organizes(args, viewer))) throw denied(args, viewer)
  if (args.request.method !== 'GET' && args.request.method !== 'HEAD')
    await requireWithinLimit({ request: args.request, ctx: args.ctx }, 'admin-action', viewer)
  return viewer
}

const organizes = ({ ctx, slug }: WorkshopArgs, viewer: Viewer): boolean =>
  isOrganizer(ctx.workshops.workshops.get(slug), viewer)

function denied({ request, ctx }: GateArgs, viewer: Viewer): Response {
  ctx.log.warn(
    {
      userId: viewer.userId,
      role: viewer.role,
      method: request.method,
      path: new URL(request.url).pathname,
    },
    'access to a staff page was denied',
  )
  return notFound()
}

/**
 * Ends this browser's session, or with `everywhere` all of the person's. Returns the `Set-Cookie`
 * that forgets it.
 */
export async function signOut(
  { request, ctx, auth }: Args,
  options: { everywhere: boolean },
): Promise<string> {
  const token = await readSessionToken(request, auth)
  const viewer = token && options.everywhere ? await findSession(ctx, token) : null
  if (viewer) await endAllSessions(ctx, viewer.userId)
  else if (token) await endSession(ctx, token)
  return sessionCookie(auth).serialize('', { maxAge: 0 })
}

/** The token in this browser's cookie, if we signed it. The session may have ended. */
export async function readSessionToken(request: Request, auth: AuthSetup): Promise<string | null> {
  const value: unknown = await sessionCookie(auth).parse(request.headers.get('Cookie'))
  return typeof value === 'string' && /^[\w-]{43}$/.test(value) ? value : null
}

export function sessionCookie(auth: AuthSetup) {
  return createCookie(auth.secureCookies ? '__Host-session' : 'session', {
    secrets: auth.sessionSecrets,
    secure: auth.secureCookies,
    httpOnly: true,
    // Not strict: coming back from the provider is a navigation from another site.
    sameSite: 'lax',
    path: '/',
    maxAge: sessionLifetimeSeconds,
  })
}

export function signInPath(query: SignInQuery): string {
  const params = new URLSearchParams()
  if (query.error) params.set('error', query.error)
  if (query.provider) params.set('provider', query.provider)
  const returnTo = safeReturnTo(query.returnTo)
  if (returnTo !== '/') params.set('returnTo', returnTo)
  return params.size > 0 ? `/sign-in?${params.toString()}` : '/sign-in'
}

/**
 * A path of this site, or "/" for anything that is not plainly one. What comes out never leaves the
 * origin, however often a browser or a proxy decodes it, and never leads back into signing in.
 */
export function safeReturnTo(text: unknown): string {
  if (
    typeof text !== 'string' ||
    text.length > 1024 ||
    !/^\/[\x21-\x7e]*$/.test(text) ||
    text.includes('\\')
  )
    return '/'
  if (!URL.canParse(text, base)) return '/'
  const url = new URL(text, base)
  const path = url.pathname + url.search
  // Dot segments can leave two slashes at the start: that would be another host.
  if (url.origin !== base || path.startsWith('//')) return '/'
  const decoded = decodedPath(url.pathname)
  if (
    decoded === null ||
    decoded.startsWith('//') ||
    /[\\\p{Cc}]/u.test(decoded) ||
    /%(0|1|7f)/i.test(url.search)
  )
    return '/'
  return /^\/(sign-in|sign-out|auth)(\/|$)/i.test(decoded) ? '/' : path
}

function toSignIn(query: SignInQuery): Response {
  return redirect(signInPath(query), 303)
}

const base = 'https://return.invalid'

/** Decoded until nothing is left to decode, so that "%252f%252f" is recognised. */
function decodedPath(pathname: string): string | null {
  let current = pathname
  for (let round = 0; round < 5; round++) {
    let next: string
    try {
      next = decodeURIComponent(current)
    } catch {
      return null
    }
    if (next === current) return current
    current = next
  }
  return null
}

/** The page whose form was posted: the action's own URL may not be a page. */
function pageOfPost(request: Request, auth: AuthSetup): string {
  const referer = request.headers.get('Referer')
  const page = referer && URL.canParse(referer) ? new URL(referer) : null
  const url = page?.origin === auth.appOrigin ? page : new URL(request.url)
  return url.pathname + url.search
}

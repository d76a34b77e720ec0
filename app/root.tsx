import type { HeadersFunction, LinksFunction, MetaFunction } from '@remix-run/node'
import {
  isRouteErrorResponse,
  Links,
  Meta,
  Outlet,
  Scripts,
  ScrollRestoration,
  useMatches,
  useRouteError,
  useRouteLoaderData,
  type ShouldRevalidateFunction,
} from '@remix-run/react'
import type { ReactNode } from 'react'
import headingFont from '@fontsource-variable/bricolage-grotesque/files/bricolage-grotesque-latin-wght-normal.woff2?url'
import { themeOf } from '~/client/theme'
import { ErrorPage, errorMessage } from '~/components/base/error-page'
import { useIslandScript, useNonce, useRequestId } from '~/components/base/response-facts'
import { iconHref } from '~/components/base/icon-href'
import { SiteFooter } from '~/components/base/site-footer'
import { SiteHeader } from '~/components/base/site-header'
import styles from '~/styles/app.css?url'
import { isOrganizer } from '~/domain/people/session.server'
import { listTeamsOf } from '~/domain/team/team.server'
import { handler } from '~/web/handler.server'
import { readOpenRequests } from '~/web/open-requests.server'
import { isBare, isIsland } from '~/web/page-handle'
import { getViewerOrOutage } from '~/web/session.server'

export const links: LinksFunction = () => [
  { rel: 'preload', href: headingFont, as: 'font', type: 'font/woff2', crossOrigin: 'anonymous' },
  { rel: 'stylesheet', href: styles },
  { rel: 'icon', href: '/favicon.ico', sizes: '32x32' },
  { rel: 'icon', href: iconHref, type: 'image/svg+xml' },
  { rel: 'apple-touch-icon', href: '/apple-touch-icon.png' },
]

/** An error page has no other title: the metas of routes below the boundary do not count. */
export const meta: MetaFunction = ({ error }) => [
  { title: error === undefined ? 'Keymint' : `${errorOf(error).title} · Keymint` },
]

export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await getViewerOrOutage({ request, ctx, auth })
  const person =
    viewer === 'database-unavailable'
      ? ('unknown' as const)
      : viewer && {
          displayName: viewer.displayName,
          staff: viewer.role !== 'attendee',
          organizes: [...ctx.workshops.workshops.values()]
            .filter((workshop) => isOrganizer(workshop, viewer))
            .map(({ slug, title }) => ({ slug, title })),
          teams: await listTeamsOf(ctx, viewer.userId),
          requests: await readOpenRequests(ctx, viewer),
        }
  return {
    person,
    theme: themeOf(request.headers.get('Cookie')),
    operator: ctx.deployment.operator,
    origin: ctx.deployment.appOrigin,
  }
})

/** Programs learn from an error page, too, when to come back. */
export const headers: HeadersFunction = ({ errorHeaders }) => {
  const retryAfter = errorHeaders?.get('Retry-After')
  return new Headers(retryAfter ? { 'Retry-After': retryAfter } : undefined)
}

/** Only navigations and forms change who is signed in, not a page that polls. */
export const shouldRevalidate: ShouldRevalidateFunction = ({
  currentUrl,
  nextUrl,
  formMethod,
  defaultShouldRevalidate,
}) =>
  formMethod === undefined && currentUrl.href === nextUrl.href ? false : defaultShouldRevalidate

export function Layout({ children }: { children: ReactNode }) {
  const requestId = useRequestId()
  const data = useRouteLoaderData<typeof loader>('root')
  const theme = data?.theme ?? 'auto'
  const failed = hasFailed(useRouteError())
  const bare = useMatches().some((match) => isBare(match.handle)) && !failed
  return (
    <html lang="en" data-theme={theme === 'auto' ? undefined : theme} suppressHydrationWarning>
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="same-origin" />
        {requestId ? <meta name="request-id" content={requestId} /> : null}
        <Meta />
        <Links />
      </head>
      <body className="flex min-h-screen flex-col">
        <a
          href="#main"
          className={
            'skip sr-only focus:not-sr-only focus:absolute focus:top-4 focus:left-4 focus:z-10 ' +
            'focus:bg-paper focus:px-4 focus:py-3 focus:font-semibold'
          }
        >
          Skip to the content
        </a>
        {bare ? null : <SiteHeader person={data ? data.person : 'unknown'} />}
        {/* At least a screen high, so that the footer does not jump when the content changes. */}
        <div className="min-h-screen">{children}</div>
        {bare ? null : <SiteFooter theme={theme} operator={data?.operator ?? null} />}
        <PageScripts />
      </body>
    </html>
  )
}

/** Outside of an error boundary the router gives null, not undefined. */
const hasFailed = (error: unknown): boolean => error !== undefined && error !== null

/** An island that failed is an error page, which needs the router's scripts. */
function PageScripts() {
  const nonce = useNonce()
  const islandScript = useIslandScript()
  const failed = hasFailed(useRouteError())
  const island = useMatches().some((match) => isIsland(match.handle)) && !failed
  if (island && islandScript)
    return <script type="module" nonce={nonce} dangerouslySetInnerHTML={{ __html: islandScript }} />
  return (
    <>
      <ScrollRestoration nonce={nonce} />
      <Scripts nonce={nonce} />
    </>
  )
}

export default function Root() {
  return <Outlet />
}

export function ErrorBoundary() {
  const requestId = useRequestId()
  const { status, detail } = errorOf(useRouteError())
  return <ErrorPage status={status} detail={detail} reference={requestId} />
}

function errorOf(error: unknown) {
  const status = isRouteErrorResponse(error) ? error.status : 500
  const detail = isRouteErrorResponse(error) && typeof error.data === 'string' ? error.data : ''
  return { status, detail, title: errorMessage(status, detail).title }
}

/**
 * Remix's router ranks every route of the build at every request. Of two hundred addresses a minute
 * nearly all begin with `/w/`, so each first segment gets a handler that knows only its own routes.
 */
import { createRequestHandler } from '@remix-run/express'
import type { ServerBuild } from '@remix-run/node'

type Handler = ReturnType<typeof createRequestHandler>
type Options = Omit<Parameters<typeof createRequestHandler>[0], 'build'> & { build: ServerBuild }

/**
 * Answers as one handler of the whole build does. What does not begin with a segment that is spelled
 * as in the routes (another case, percent-encoding, `/`, `/__manifest`) is left to all routes.
 */
export function createSegmentHandler({ build, ...options }: Options): Handler {
  const whole = createRequestHandler({ build, ...options })
  const handlers = new Map(
    firstSegments(build.routes).map((segment) => [
      segment,
      createRequestHandler({ build: buildOf(build, segment), ...options }),
    ]),
  )
  return (request, response, next) => {
    const segment = /^\/([a-z0-9-]+)\//.exec(request.path)?.[1] ?? ''
    return (handlers.get(segment) ?? whole)(request, response, next)
  }
}

/** Rendering a page goes through the routes of the manifest in the same way. */
const buildOf = (build: ServerBuild, segment: string): ServerBuild => ({
  ...build,
  routes: only(build.routes, segment),
  assets: { ...build.assets, routes: only(build.assets.routes, segment) },
})

type Route = { id: string; parentId?: string; path?: string }
type Routes<R extends Route> = Record<string, R | undefined>

const firstSegments = (routes: Routes<Route>): string[] => [
  ...new Set(
    topRoutes(routes).flatMap(({ path }) => /^([a-z0-9-]+)\//.exec(path ?? '')?.[1] ?? []),
  ),
]

/** The root, what begins with the segment or with a wildcard, and all that is below. */
export function only<T extends Routes<Route>>(routes: T, segment: string): T {
  const kept = new Set(
    topRoutes(routes).flatMap(({ id, path }) => {
      const first = path?.split('/')[0] ?? ''
      return first === segment || first === '' || /^[:*]/.test(first) ? [id] : []
    }),
  )
  const of = (route: Route | undefined): boolean =>
    route !== undefined &&
    (route.parentId === undefined ||
      kept.has(route.id) ||
      (of(routes[route.parentId]) && !isTop(routes, route)))
  return Object.fromEntries(Object.entries(routes).filter(([, route]) => of(route))) as T
}

const topRoutes = (routes: Routes<Route>): Route[] =>
  Object.values(routes).filter(
    (route): route is Route => route !== undefined && isTop(routes, route),
  )

/** Directly below the root. */
const isTop = (routes: Routes<Route>, { parentId }: Route): boolean =>
  parentId !== undefined && routes[parentId]?.parentId === undefined

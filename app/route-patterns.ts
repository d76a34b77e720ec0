/**
 * The pattern of a page's route for its path: one metric for `/w/:workshop/claim`, not one for every
 * workshop.
 */
import { matchRoutes } from '@remix-run/react'
import type { ServerBuild } from '@remix-run/node'

type Node = {
  id: string
  path?: string
  index?: boolean
  caseSensitive?: boolean
  children?: Node[]
}

/**
 * Of a build's routes. A path that is no page gives "assets" or "none", and one of the catch-all
 * route gives "none" too.
 */
export function routePatterns(routes: ServerBuild['routes']): (pathname: string) => string {
  const tree = childrenOf(routes, undefined)
  const found = new Map<string, string>()
  return (pathname) => {
    // Bounded: anybody can request any path.
    const known = found.get(pathname)
    if (known !== undefined) return known
    const pattern = patternOf(tree, pathname)
    if (found.size < 1_000) found.set(pathname, pattern)
    return pattern
  }
}

function patternOf(tree: Node[], pathname: string): string {
  if (/^\/(assets|fonts)\/|\.(js|css|woff2|svg|ico|png|txt)$/.test(pathname)) return 'assets'
  // A page's data has the page's path and ".data".
  const page = pathname === '/_root.data' ? '/' : pathname.replace(/\.data$/, '')
  const matches = matchRoutes(tree as Parameters<typeof matchRoutes>[0], page) as
    { route: Node }[] | null
  const path = (matches ?? []).flatMap(({ route }) => (route.path ? [route.path] : [])).join('/')
  if (!matches || path === '*') return 'none'
  return `/${path}`
}

function childrenOf(routes: ServerBuild['routes'], parentId: string | undefined): Node[] {
  return Object.values(routes).flatMap((route) => {
    if (!route || route.parentId !== parentId) return []
    const { id, path, index, caseSensitive } = route
    const node: Node = {
      id,
      ...(path === undefined ? {} : { path }),
      ...(index ? { index } : { children: childrenOf(routes, id) }),
      ...(caseSensitive === undefined ? {} : { caseSensitive }),
    }
    return [node]
  })
}

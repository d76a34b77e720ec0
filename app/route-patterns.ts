/**
 * What a path is to the routes. Its pattern: one metric for `/w/:workshop/claim`, not one for every
 * workshop. And whether it takes forms.
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
 * Of a build's routes. A path that is not a page gives "assets" or "none", and one of the catch-all
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

/** Whether a path is of a route that gives something out, such as a file, and takes no form. */
export function readOnlyRoutes(routes: ServerBuild['routes']): (pathname: string) => boolean {
  const tree = childrenOf(routes, undefined)
  return (pathname) => {
    const found = matchesOf(tree, pageOf(pathname))?.at(-1)
    const module = found && routes[found.route.id]?.module
    return module !== undefined && !('action' in module) && !('default' in module)
  }
}

/** A page's data has the page's path and ".data". */
const pageOf = (pathname: string) =>
  pathname === '/_root.data' ? '/' : pathname.replace(/\.data$/, '')

const matchesOf = (tree: Node[], pathname: string) =>
  matchRoutes(tree as Parameters<typeof matchRoutes>[0], pathname) as { route: Node }[] | null

function patternOf(tree: Node[], pathname: string): string {
  if (/^\/(assets|fonts)\/|\.(js|css|woff2|svg|ico|png|txt)$/.test(pathname)) return 'assets'
  const matches = matchesOf(tree, pageOf(pathname))
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

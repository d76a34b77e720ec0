/**
 * The poll's own endpoint: Express calls the loader of the status route itself, with what the router
 * would hand to it. Half of all requests in a workshop are polls, and matching all routes costs more
 * than answering one. Anything but a plain GET goes on to the router.
 */
import type { AppLoadContext, ServerBuild } from '@remix-run/node'
import type { NextFunction, Request, Response } from 'express'

const routeId = 'routes/w.$workshop.claim.status'

export const statusPath = '/w/:workshop/claim/status'

export function statusEndpoint(
  build: ServerBuild,
  appOrigin: string,
  contextOf: (request: Request, response: Response) => AppLoadContext,
) {
  const loader = build.routes[routeId]?.module.loader
  if (!loader) throw new Error(`the build has no loader of ${routeId}`)
  const answer = async (request: Request, response: Response): Promise<void> => {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const asked = new globalThis.Request(new URL(request.originalUrl, appOrigin), {
      headers: headersOf(request),
      signal: gone.signal,
    })
    const context = contextOf(request, response)
    const result = await answerOf(() => loader({ request: asked, params: request.params, context }))
    const body = Buffer.from(await result.arrayBuffer())
    result.headers.forEach((value, name) => response.set(name, value))
    response.status(result.status).setHeader('Content-Length', body.length)
    response.end(body)
  }
  return (request: Request, response: Response, next: NextFunction): void => {
    if (request.method !== 'GET') return next()
    answer(request, response).catch(next)
  }
}

/** What the loader returns or throws. An error is nobody's answer. */
async function answerOf(asking: () => unknown): Promise<globalThis.Response> {
  const result: unknown = await (async () => asking())().catch((thrown: unknown) => {
    if (thrown instanceof globalThis.Response) return thrown
    throw thrown
  })
  if (result instanceof globalThis.Response) return result
  throw new Error('the loader of the status route gave no response')
}

function headersOf(request: Request): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value)
  return headers
}

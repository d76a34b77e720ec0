/**
 * `/metrics` over HTTP, behind its bearer token, and the small server that has nothing but it and
 * `/healthz`.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Metrics } from './adapters/metrics.server'

export type MetricsEndpoint = {
  metrics: Metrics
  /** Without one there is no /metrics, unless the door is open. */
  token: string | undefined
  /** No token is asked for: only for a port that nothing outside can reach. */
  open: boolean
  /** Brings the figures of the database up to date before a scrape. Never throws. */
  refresh?: (() => Promise<void>) | undefined
}

/** Answers 404 when no token is configured, 401 to a wrong one, else the figures. */
export async function answerMetrics(
  door: MetricsEndpoint,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!door.open && door.token === undefined) return send(response, 404, 'Not found\n')
  if (!door.open && !isToken(request.headers.authorization, door.token ?? ''))
    return send(response, 401, 'A bearer token is needed.\n', { 'WWW-Authenticate': 'Bearer' })
  await door.refresh?.()
  const { contentType, text } = await door.metrics.scrape()
  send(response, 200, text, { 'Content-Type': contentType })
}

/**
 * A server of its own for the figures: workers have no other, and on a private network it may be
 * left open.
 */
export function listenForMetrics(
  door: MetricsEndpoint,
  port: number,
  onError: (error: Error) => void,
): Server {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://metrics.invalid')
    if (pathname === '/healthz') return send(response, 200, 'ok')
    if (pathname !== '/metrics') return send(response, 404, 'Not found\n')
    answerMetrics(door, request, response).catch((error: unknown) => {
      onError(error instanceof Error ? error : new Error('unknown error'))
      if (!response.headersSent) send(response, 500, 'The figures could not be read.\n')
    })
  })
  server.on('error', onError)
  // A scrape that hangs must not keep a process from ending.
  server.listen(port).unref()
  return server
}

/** By their digests, which are of one length: the time it takes says nothing about the token. */
function isToken(header: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1]
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return given !== undefined && timingSafeEqual(digest(given), digest(token))
}

function send(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(status, {
      'Content-Type': 'text/plain; charset=utf-8',
      'Cache-Control': 'no-store',
      ...headers,
    })
    .end(text)
}

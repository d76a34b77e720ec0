/**
 * `/metrics` over HTTP, behind its bearer token, and the small server that serves only it and
 * `/healthz`.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Metrics } from './adapters/metrics.server'

export type MetricsEndpoint = {
  metrics: Metrics
  /** Without one there is no /metrics, unless it is open. */
  token: string | undefined
  /** Needs no token: only for a port that nothing outside can reach. */
  open: boolean
  /** Updates the gauges of the database before a scrape. Never throws. */
  refresh?: (() => Promise<void>) | undefined
}

/** Answers 404 when no token is configured, 401 to a wrong one, else the metrics. */
export async function answerMetrics(
  endpoint: MetricsEndpoint,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!endpoint.open && endpoint.token === undefined) return send(response, 404, 'Not found\n')
  if (!endpoint.open && !isToken(request.headers.authorization, endpoint.token ?? ''))
    return send(response, 401, 'Send a bearer token.\n', { 'WWW-Authenticate': 'Bearer' })
  await endpoint.refresh?.()
  const { contentType, text } = await endpoint.metrics.scrape()
  send(response, 200, text, { 'Content-Type': contentType })
}

/**
 * A separate server for the metrics: workers have no other, and on a private network it may be open.
 */
export function listenForMetrics(
  endpoint: MetricsEndpoint,
  port: number,
  onError: (error: Error) => void,
): Server {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://metrics.invalid')
    if (pathname === '/healthz') return send(response, 200, 'ok')
    if (pathname !== '/metrics') return send(response, 404, 'Not found\n')
    answerMetrics(endpoint, request, response).catch((error: unknown) => {
      onError(error instanceof Error ? error : new Error('unknown error'))
      if (!response.headersSent) send(response, 500, 'The metrics could not be read.\n')
    })
  })
  server.on('error', onError)
  // A scrape that hangs must not keep the process alive.
  server.listen(port).unref()
  return server
}

/** Compares digests, which have one length: the time it takes reveals nothing about the token. */
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

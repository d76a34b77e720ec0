/**
 * One request as a visitor's browser would make it: no redirect is followed, and a certificate that
 * a browser refuses is reported instead of ending the visit.
 */
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { TLSSocket } from 'node:tls'

const timeoutMs = 10_000
const maxBytes = 1024 * 1024

export type Certificate = {
  /** Why a browser refuses it, as a code; null where it does not. */
  refused: string | null
  endsAt: Date | null
  protocol: string | null
}
export type Visit = {
  status: number
  /** Of a header that came twice the first value. */
  header: (name: string) => string | null
  /** Every value of it. */
  all: (name: string) => string[]
  text: string
  /** Of the other end of the connection. */
  remoteAddress: string | null
  /** Null over plain http. */
  certificate: Certificate | null
  /** When the request left and when its answer began. */
  sentAt: Date
  answeredAt: Date
}
export type VisitRequest = {
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: string
}

/** Throws for no answer, with the code of the system ("ENOTFOUND") as its message. */
export async function visit(url: URL, request: VisitRequest = {}): Promise<Visit> {
  const { method = 'GET', headers = {}, body } = request
  const sentAt = new Date()
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = {
      method,
      // As browsers say it; some servers answer nobody else.
      headers: { 'User-Agent': 'keymint-doctor', Accept: 'text/html,*/*', ...headers },
      agent: false as const,
      signal: AbortSignal.timeout(timeoutMs),
    }
    const sent =
      url.protocol === 'https:'
        ? https.request(url, { ...options, rejectUnauthorized: false }, resolve)
        : http.request(url, options, resolve)
    sent.once('error', (error: NodeJS.ErrnoException) => reject(new Error(codeOf(error))))
    sent.end(body)
  })
  const answeredAt = new Date()
  const { socket, rawHeaders } = response
  // Both are gone once the answer has ended.
  const certificate = socket instanceof TLSSocket ? certificateOf(socket) : null
  const remoteAddress = socket.remoteAddress ?? null
  const text = await readText(response)
  const all = (name: string) =>
    rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name)
  return {
    status: response.statusCode ?? 0,
    header: (name) => all(name)[0] ?? null,
    all,
    text,
    remoteAddress,
    certificate,
    sentAt,
    answeredAt,
  }
}

const codeOf = (error: NodeJS.ErrnoException): string =>
  error.name === 'TimeoutError' || error.name === 'AbortError'
    ? 'timeout'
    : (error.code ?? 'connection-lost')

function certificateOf(socket: TLSSocket): Certificate {
  const { valid_to: end } = socket.getPeerCertificate()
  const endsAt = end ? new Date(end) : null
  return {
    // Node names a code here, whatever its type says.
    refused: socket.authorized ? null : String(socket.authorizationError),
    endsAt: endsAt && Number.isFinite(endsAt.getTime()) ? endsAt : null,
    protocol: socket.getProtocol(),
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > maxBytes) break
      chunks.push(chunk)
    }
  } catch (error) {
    throw new Error(codeOf(error as NodeJS.ErrnoException))
  }
  return Buffer.concat(chunks).toString('utf8')
}

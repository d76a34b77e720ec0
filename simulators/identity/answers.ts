/** A call to a stand-in as a handler sees it, and the answers it can give. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Provider } from './people'

export type Client = {
  clientId: string
  clientSecret: string
  /** Secrets that count; absent: `clientSecret` alone. */
  secrets?: Set<string>
}

export type Call = {
  method: string
  url: URL
  headers: IncomingHttpHeaders
  body: string
  form: URLSearchParams
}

export type Answer = { status: number; headers?: Record<string, string>; body?: string | Buffer }

export const nameOf: Record<Provider, string> = { github: 'GitHub', google: 'Google' }

/** The client's credentials, from the body or as HTTP Basic; the emulator reads only the body. */
export function credentialsOf(call: Call): Client {
  const basic = /^basic\s+(\S+)$/i.exec(call.headers.authorization ?? '')?.[1]
  if (basic) {
    const [id = '', secret = ''] = Buffer.from(basic, 'base64').toString().split(/:(.*)/s)
    return { clientId: safeDecode(id), clientSecret: safeDecode(secret) }
  }
  return {
    clientId: call.form.get('client_id') ?? '',
    clientSecret: call.form.get('client_secret') ?? '',
  }
}

export function bearerOf(call: Call): string | undefined {
  return /^(?:bearer|token)\s+(\S+)$/i.exec(call.headers.authorization ?? '')?.[1]
}

export function json(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      'Cache-Control': 'no-store',
      ...headers,
    },
    body: JSON.stringify(value),
  }
}

export function page(status: number, html: string): Answer {
  return {
    status,
    headers: { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' },
    body: html,
  }
}

export function redirect(location: string): Answer {
  return { status: 302, headers: { Location: location, 'Cache-Control': 'no-store' } }
}

/** The provider's own page for a wrong request; it redirects nowhere. */
export function refusal(provider: Provider, title: string, sentence: string): Answer {
  return page(
    400,
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">' +
      `<title>${title} | ${nameOf[provider]} stand-in</title></head>` +
      `<body><main><h1>${title}</h1><p>${escape(sentence)}</p></main></body></html>`,
  )
}

/** An answer of the emulator, passed on as it is. */
export async function relay(response: Response): Promise<Answer> {
  const type = response.headers.get('content-type')
  return {
    status: response.status,
    headers: type ? { 'Content-Type': type } : {},
    body: Buffer.from(await response.arrayBuffer()),
  }
}

export function withParameters(address: string, parameters: Record<string, string>): string {
  const url = new URL(address)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}

export function formOf(headers: IncomingHttpHeaders, body: string): URLSearchParams {
  if (!(headers['content-type'] ?? '').includes('application/json'))
    return new URLSearchParams(body)
  try {
    const value: unknown = JSON.parse(body)
    return new URLSearchParams(
      Object.entries(value ?? {}).map(([name, entry]) => [name, String(entry)]),
    )
  } catch {
    return new URLSearchParams()
  }
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

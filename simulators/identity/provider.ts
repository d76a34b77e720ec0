/**
 * What the two proxies in front of `emulate` share: an HTTP server with faults to order, the wire
 * to the emulator, codes and redirect addresses held more strictly than the emulator holds them,
 * and the list of people made usable.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import http from 'node:http'
import type net from 'node:net'
import { createEmulator, type SeedConfig } from 'emulate'
import { freePort } from '../free-port'
import { StartError } from '../start-error'
import type { Provider } from './people'

export type Client = { clientId: string; clientSecret: string }

/**
 * A fault ordered by `POST /__sim/faults`: it hits the next `times` requests for `path`, then it is
 * gone.
 */
export type Fault = {
  path: string
  method?: string
  times: number
  delayMs: number
  /** Answer this instead of asking the emulator. */
  status?: number
  body?: unknown
  headers?: Record<string, string>
  /** Close the connection without an answer. */
  drop: boolean
  /** With drop: do the work first, and lose only the answer. */
  after: boolean
}

export type Call = {
  method: string
  url: URL
  headers: http.IncomingHttpHeaders
  body: string
  form: URLSearchParams
}
export type Answer = { status: number; headers?: Record<string, string>; body?: string | Buffer }

export type ProviderServer = { url: string; port: number; ask: Ask; stop(): Promise<void> }
type Ask = (
  path: string,
  init?: { method?: string; body?: URLSearchParams; token?: string },
) => Promise<Response>

const settingOf: Record<Provider, string> = { github: 'SIM_GITHUB_PORT', google: 'SIM_GOOGLE_PORT' }
const nameOf: Record<Provider, string> = { github: 'GitHub', google: 'Google' }

export async function startProvider(options: {
  provider: Provider
  port: number | undefined
  seed: (url: string) => SeedConfig
  handle: (call: Call, server: { url: string; ask: Ask }) => Promise<Answer>
}): Promise<ProviderServer> {
  const { provider } = options
  const faults: Fault[] = []
  let emulatorUrl = ''
  const self = { url: '', ask: askEmulator(() => emulatorUrl) }

  const server = http.createServer((request, response) => {
    void answer(request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500, { 'Content-Type': 'text/plain' })
      response.end('The stand-in failed.')
    })
  })

  async function answer(
    request: http.IncomingMessage,
    response: http.ServerResponse,
  ): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString()
    const url = new URL(request.url ?? '/', self.url)
    const call: Call = {
      method: request.method ?? 'GET',
      url,
      headers: request.headers,
      body,
      form: formOf(request.headers, body),
    }
    if (url.pathname === '/__sim/faults') return send(response, orderFault(faults, call))

    const fault = takeFault(faults, call)
    if (fault?.delayMs) await new Promise((resolve) => setTimeout(resolve, fault.delayMs))
    if (fault?.drop && !fault.after) return void response.destroy()
    if (fault?.status !== undefined) {
      return send(response, {
        ...json(
          fault.status,
          fault.body ?? { message: 'Ordered by /__sim/faults.' },
          fault.headers,
        ),
        ...(typeof fault.body === 'string' ? { body: fault.body } : {}),
      })
    }
    const result = url.pathname.startsWith('/_emulate/')
      ? await forwardToServiceQueue(await self.ask(url.pathname))
      : await options.handle(call, self)
    if (fault?.drop) return void response.destroy()
    send(response, result)
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const { port } = options
      reject(
        error.code === 'EADDRINUSE'
          ? new StartError(
              `Port ${port}, meant for the ${nameOf[provider]} stand-in, is taken: stop what listens there, or set ${settingOf[provider]} to a free port.`,
            )
          : error.code === 'EACCES'
            ? new StartError(
                `Port ${port}, meant for the ${nameOf[provider]} stand-in, may not be used by you: set ${settingOf[provider]} to a port above 1023.`,
              )
            : error,
      )
    })
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as net.AddressInfo
  // Not "localhost": the app's own cookies would be sent here, and coming back to it would not be a
  // cross-site navigation as it is in life.
  self.url = `http://127.0.0.1:${port}`

  let emulator: { close(): Promise<void> }
  try {
    // The emulator has no way to say which port it was given, and an error of its listen ends the
    // process: it gets a free one.
    const emulatorPort = await freePort()
    emulatorUrl = `http://127.0.0.1:${emulatorPort}`
    emulator = await createEmulator({
      service: provider,
      port: emulatorPort,
      baseUrl: self.url,
      seed: options.seed(self.url),
    })
    await emulatorListens(emulatorUrl)
  } catch (error) {
    await closeServer(server)
    throw error
  }
  return {
    url: self.url,
    port,
    ask: self.ask,
    stop: async () => {
      await closeServer(server)
      await emulator.close()
    },
  }
}

/**
 * Codes we let through, with what the real provider binds to each: one use, ten minutes, this
 * client, this redirect, this challenge.
 */
export type Grant = {
  login: string
  clientId: string
  redirectUri: string
  scopes: string[]
  challenge: string | undefined
  expires: number
}

export class Grants {
  #codes = new Map<string, Grant>()

  remember(code: string, grant: Omit<Grant, 'expires'>): void {
    for (const [old, { expires }] of this.#codes) if (expires < Date.now()) this.#codes.delete(old)
    this.#codes.set(code, { ...grant, expires: Date.now() + 10 * 60_000 })
  }

  /** The code is used up by this, whatever the outcome. */
  take(code: string): Grant | undefined {
    const grant = this.#codes.get(code)
    this.#codes.delete(code)
    return grant && grant.expires > Date.now() ? grant : undefined
  }
}

export function matchesChallenge(challenge: string, verifier: string): boolean {
  return equal(createHash('sha256').update(verifier).digest('base64url'), challenge)
}

export function equal(given: string, expected: string): boolean {
  const a = createHash('sha256').update(given).digest()
  const b = createHash('sha256').update(expected).digest()
  return timingSafeEqual(a, b)
}

/**
 * The client's credentials, from the body or as HTTP Basic; the emulator itself reads only the
 * body.
 */
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

/**
 * What a person sees who was sent here wrongly: the provider shows it itself and sends nobody
 * anywhere.
 */
export function refusal(provider: Provider, title: string, sentence: string): Answer {
  return page(
    400,
    `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>${title} | ${nameOf[provider]} stand-in</title></head><body><main><h1>${title}</h1><p>${escape(sentence)}</p></main></body></html>`,
  )
}

export async function forwardToServiceQueue(response: Response): Promise<Answer> {
  const type = response.headers.get('content-type')
  return {
    status: response.status,
    headers: type ? { 'Content-Type': type } : {},
    body: Buffer.from(await response.arrayBuffer()),
  }
}

/**
 * The emulator's picker with our people only, the hidden fields we need, a filter and a way to
 * cancel. Works without JavaScript, as the emulator's own page does; the filter alone needs it.
 */
export function pickerPage(
  html: string,
  options: {
    provider: Provider
    key: 'login' | 'email'
    hidden: Record<string, string>
    cancelUrl: string
    describe(id: string): { name: string; email: string; note?: string } | undefined
  },
): string {
  const forms = (html.match(/<form class="user-form"[\s\S]*?<\/form>/g) ?? []).flatMap((form) => {
    const id = unescapeHtml(
      new RegExp(`name="${options.key}" value="([^"]*)"`).exec(form)?.[1] ?? '',
    )
    const person = options.describe(id)
    if (!person) return []
    const hidden = { [options.key]: id, ...options.hidden }
    const action = /action="([^"]*)"/.exec(form)?.[1] ?? ''
    const meta = person.note ? `${person.name} · ${person.note}` : person.name
    return [
      `<form class="user-form" method="post" action="${action}">${Object.entries(hidden)
        .map(
          ([name, value]) =>
            `<input type="hidden" name="${escape(name)}" value="${escape(value)}"/>`,
        )
        .join('')}
<button type="submit" class="user-btn" data-login="${escape(id)}"><span class="avatar" aria-hidden="true">${escape((id[0] ?? '?').toUpperCase())}</span>
<span class="user-text"><span class="user-login">${escape(id)}</span> <span class="user-meta" style="display:block">${escape(meta)}</span>${person.email && person.email !== id ? ` <span class="user-email" style="display:block">${escape(person.email)}</span>` : ''}</span></button></form>`,
    ]
  })
  const start = html.indexOf('<form class="user-form"')
  const end = html.lastIndexOf('</form>') + '</form>'.length
  if (start < 0) return html
  const tools = `<style>.user-meta,.user-email,.card-subtitle{color:#8fe08f}#filter{margin-bottom:12px}#cancel{display:inline-block;margin-bottom:16px}</style><p><input id="filter" type="search" aria-label="Filter people" placeholder="Filter ${forms.length} people by name, login or address" autocomplete="off" style="box-sizing:border-box;width:100%;padding:10px;font:inherit;color:inherit;background:transparent;border:1px solid currentColor;border-radius:6px"></p>
<p><a id="cancel" href="${escape(options.cancelUrl)}" style="color:inherit">Cancel</a></p>`
  const script = `<script>
const box = document.getElementById('filter')
box.addEventListener('input', () => {
  const words = box.value.toLowerCase().split(/\\s+/)
  for (const form of document.querySelectorAll('.user-form')) form.hidden = !words.every((word) => form.textContent.toLowerCase().includes(word))
})
box.addEventListener('keydown', (event) => {
  if (event.key === 'Enter') document.querySelector('.user-form:not([hidden]) button')?.click()
})
</script>`
  return `${html.slice(0, start)}${tools}${forms.join('\n')}${script}${html.slice(end)}`
}

export function withParameters(address: string, parameters: Record<string, string>): string {
  const url = new URL(address)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}

function askEmulator(base: () => string): Ask {
  // The emulator allows 5000 requests an hour for each bearer, and counts all who send none
  // together.
  let asked = 0
  let anonymous = ''
  return (path, init = {}) => {
    if (asked++ % 2_000 === 0) anonymous = `anonymous-${randomBytes(6).toString('hex')}`
    return fetch(base() + path, {
      method: init.method ?? 'GET',
      redirect: 'manual',
      headers: { Authorization: `Bearer ${init.token ?? anonymous}`, Accept: 'application/json' },
      ...(init.body ? { body: init.body } : {}),
    })
  }
}

async function emulatorListens(url: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await (await fetch(`${url}/_emulate/favicon.ico`)).arrayBuffer()
      return
    } catch (error) {
      if (attempt === 100) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

function orderFault(faults: Fault[], call: Call): Answer {
  if (call.method === 'GET') return json(200, { faults })
  if (call.method === 'DELETE') {
    faults.length = 0
    return json(200, { faults })
  }
  if (call.method !== 'POST') return json(405, { error: 'GET, POST or DELETE.' })
  let wanted: unknown
  try {
    wanted = JSON.parse(call.body)
  } catch {
    return json(400, { error: 'The body must be JSON.' })
  }
  const fresh: Fault[] = []
  for (const item of Array.isArray(wanted) ? (wanted as unknown[]) : [wanted]) {
    const fault = faultOf(item)
    if (typeof fault === 'string') return json(400, { error: fault })
    fresh.push(fault)
  }
  faults.push(...fresh)
  return json(201, { faults })
}

function faultOf(item: unknown): Fault | string {
  if (typeof item !== 'object' || item === null)
    return 'A fault is an object: {"path", "status"?, "body"?, "headers"?, "delayMs"?, "drop"?, "after"?, "method"?, "times"?}.'
  const {
    path,
    method,
    times = 1,
    delayMs = 0,
    status,
    body,
    headers,
    drop = false,
    after = false,
    ...unknown
  } = item as Record<string, unknown>
  if (Object.keys(unknown).length) return `Unknown: ${Object.keys(unknown).join(', ')}.`
  if (typeof path !== 'string' || !path.startsWith('/'))
    return 'path must be a path such as "/user/emails".'
  if (
    typeof times !== 'number' ||
    typeof delayMs !== 'number' ||
    (status !== undefined && typeof status !== 'number')
  )
    return 'times, delayMs and status must be numbers.'
  return {
    path,
    times,
    delayMs,
    drop: drop === true,
    after: after === true,
    ...(status === undefined ? {} : { status }),
    ...(body === undefined ? {} : { body }),
    ...(typeof method === 'string' ? { method: method.toUpperCase() } : {}),
    ...(typeof headers === 'object' && headers !== null
      ? { headers: headers as Record<string, string> }
      : {}),
  }
}

function takeFault(faults: Fault[], call: Call): Fault | undefined {
  const path = call.url.pathname.replace(/^\/api\/v3(?=\/)/, '')
  const at = faults.findIndex(
    (fault) =>
      (fault.path === path || fault.path === call.url.pathname) &&
      (!fault.method || fault.method === call.method),
  )
  const fault = faults[at]
  if (fault && --fault.times <= 0) faults.splice(at, 1)
  return fault
}

function formOf(headers: http.IncomingHttpHeaders, body: string): URLSearchParams {
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

function send(response: http.ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers)
  response.end(body)
}

function closeServer(server: http.Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  return closed
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

function unescapeHtml(text: string): string {
  return text.replace(
    /&(amp|lt|gt|quot|#0?39|#x27);/g,
    (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"' })[name] ?? "'",
  )
}

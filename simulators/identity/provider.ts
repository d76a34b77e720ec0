/** What GitHub and Google share: an HTTP server with faults, as a proxy in front of `emulate`. */
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import type net from 'node:net'
import { createEmulator, type SeedConfig } from 'emulate'
import { freePort } from '../free-port'
import { StartError } from '../start-error'
import { type Call, type Answer, nameOf, json, relay, formOf } from './answers'
import { type Fault, orderFault, takeFault } from './faults'
import type { Provider } from './people'

export type ProviderServer = { url: string; port: number; ask: Ask; stop(): Promise<void> }
type Ask = (
  path: string,
  init?: { method?: string; body?: URLSearchParams; token?: string },
) => Promise<Response>

const settingOf: Record<Provider, string> = { github: 'SIM_GITHUB_PORT', google: 'SIM_GOOGLE_PORT' }

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
      ? await relay(await self.ask(url.pathname))
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
              `Port ${port}, meant for the ${nameOf[provider]} stand-in, is taken: ` +
                `stop what listens there, or set ${settingOf[provider]} to a free port.`,
            )
          : error.code === 'EACCES'
            ? new StartError(
                `You may not use port ${port}, meant for the ${nameOf[provider]} stand-in: ` +
                  `set ${settingOf[provider]} to a port above 1023.`,
              )
            : error,
      )
    })
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as net.AddressInfo
  // Not "localhost": the app's cookies would be sent here, and the way back would not be a
  // cross-site navigation.
  self.url = `http://127.0.0.1:${port}`

  let emulator: { close(): Promise<void> }
  try {
    // The emulator does not report its port, and ends the process when it cannot listen: it gets a
    // port that is free.
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

function send(response: http.ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers)
  response.end(body)
}

function closeServer(server: http.Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  return closed
}

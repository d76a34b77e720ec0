/**
 * OpenRouter, played by a local HTTP server. Guarantee: what has been answered is in the ledger, so
 * a stand-in killed with SIGKILL and started on the same folder knows the same keys. The contract
 * it keeps is written down in simulators/README.md; faults and the back door live under `/__sim`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CallLog } from './calls.ts'
import { answer, pause, send, sendReply, strikeBefore, type FaultVoice } from './fault-answers.ts'
import { Faults } from './faults.ts'
import { Ledger } from './ledger.ts'
import { findRoute, type Route } from './routes.ts'
import { answerSim, type Clock } from './sim.ts'
import {
  anthropicErrorBody,
  errorBody,
  parseJsonObject,
  refuse,
  Refusal,
  type JsonObject,
} from './wire.ts'
import { identify, type Caller, type World } from './world.ts'

export interface OpenRouterOptions {
  port?: number
  host?: string
  /** Folder of the ledger; without it everything is forgotten at the end. */
  dataDir?: string
  managementKey?: string
  now?: () => number
}

export interface RunningOpenRouter {
  baseUrl: string
  managementKey: string
  faultsUrl: string
  stop(): Promise<void>
}

interface Machine {
  world: World
  calls: CallLog
  clock: Clock
}

const apiPrefix = '/api/v1'
const bodyBytesAtMost = 20 * 1024 * 1024

export async function startOpenRouter(options: OpenRouterOptions = {}): Promise<RunningOpenRouter> {
  const pauses = new Set<() => void>()
  const server = createServer()
  // The port first: a stand-in that cannot serve must not touch the ledger of the one that does.
  await listen(server, options.port ?? 0, options.host ?? '127.0.0.1')
  const opening = openMachine(options, pauses)
  server.on(
    'request',
    (request, response) =>
      void opening.then(
        (machine) => serve(machine, request, response),
        () => response.destroy(),
      ),
  )
  const { world } = await opening.catch((error: unknown) => {
    server.close()
    throw error
  })
  const { port } = server.address() as AddressInfo
  const host = options.host === undefined || options.host === '0.0.0.0' ? '127.0.0.1' : options.host
  const origin = `http://${host}:${port}`
  return {
    baseUrl: `${origin}${apiPrefix}`,
    managementKey: world.ledger.account.managementKey,
    faultsUrl: `${origin}/__sim/faults`,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      for (const wake of pauses) wake()
      await closed
      await world.ledger.close()
    },
  }
}

async function openMachine(options: OpenRouterOptions, pauses: Set<() => void>): Promise<Machine> {
  const clock: Clock = { offsetMs: 0 }
  const readTime = options.now ?? Date.now
  const ledger = await Ledger.open({
    dataDir: options.dataDir,
    managementKey: options.managementKey,
    now: readTime(),
  })
  const world: World = {
    ledger,
    faults: new Faults(),
    now: () => readTime() + clock.offsetMs,
    recentSpends: new Map(),
    inFlightNano: 0,
    freeCalls: [],
    pause: (milliseconds) => pause(milliseconds, pauses),
  }
  return { world, calls: new CallLog(), clock }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  server.keepAliveTimeout = 65_000
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(
              `Port ${port} is already in use, so the OpenRouter stand-in cannot start. Free the port or set SIM_OPENROUTER_PORT to another one.`,
            )
          : error,
      )
    })
    server.listen({ port, host, backlog: 1024 }, resolve)
  })
}

async function serve(
  machine: Machine,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // A caller that hangs up is no error of ours.
  response.on('error', () => undefined)
  try {
    const url = new URL(request.url ?? '/', 'http://stand-in')
    const text = await readBody(request)
    if (url.pathname.startsWith('/__sim/')) await serveSim(machine, request, url, text, response)
    else await serveApi(machine, request, url, text, response)
  } catch (error) {
    if (response.headersSent || response.destroyed) response.destroy()
    else sendRefusal(response, asRefusal(error), '', null)
  }
}

async function serveSim(
  machine: Machine,
  request: IncomingMessage,
  url: URL,
  text: string,
  response: ServerResponse,
): Promise<void> {
  const body = text === '' ? {} : parseJsonObject(text)
  sendReply(
    response,
    await answerSim({
      ...machine,
      method: request.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      body,
    }),
    null,
  )
}

async function serveApi(
  machine: Machine,
  request: IncomingMessage,
  url: URL,
  text: string,
  response: ServerResponse,
): Promise<void> {
  const { world, calls } = machine
  const method = request.method ?? 'GET'
  const path = url.pathname.startsWith(`${apiPrefix}/`) ? url.pathname.slice(apiPrefix.length) : ''
  const startedAt = performance.now()
  // The clock that can be moved is the only one there is here.
  response.setHeader('date', new Date(world.now()).toUTCString())
  const { delayMs, fault } = world.faults.strike(method, path)
  let endpoint = `${method} ${path === '' ? url.pathname : path}`
  calls.begin()
  try {
    await world.pause(delayMs)
    if (await strikeBefore(fault, response, voice(world))) return
    let caller: Caller | null = null
    try {
      const { route, params } = findRoute(method, path)
      endpoint = `${route.method} ${route.pattern}`
      caller = passGate(world, route, authorizationOf(request, route))
      const body = readsBody(method) ? parseBody(request, text) : {}
      const reply = await route.handler({
        world,
        params,
        query: url.searchParams,
        headers: request.headers,
        body,
        caller,
        fault,
      })
      await answer(reply, fault, response, voice(world))
    } catch (error) {
      if (response.headersSent || response.destroyed) response.destroy()
      else
        sendRefusal(
          response,
          asRefusal(error),
          path,
          caller === null ? null : world.ledger.account.userId,
        )
    }
  } finally {
    calls.end({
      endpoint,
      path,
      status: response.headersSent ? response.statusCode : 0,
      fault: fault?.fault ?? null,
      milliseconds: Math.round(performance.now() - startedAt),
      at: new Date(world.now()).toISOString(),
    })
  }
}

const voice = (world: World): FaultVoice => ({
  pause: (milliseconds) => world.pause(milliseconds),
  refuse: (response, refusal) => sendRefusal(response, refusal, '', null),
})

function sendRefusal(
  response: ServerResponse,
  refusal: Refusal,
  path: string,
  userId: string | null,
): void {
  const { retryAfterSeconds, headers } = refusal.details
  const body = path.startsWith('/messages')
    ? anthropicErrorBody(refusal)
    : errorBody(refusal, userId)
  send(response, refusal.status, JSON.stringify(body), {
    ...headers,
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  })
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  console.error('The OpenRouter stand-in failed:', error)
  return refuse(500)
}

/** `POST /messages` also takes Anthropic's own header. */
function authorizationOf(request: IncomingMessage, route: Route): string | undefined {
  const bearer = request.headers.authorization
  const apiKey = request.headers['x-api-key']
  if (bearer === undefined && typeof apiKey === 'string' && route.pattern.startsWith('/messages'))
    return `Bearer ${apiKey}`
  return bearer
}

function passGate(world: World, route: Route, authorization: string | undefined): Caller | null {
  if (route.gate === 'optional' && authorization === undefined) return null
  const caller = identify(world, authorization)
  if (route.gate === 'management' && caller.kind !== 'management')
    throw refuse(403, 'Only management keys can perform this operation')
  return caller
}

function readsBody(method: string): boolean {
  return method === 'POST' || method === 'PATCH' || method === 'PUT'
}

function parseBody(request: IncomingMessage, text: string): JsonObject {
  const type = request.headers['content-type']
  if (type !== undefined && !type.toLowerCase().startsWith('application/json'))
    throw refuse(400, 'Expected content-type application/json')
  return parseJsonObject(text)
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > bodyBytesAtMost) throw refuse(413, 'Request body is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/**
 * A self-hosted LiteLLM proxy, played by a local HTTP server: the key management, models and chat
 * of its documented API. Guarantee: what has been answered is in the journal, so a stand-in killed
 * with SIGKILL and started on the same folder knows the same keys. Its errors are LiteLLM's own,
 * its faults those of the OpenRouter stand-in; simulators/README.md has both.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CallLog } from '../openrouter/calls.ts'
import {
  answer,
  pause,
  send,
  sendReply,
  strikeBefore,
  type FaultVoice,
} from '../openrouter/fault-answers.ts'
import { Faults } from '../openrouter/faults.ts'
import { parseJsonObject, refuse, Refusal, type JsonObject } from '../openrouter/wire.ts'
import { json } from '../openrouter/world.ts'
import { completeChat, listModels } from './chat.ts'
import * as keys from './keys.ts'
import { answerSim } from './sim.ts'
import { Store } from './store.ts'
import {
  bodyOf,
  identify,
  InvalidBody,
  ProxyError,
  type Caller,
  type Handler,
  type World,
} from './world.ts'

export interface LiteLlmOptions {
  port?: number
  host?: string
  /** Folder of the journal; without it everything is forgotten at the end. */
  dataDir?: string
  masterKey?: string
  now?: () => number
}

export interface RunningLiteLlm {
  baseUrl: string
  masterKey: string
  faultsUrl: string
  stop(): Promise<void>
}

/** admin: the master key. caller: any key. open: nobody is asked. */
const routes: Record<
  string,
  { gate: 'admin' | 'caller' | 'open'; group: string; handler: Handler }
> = {
  'POST /key/generate': { gate: 'admin', group: 'management_routes', handler: keys.generateKey },
  'POST /key/update': { gate: 'admin', group: 'management_routes', handler: keys.updateKey },
  'POST /key/delete': { gate: 'admin', group: 'management_routes', handler: keys.deleteKeys },
  'GET /key/info': { gate: 'caller', group: 'info_routes', handler: keys.keyInfo },
  'GET /key/list': { gate: 'admin', group: 'management_routes', handler: keys.listKeys },
  'POST /key/block': { gate: 'admin', group: 'management_routes', handler: keys.blockKey },
  'POST /key/unblock': { gate: 'admin', group: 'management_routes', handler: keys.unblockKey },
  'GET /health/readiness': {
    gate: 'open',
    group: '',
    handler: () =>
      json({
        status: 'healthy',
        db: 'connected',
        cache: null,
        litellm_version: '1.95.0',
        success_callbacks: [],
      }),
  },
  'GET /health/liveliness': { gate: 'open', group: '', handler: () => json("I'm alive!") },
  'GET /models': { gate: 'caller', group: 'llm_api_routes', handler: listModels },
  'POST /chat/completions': { gate: 'caller', group: 'llm_api_routes', handler: completeChat },
}

export async function startLiteLlm(options: LiteLlmOptions = {}): Promise<RunningLiteLlm> {
  const pauses = new Set<() => void>()
  const server = createServer()
  server.keepAliveTimeout = 65_000
  // The port first: a stand-in that cannot serve must not touch the journal of the one that does.
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(
              `Port ${options.port} is already in use, so the LiteLLM stand-in cannot start. Free the port or set SIM_LITELLM_PORT to another one.`,
            )
          : error,
      ),
    )
    server.listen({ port: options.port ?? 0, host: options.host ?? '127.0.0.1' }, resolve)
  })
  const opening = openWorld(options, pauses)
  server.on(
    'request',
    (request, response) =>
      void opening.then(
        (world) => serve(world, request, response),
        () => response.destroy(),
      ),
  )
  const world = await opening.catch((error: unknown) => {
    server.close()
    throw error
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    baseUrl: origin,
    masterKey: world.store.masterKey,
    faultsUrl: `${origin}/__sim/faults`,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      for (const wake of pauses) wake()
      await closed
      await world.store.close()
    },
  }
}

async function openWorld(options: LiteLlmOptions, pauses: Set<() => void>): Promise<World> {
  const clock = { offsetMs: 0 }
  const readTime = options.now ?? Date.now
  return {
    store: await Store.open({ dataDir: options.dataDir, masterKey: options.masterKey }),
    faults: new Faults(),
    calls: new CallLog(),
    clock,
    defaults: {},
    resetsHeld: false,
    now: () => readTime() + clock.offsetMs,
    pause: (milliseconds) => pause(milliseconds, pauses),
  }
}

async function serve(
  world: World,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // A caller that hangs up is no error of ours.
  response.on('error', () => undefined)
  try {
    const url = new URL(request.url ?? '/', 'http://stand-in')
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString('utf8')
    const method = request.method ?? 'GET'
    if (url.pathname.startsWith('/__sim/'))
      return sendReply(
        response,
        await answerSim(
          world,
          method,
          url.pathname,
          url.searchParams,
          text === '' ? {} : parseJsonObject(text),
        ),
        null,
      )
    await serveApi(world, request, method, url, text, response)
  } catch (error) {
    if (response.headersSent || response.destroyed) response.destroy()
    else sendRefusal(response, asRefusal(error))
  }
}

async function serveApi(
  world: World,
  request: IncomingMessage,
  method: string,
  url: URL,
  text: string,
  response: ServerResponse,
): Promise<void> {
  const path = url.pathname.replace(/^\/v1(?=\/(models|chat\/completions)$)/, '')
  const startedAt = performance.now()
  const { delayMs, fault } = world.faults.strike(method, path)
  const voice: FaultVoice = {
    pause: (milliseconds) => world.pause(milliseconds),
    refuse: sendRefusal,
  }
  world.calls.begin()
  try {
    await world.pause(delayMs)
    if (await strikeBefore(fault, response, voice)) return
    if (!world.resetsHeld) await world.store.resetDue(world.now())
    const route = routes[`${method} ${path}`]
    if (!route)
      throw Object.keys(routes).some((known) => known.endsWith(` ${path}`))
        ? refuse(405, 'Method Not Allowed')
        : refuse(404, 'Not Found')
    const caller = route.gate === 'open' ? null : identify(world, request.headers.authorization)
    if (caller) passGate(route, path, caller)
    const body = method === 'POST' ? readBody(text) : {}
    await answer(
      await route.handler({ world, query: url.searchParams, body, caller }),
      fault,
      response,
      voice,
    )
  } catch (error) {
    if (response.headersSent || response.destroyed) response.destroy()
    else sendRefusal(response, asRefusal(error))
  } finally {
    world.calls.end({
      endpoint: `${method} ${path}`,
      path,
      status: response.headersSent ? response.statusCode : 0,
      fault: fault?.fault ?? null,
      milliseconds: Math.round(performance.now() - startedAt),
      at: new Date(world.now()).toISOString(),
    })
  }
}

function passGate(route: { gate: string; group: string }, path: string, caller: Caller): void {
  if (caller.kind === 'admin') return
  const { allowedRoutes } = caller.key
  if (allowedRoutes.length > 0 && !allowedRoutes.includes(route.group)) {
    throw new ProxyError(
      403,
      `Virtual key is not allowed to call this route. Only allowed to call routes: [${allowedRoutes.map((one) => `'${one}'`).join(', ')}]. Tried to call route: ${path}`,
      'auth_error',
    )
  }
  if (route.gate === 'admin') {
    throw new ProxyError(
      401,
      `Authentication Error, Only proxy admin can be used to generate, delete, update info for new keys/users/teams. Route=${path}. Your role=unknown. Your user_id=None`,
      'auth_error',
    )
  }
}

function readBody(text: string): JsonObject {
  try {
    return parseJsonObject(text)
  } catch {
    throw new InvalidBody(['body'], 'JSON decode error')
  }
}

function sendRefusal(response: ServerResponse, refusal: Refusal): void {
  const { retryAfterSeconds, headers } = refusal.details
  send(response, refusal.status, JSON.stringify(bodyOf(refusal)), {
    ...headers,
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  })
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  console.error('The LiteLLM stand-in failed:', error)
  return refuse(500, 'Internal Server Error.')
}

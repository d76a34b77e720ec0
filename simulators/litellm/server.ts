/**
 * A self-hosted LiteLLM proxy, played by a local HTTP server: the key management, models and chat
 * of its documented API. Guarantee: what has been answered is in the journal, so a stand-in killed
 * with SIGKILL and started on the same folder knows the same keys. Its errors are LiteLLM's own,
 * its faults those of every stand-in; simulators/README.md has both.
 */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import { CallLog } from '../shared/calls.ts'
import { answer, failBefore, sendReply, type FaultContext } from '../shared/fault-answers.ts'
import { Faults } from '../shared/faults.ts'
import { parseJsonObject } from '../shared/reading.ts'
import { Refusal, type JsonObject } from '../shared/refusal.ts'
import { json } from '../shared/reply.ts'
import { readBody, sendRefusal, startServer, type Pause } from '../shared/server.ts'
import { completeChat, listModels } from './chat.ts'
import * as keys from './keys.ts'
import { answerSim } from './sim.ts'
import { Store } from './store.ts'
import {
  bodyOf,
  identify,
  InvalidBody,
  listOf,
  ProxyError,
  type Caller,
  type Handler,
  type World,
} from './world.ts'

export interface LiteLlmOptions {
  port?: number
  host?: string
  /** Folder of the journal; without it nothing is kept. */
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

/** admin: the master key. caller: any key. open: no key. */
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
  const { origin, machine, stop } = await startServer({
    title: 'LiteLLM',
    portVariable: 'SIM_LITELLM_PORT',
    port: options.port,
    host: options.host,
    open: (pause) => openWorld(options, pause),
    serve,
  })
  const { store } = machine
  return {
    baseUrl: origin,
    masterKey: store.masterKey,
    faultsUrl: `${origin}/__sim/faults`,
    async stop() {
      await stop()
      await store.close()
    },
  }
}

async function openWorld(options: LiteLlmOptions, pause: Pause): Promise<World> {
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
    pause,
  }
}

async function serve(
  world: World,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const url = new URL(request.url ?? '/', 'http://stand-in')
    const text = await readBody(request)
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
    else refuseWith(response, asRefusal(error))
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
  const { delayMs, fault } = world.faults.choose(method, path)
  const context: FaultContext = {
    pause: (milliseconds) => world.pause(milliseconds),
    messageOf: (status) => STATUS_CODES[status] ?? 'Request failed',
    refuse: refuseWith,
  }
  world.calls.begin()
  try {
    await world.pause(delayMs)
    if (await failBefore(fault, response, context)) return
    if (!world.resetsHeld) await world.store.resetDue(world.now())
    const route = routes[`${method} ${path}`]
    if (!route)
      throw Object.keys(routes).some((known) => known.endsWith(` ${path}`))
        ? new Refusal(405, 'Method Not Allowed')
        : new Refusal(404, 'Not Found')
    const caller = route.gate === 'open' ? null : identify(world, request.headers.authorization)
    if (caller) passGate(route, path, caller)
    const body = method === 'POST' ? parseBody(text) : {}
    await answer(
      await route.handler({ world, query: url.searchParams, body, caller }),
      fault,
      response,
      context,
    )
  } catch (error) {
    if (response.headersSent || response.destroyed) response.destroy()
    else refuseWith(response, asRefusal(error))
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
      'Virtual key is not allowed to call this route. ' +
        `Only allowed to call routes: ${listOf(allowedRoutes)}. Tried to call route: ${path}`,
      'auth_error',
    )
  }
  if (route.gate === 'admin') {
    throw new ProxyError(
      401,
      'Authentication Error, Only proxy admin can be used to generate, delete, update info ' +
        `for new keys/users/teams. Route=${path}. Your role=unknown. Your user_id=None`,
      'auth_error',
    )
  }
}

function parseBody(text: string): JsonObject {
  try {
    return parseJsonObject(text)
  } catch {
    throw new InvalidBody(['body'], 'JSON decode error')
  }
}

function refuseWith(response: ServerResponse, refusal: Refusal): void {
  sendRefusal(response, refusal, bodyOf(refusal))
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  console.error('The LiteLLM stand-in failed:', error)
  return new Refusal(500, 'Internal Server Error.')
}

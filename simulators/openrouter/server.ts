/**
 * OpenRouter, played by a local HTTP server. Guarantee: what has been answered is in the ledger, so
 * a stand-in killed with SIGKILL and started on the same folder knows the same keys. Its contract
 * is described in simulators/README.md; faults and the control API are under `/__sim`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { CallLog } from '../shared/calls.ts'
import { answer, failBefore, sendReply, type FaultContext } from '../shared/fault-answers.ts'
import { Faults } from '../shared/faults.ts'
import { CreateLimits } from './create-limits.ts'
import { parseJsonObject } from '../shared/reading.ts'
import { Refusal, type JsonObject } from '../shared/refusal.ts'
import { readBody, sendRefusal, startServer, type Pause } from '../shared/server.ts'
import { Ledger } from './ledger.ts'
import { findRoute, type Route } from './routes.ts'
import { answerSim, type Clock } from './sim.ts'
import { anthropicErrorBody, errorBody, messageOf, refuse } from './wire.ts'
import { identify, type Caller, type World } from './world.ts'

export interface OpenRouterOptions {
  port?: number
  host?: string
  /** Folder of the ledger; without it nothing is kept. */
  dataDir?: string
  managementKey?: string
  /** Of the account, in USD. Default: 1000. */
  credits?: number
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

export async function startOpenRouter(options: OpenRouterOptions = {}): Promise<RunningOpenRouter> {
  const { origin, machine, stop } = await startServer({
    title: 'OpenRouter',
    portVariable: 'SIM_OPENROUTER_PORT',
    port: options.port,
    host: options.host,
    open: (pause) => openMachine(options, pause),
    serve,
  })
  const { ledger } = machine.world
  return {
    baseUrl: `${origin}${apiPrefix}`,
    managementKey: ledger.account.managementKey,
    faultsUrl: `${origin}/__sim/faults`,
    async stop() {
      await stop()
      await ledger.close()
    },
  }
}

async function openMachine(options: OpenRouterOptions, pause: Pause): Promise<Machine> {
  const clock: Clock = { offsetMs: 0 }
  const readTime = options.now ?? Date.now
  const ledger = await Ledger.open({
    dataDir: options.dataDir,
    managementKey: options.managementKey,
    now: readTime(),
  })
  const world: World = {
    ledger,
    faults: new Faults(options.credits === undefined ? {} : { credits: options.credits }),
    createLimits: new CreateLimits(),
    now: () => readTime() + clock.offsetMs,
    recentSpends: new Map(),
    byokDue: 0,
    inFlightNano: 0,
    freeCalls: [],
    pause,
  }
  return { world, calls: new CallLog(), clock }
}

async function serve(
  machine: Machine,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const url = new URL(request.url ?? '/', 'http://stand-in')
    const text = await readBody(request)
    if (url.pathname.startsWith('/__sim/')) await serveSim(machine, request, url, text, response)
    else await serveApi(machine, request, url, text, response)
  } catch (error) {
    if (response.headersSent || response.destroyed) response.destroy()
    else refuseWith(response, asRefusal(error), '', null)
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
  // Every time that a caller sees comes from the clock that can be moved.
  response.setHeader('date', new Date(world.now()).toUTCString())
  const { delayMs, fault } = world.faults.choose(method, path)
  let endpoint = `${method} ${path === '' ? url.pathname : path}`
  calls.begin()
  let endCreate: () => void = () => undefined
  try {
    // Before the latency of the work: a refusal comes back at once.
    if (endpoint === 'POST /keys')
      endCreate = world.createLimits.begin(world.faults.settings, performance.now())
    await world.pause(delayMs)
    if (await failBefore(fault, response, faultContext(world))) return
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
      await answer(reply, fault, response, faultContext(world))
    } catch (error) {
      if (response.headersSent || response.destroyed) response.destroy()
      else
        refuseWith(
          response,
          asRefusal(error),
          path,
          caller === null ? null : world.ledger.account.userId,
        )
    }
  } catch (error) {
    if (!(error instanceof Refusal) || response.headersSent) throw error
    refuseWith(response, error, path, null)
  } finally {
    endCreate()
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

const faultContext = (world: World): FaultContext => ({
  pause: (milliseconds) => world.pause(milliseconds),
  messageOf,
  refuse: (response, refusal) => refuseWith(response, refusal, '', null),
})

function refuseWith(
  response: ServerResponse,
  refusal: Refusal,
  path: string,
  userId: string | null,
): void {
  const body = path.startsWith('/messages')
    ? anthropicErrorBody(refusal)
    : errorBody(refusal, userId)
  sendRefusal(response, refusal, body)
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

/**
 * RunPod's REST v2, played by a local HTTP server: account, catalogue, pods and billing, and the
 * proxy through which a pod's page is reached. Guarantee: what has been answered is in the journal.
 * Its errors are problem+json as the real one's; simulators/README.md has the rest.
 */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import { CallLog } from '../shared/calls.ts'
import { answer, failBefore, sendReply, type FaultContext } from '../shared/fault-answers.ts'
import { Faults } from '../shared/faults.ts'
import { parseJsonObject } from '../shared/reading.ts'
import { Refusal } from '../shared/refusal.ts'
import { json, type Reply } from '../shared/reply.ts'
import { readBody, sendRefusal, startServer, type Pause } from '../shared/server.ts'
import * as pods from './pods.ts'
import { answerSim } from './sim.ts'
import { isRunning, Store } from './store.ts'

export interface RunPodOptions {
  port?: number
  host?: string
  /** Folder of the journal; without it nothing is kept. */
  dataDir?: string
  apiKey?: string
  now?: () => number
}

export interface RunningRunPod {
  baseUrl: string
  apiKey: string
  readOnlyKey: string
  faultsUrl: string
  /** The address of a pod's page; `{pod}` is its id. */
  proxyUrl: string
  stop(): Promise<void>
}

export interface Machine extends pods.World {
  faults: Faults
  calls: CallLog
  pause: Pause
}

const routes: [string, RegExp, pods.Handler][] = [
  ['GET', /^\/v2\/account$/, pods.account],
  ['GET', /^\/v2\/catalog\/gpus$/, pods.catalog],
  ['GET', /^\/v2\/pods$/, pods.listPods],
  ['POST', /^\/v2\/pods$/, pods.createPod],
  ['GET', /^\/v2\/pods\/([^/]+)$/, pods.getPod],
  ['DELETE', /^\/v2\/pods\/([^/]+)$/, pods.deletePod],
  ['POST', /^\/v2\/pods\/([^/]+)\/action$/, pods.act],
  ['GET', /^\/v2\/billing\/pods$/, pods.billing],
]

export async function startRunPod(options: RunPodOptions = {}): Promise<RunningRunPod> {
  const { origin, machine, stop } = await startServer({
    title: 'RunPod',
    portVariable: 'SIM_RUNPOD_PORT',
    port: options.port,
    host: options.host,
    open: (pause) => openMachine(options, pause),
    serve,
  })
  const { store } = machine
  return {
    baseUrl: origin,
    apiKey: store.apiKey,
    readOnlyKey: store.readOnlyKey,
    faultsUrl: `${origin}/__sim/faults`,
    proxyUrl: `${origin}/proxy/{pod}-8888/`,
    async stop() {
      await stop()
      await store.close()
    },
  }
}

async function openMachine(options: RunPodOptions, pause: Pause): Promise<Machine> {
  const clock = { offsetMs: 0 }
  const readTime = options.now ?? Date.now
  return {
    store: await Store.open({ dataDir: options.dataDir, apiKey: options.apiKey }),
    faults: new Faults(),
    calls: new CallLog(),
    clock,
    billingLagMs: 300_000,
    soldOut: new Set(),
    priceFactor: 1,
    now: () => readTime() + clock.offsetMs,
    pause,
  }
}

async function serve(
  machine: Machine,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const url = new URL(request.url ?? '/', 'http://stand-in')
    const text = await readBody(request)
    const method = request.method ?? 'GET'
    await machine.store.endWithoutBalance(machine.now())
    if (url.pathname.startsWith('/__sim/'))
      return sendReply(
        response,
        await answerSim(
          machine,
          method,
          url.pathname,
          url.searchParams,
          text === '' ? {} : parseJsonObject(text),
        ),
        null,
      )
    if (url.pathname.startsWith('/proxy/'))
      return sendReply(response, answerProxy(machine, url), null)
    await serveApi(machine, request, method, url, text, response)
  } catch (error) {
    if (response.headersSent || response.destroyed) response.destroy()
    else refuseWith(response, asRefusal(error))
  }
}

/** The page of a running pod, for who has its password. */
function answerProxy(machine: Machine, url: URL): Reply {
  const id = /^\/proxy\/([^/]+)-8888\//.exec(url.pathname)?.[1] ?? ''
  const pod = machine.store.find(id)
  if (!pod || !isRunning(pod)) throw new Refusal(404, 'There is no such pod, or it does not run.')
  if (url.searchParams.get('token') !== pod.env['JUPYTER_PASSWORD'])
    throw new Refusal(403, 'Forbidden')
  return json({ started: true, kernels: 0 })
}

async function serveApi(
  machine: Machine,
  request: IncomingMessage,
  method: string,
  url: URL,
  text: string,
  response: ServerResponse,
): Promise<void> {
  const startedAt = performance.now()
  const { delayMs, fault } = machine.faults.choose(method, url.pathname)
  const context: FaultContext = {
    pause: (milliseconds) => machine.pause(milliseconds),
    messageOf: (status) => STATUS_CODES[status] ?? 'Request failed',
    refuse: refuseWith,
  }
  machine.calls.begin()
  try {
    await machine.pause(delayMs)
    if (await failBefore(fault, response, context)) return
    passGate(machine, method, request.headers.authorization)
    const found = routes.find(([verb, path]) => verb === method && path.test(url.pathname))
    if (!found) throw new Refusal(404, 'Not Found')
    const [, path, handler] = found
    const reply = await handler({
      world: machine,
      id: path.exec(url.pathname)?.[1] ?? '',
      query: url.searchParams,
      body: method === 'POST' ? parseBody(text) : {},
    })
    if (reply.kind === 'json' && reply.status === 204 && fault === null) {
      response.writeHead(204)
      response.end()
    } else await answer(reply, fault, response, context)
  } catch (error) {
    if (response.headersSent || response.destroyed) response.destroy()
    else refuseWith(response, asRefusal(error))
  } finally {
    machine.calls.end({
      endpoint: `${method} ${url.pathname}`,
      path: url.pathname,
      status: response.headersSent ? response.statusCode : 0,
      fault: fault?.fault ?? null,
      milliseconds: Math.round(performance.now() - startedAt),
      at: new Date(machine.now()).toISOString(),
    })
  }
}

function passGate({ store }: Machine, method: string, authorization: string | undefined): void {
  const key = /^Bearer (.+)$/.exec(authorization ?? '')?.[1]
  if (key === store.apiKey) return
  if (key !== store.readOnlyKey) throw new Refusal(401, 'Unauthorized')
  if (method !== 'GET') throw new Refusal(403, 'This key lacks the scope pods:write')
}

function parseBody(text: string) {
  try {
    return parseJsonObject(text)
  } catch {
    throw new Refusal(422, 'The body is not a JSON object')
  }
}

function refuseWith(response: ServerResponse, refusal: Refusal): void {
  const problem = {
    title: STATUS_CODES[refusal.status] ?? 'Error',
    status: refusal.status,
    detail: refusal.message,
  }
  sendRefusal(
    response,
    new Refusal(refusal.status, refusal.message, {
      ...refusal.details,
      headers: { ...refusal.details.headers, 'content-type': 'application/problem+json' },
    }),
    problem,
  )
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  console.error('The RunPod stand-in failed:', error)
  return new Refusal(500, 'Internal Server Error.')
}

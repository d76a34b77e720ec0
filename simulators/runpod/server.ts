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
import { podBilling } from './billing.ts'
import { getGpu, listGpus } from './catalog.ts'
import { unprocessable } from './create-body.ts'
import * as pods from './pods.ts'
import { answerSim } from './sim.ts'
import { Store } from './store.ts'

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
  /** The minute that is counted, by the clock of the machine. */
  window: { startedAt: number; used: number }
}

const routes: [string, RegExp, pods.Handler][] = [
  ['GET', /^\/v2\/account$/, pods.account],
  ['GET', /^\/v2\/catalog\/gpus$/, listGpus],
  ['GET', /^\/v2\/catalog\/gpus\/([^/]+)$/, getGpu],
  ['GET', /^\/v2\/pods$/, pods.listPods],
  ['POST', /^\/v2\/pods$/, pods.createPod],
  ['GET', /^\/v2\/pods\/([^/]+)$/, pods.getPod],
  ['DELETE', /^\/v2\/pods\/([^/]+)$/, pods.deletePod],
  ['POST', /^\/v2\/pods\/([^/]+)\/action$/, pods.act],
  ['GET', /^\/v2\/billing\/pods$/, podBilling],
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
    provisioningMs: 0,
    requestsPerMinute: null,
    window: { startedAt: 0, used: 0 },
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
  if (!pod || pods.statusOf(pod, machine) !== 'RUNNING')
    throw new Refusal(404, 'There is no such pod, or it does not run.')
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
    countRequest(machine, response)
    const [path, handler] = findRoute(method, url.pathname)
    const reply = await handler({
      world: machine,
      id: decode(path.exec(url.pathname)?.[1] ?? ''),
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

function findRoute(method: string, path: string): [RegExp, pods.Handler] {
  const known = routes.filter(([, pattern]) => pattern.test(path))
  if (known.length === 0) throw new Refusal(404, 'resource not found')
  const found = known.find(([verb]) => verb === method)
  if (!found)
    throw new Refusal(405, 'The requested method is not supported for this path.', {
      headers: { allow: known.map(([verb]) => verb).join(', ') },
    })
  return [found[1], found[2]]
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Refusal(400, 'The path is not well encoded.')
  }
}

/** Quotas stand on every answer to who is not exempt, not on a 429 alone. */
function countRequest(machine: Machine, response: ServerResponse): void {
  const { requestsPerMinute: quota, window } = machine
  if (quota === null) return
  const now = Date.now()
  if (now - window.startedAt >= 60_000) Object.assign(window, { startedAt: now, used: 0 })
  const resetsIn = Math.max(1, Math.ceil((window.startedAt + 60_000 - now) / 1_000))
  const left = Math.max(0, quota - window.used - 1)
  response.setHeader('ratelimit', `"minute";r=${left};t=${resetsIn}`)
  response.setHeader('ratelimit-policy', `"minute";q=${quota};w=60`)
  if (window.used >= quota)
    throw new Refusal(429, 'rate limit exceeded: minute', { retryAfterSeconds: resetsIn })
  window.used += 1
}

function passGate({ store }: Machine, method: string, authorization: string | undefined): void {
  const key = /^Bearer (.+)$/.exec(authorization ?? '')?.[1]
  if (key === store.apiKey) return
  if (key !== store.readOnlyKey)
    throw new Refusal(401, key === undefined ? 'missing bearer token' : 'invalid bearer token')
  if (method !== 'GET') throw new Refusal(403, 'access denied')
}

function parseBody(text: string) {
  try {
    return parseJsonObject(text)
  } catch {
    throw unprocessable(['$: expected an object'])
  }
}

function refuseWith(response: ServerResponse, refusal: Refusal): void {
  const errors = refusal.details.metadata?.['errors']
  const problem = {
    title: STATUS_CODES[refusal.status] ?? 'Error',
    status: refusal.status,
    detail: refusal.message,
    // Of a body that does not match the contract: each failure.
    ...(errors === undefined ? {} : { errors }),
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

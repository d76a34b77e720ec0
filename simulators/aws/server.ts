/**
 * An AWS account, played by a local HTTP server: IAM, STS and S3 on one port. Guarantee: what has
 * been answered is in the journal, every signature is verified, and a request is allowed by a policy
 * of the one known shape or not at all. S3 may know of changes in IAM only after `lagMs`.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { CallLog } from '../shared/calls.ts'
import { Faults, type FaultRule } from '../shared/faults.ts'
import { parseJsonObject } from '../shared/reading.ts'
import { Refusal } from '../shared/refusal.ts'
import { sendReply } from '../shared/fault-answers.ts'
import { sendRefusal, startServer, type Pause } from '../shared/server.ts'
import { answerIam } from './iam.ts'
import { getMetricData, getMetricStatistics } from './metrics.ts'
import { hostBucket } from './s3.ts'
import { serveS3 } from './serve-s3.ts'
import { payloadOf } from './payload.ts'
import { requireScope, signatureError, verifySignature, type Dialect } from './signature.ts'
import { answerSim } from './sim.ts'
import { lastAt, Store } from './store.ts'
import { AwsError, element, type XmlReply } from './xml.ts'

export interface AwsOptions {
  port?: number
  host?: string
  /** Folder of the journal; without it nothing is kept. */
  dataDir?: string
  now?: () => number
}
export interface RunningAws {
  baseUrl: string
  accessKeyId: string
  secretAccessKey: string
  bucket: string
  faultsUrl: string
  stop(): Promise<void>
}
export interface Machine {
  store: Store
  faults: Faults
  calls: CallLog
  clock: { offsetMs: number }
  /** S3 knows of keys and policies as they were so long ago. */
  lagMs: number
  /** CloudWatch knows of requests as they were so long ago. */
  metricsLagMs: number
  now(): number
  pause: Pause
}

const maxBodyBytes = 16 * 1024 * 1024

export async function startAws(options: AwsOptions = {}): Promise<RunningAws> {
  const { origin, machine, stop } = await startServer({
    title: 'AWS',
    portVariable: 'SIM_AWS_PORT',
    port: options.port,
    host: options.host,
    open: (pause) => openMachine(options, pause),
    serve,
  })
  const { store } = machine
  return {
    baseUrl: origin,
    accessKeyId: store.root.id,
    secretAccessKey: store.root.secret,
    bucket: store.bucket,
    faultsUrl: `${origin}/__sim/faults`,
    async stop() {
      await stop()
      await store.close()
    },
  }
}

async function openMachine(options: AwsOptions, pause: Pause): Promise<Machine> {
  const clock = { offsetMs: 0 }
  const readTime = options.now ?? Date.now
  return {
    store: await Store.open(options.dataDir),
    faults: new Faults(),
    calls: new CallLog(),
    clock,
    lagMs: 0,
    metricsLagMs: 0,
    now: () => readTime() + clock.offsetMs,
    pause,
  }
}

async function serve(
  machine: Machine,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://stand-in')
  const body = await readBytes(request)
  if (!url.pathname.startsWith('/__sim/')) return serveApi(machine, request, url, body, response)
  try {
    const text = body.toString('utf8')
    const fields = text === '' ? {} : parseJsonObject(text)
    const method = request.method ?? 'GET'
    const reply = await answerSim(machine, method, url.pathname, url.searchParams, fields)
    sendReply(response, reply, null)
  } catch (error) {
    const refusal = error instanceof Refusal ? error : new Refusal(500, 'The stand-in has failed.')
    sendRefusal(response, refusal, { error: refusal.message })
  }
}

async function serveApi(
  machine: Machine,
  request: IncomingMessage,
  url: URL,
  body: Buffer,
  response: ServerResponse,
): Promise<void> {
  const method = request.method ?? 'GET'
  const target = /^GraniteServiceVersion20100801\.(\w+)$/.exec(
    String(request.headers['x-amz-target'] ?? ''),
  )?.[1]
  const isBucket = hostBucket(request) !== null || url.searchParams.has('delete')
  const isIam = method === 'POST' && url.pathname === '/' && target === undefined && !isBucket
  const form = new URLSearchParams(isIam ? body.toString('utf8') : '')
  // A call of IAM is told by its action, one of CloudWatch by its target; the path is always the same.
  const path = target
    ? `/cloudwatch/${target}`
    : isIam
      ? `/iam/${form.get('Action') ?? ''}`
      : url.pathname
  const dialect: Dialect = target ? 'cloudwatch' : isIam ? 'iam' : 's3'
  const startedAt = performance.now()
  const { delayMs, fault } = machine.faults.choose(method, path)
  machine.calls.begin()
  try {
    await machine.pause(delayMs)
    if (await failBefore(machine, fault, response, dialect)) return
    const signed = verifySignature(request, body, (id) => secretOf(machine, id))
    if (typeof signed === 'string') throw signatureError(signed, dialect)
    requireScope(signed, dialect)
    const isRoot = signed.accessKeyId === machine.store.root.id
    const { store } = machine
    const reply =
      dialect === 'cloudwatch'
        ? answerCloudWatch(machine, target ?? '', body.toString('utf8'), isRoot)
        : dialect === 'iam'
          ? {
              status: 200,
              body: await answerIam({ store, now: machine.now(), form, by: signed.accessKeyId }),
            }
          : await serveS3(machine, signed, request, url, payloadOf(request.headers, body, signed))
    await sendXml(machine, reply, fault, response, dialect)
  } catch (error) {
    if (response.headersSent || response.destroyed) response.destroy()
    else refuse(response, asAwsError(error), dialect)
  } finally {
    machine.calls.end({
      endpoint: `${method} ${path}`,
      path,
      status: response.headersSent ? response.statusCode : 0,
      fault: fault?.fault ?? null,
      milliseconds: Math.round(performance.now() - startedAt),
      at: new Date(machine.now()).toISOString(),
    })
  }
}

/** The secret of a key that can still sign, by what S3 knows of it. */
function secretOf({ store, lagMs, now }: Machine, id: string): string | null {
  if (id === store.root.id) return store.root.secret
  const found = store.keyOwner(id)
  if (!found) return null
  const status = lastAt(found.key.states, now() - lagMs)?.status
  return status === 'Active' ? found.key.secret : null
}

function answerCloudWatch(
  { store, now, metricsLagMs }: Machine,
  target: string,
  body: string,
  isRoot: boolean,
): XmlReply {
  if (!isRoot) throw new AwsError(403, 'AccessDenied', 'User is not authorized.')
  const calls = { GetMetricData: getMetricData, GetMetricStatistics: getMetricStatistics }
  if (target !== 'GetMetricData' && target !== 'GetMetricStatistics')
    throw new AwsError(400, 'UnknownOperationException', 'This stand-in does not know this call.')
  const answer = calls[target](store, body, now() - metricsLagMs)
  return { status: 200, body: JSON.stringify(answer), type: 'application/x-amz-json-1.0' }
}

const refusedAs = (status: number): [number, string] => [
  status,
  status === 404 ? 'NoSuchEntity' : 'ValidationError',
]

const refusals: Partial<Record<string, [number, string]>> = {
  '401': [403, 'InvalidClientTokenId'],
  '402': [403, 'AccessDenied'],
  '403': [403, 'AccessDenied'],
  '429': [400, 'Throttling'],
  '500': [500, 'ServiceFailure'],
  '503': [503, 'ServiceUnavailable'],
}

async function failBefore(
  machine: Machine,
  fault: FaultRule | null,
  response: ServerResponse,
  dialect: Dialect,
): Promise<boolean> {
  if (fault === null) return false
  if (fault.fault === '502-html') {
    response.writeHead(502, { 'content-type': 'text/html' })
    response.end('<html><body><h1>502 Bad Gateway</h1></body></html>')
    return true
  }
  if (fault.fault === 'hang') await machine.pause(fault.delayMs ?? 3_600_000)
  if (fault.fault === 'hang' || fault.fault === 'reset-before') {
    response.destroy()
    return true
  }
  const known = refusals[fault.fault]
  const [status, code] =
    fault.fault === 'refuse' ? refusedAs(fault.status ?? 400) : (known ?? [0, ''])
  if (status === 0) return false
  refuse(response, new AwsError(status, code, fault.message ?? 'A fault on purpose.'), dialect)
  return true
}

async function sendXml(
  machine: Machine,
  reply: XmlReply,
  fault: FaultRule | null,
  response: ServerResponse,
  dialect: Dialect,
): Promise<void> {
  if (fault?.fault === 'late') await machine.pause(fault.delayMs ?? 30_000)
  if (fault?.fault === 'reset-after') return void response.destroy()
  if (fault?.fault === '500-after')
    return refuse(response, new AwsError(500, 'ServiceFailure', 'A fault on purpose.'), dialect)
  const whole = Buffer.from(reply.body)
  const body = fault?.fault === 'unreadable' ? whole.subarray(0, whole.length / 2) : whole
  response.writeHead(reply.status, {
    'content-type': reply.type ?? 'text/xml',
    ...requestIds(dialect),
    ...(reply.status === 204 || reply.status === 304
      ? {}
      : { 'content-length': String(body.length) }),
    ...reply.headers,
  })
  response.end(body)
}

function refuse(response: ServerResponse, error: AwsError, dialect: Dialect): void {
  const { code: Code, message: Message } = error
  const ids = requestIds(dialect)
  if (dialect === 'cloudwatch') {
    response.writeHead(error.status, { 'content-type': 'application/x-amz-json-1.0', ...ids })
    response.end(JSON.stringify({ __type: `com.amazonaws.cloudwatch#${Code}`, message: Message }))
    return
  }
  const body =
    dialect === 'iam'
      ? element('ErrorResponse', {
          Error: { Type: error.status < 500 ? 'Sender' : 'Receiver', Code, Message },
          RequestId: ids['x-amzn-requestid'],
        })
      : element('Error', { Code, Message, ...error.more, RequestId: ids['x-amz-request-id'] })
  response.writeHead(error.status, { 'content-type': 'text/xml', ...ids, ...error.headers })
  response.end(body)
}

/** Each answer has an id of its own, by which AWS's support would find it. */
function requestIds(dialect: Dialect): Record<string, string> {
  const id = randomUUID()
  return dialect === 's3'
    ? { 'x-amz-request-id': id.slice(0, 16).toUpperCase(), 'x-amz-id-2': id }
    : { 'x-amzn-requestid': id }
}

function asAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error
  console.error('The AWS stand-in failed:', error)
  return new AwsError(500, 'InternalFailure', 'The stand-in has failed.')
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= maxBodyBytes) chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

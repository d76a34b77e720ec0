/**
 * Proxies that mean harm, or are broken beyond what a fault can play: in front of a stand-in that
 * works, until `turn()` lets the harm begin. What a caller may lose to each is its own time alone.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startLiteLlm } from './server.ts'

export const hostileKinds = ['huge', 'endless', 'hanging', 'dripping', 'twice'] as const
/**
 * huge: a list without an end in one page. endless: pages without an end. hanging: no answer.
 * dripping: a byte at a time. twice: one key for every request, and on every page of its list.
 */
export type HostileKind = (typeof hostileKinds)[number]

export type HostileProxy = {
  kind: HostileKind
  baseUrl: string
  masterKey: string
  /** From now on it does harm. */
  turn(): void
  /** Bytes of lists that have left it. */
  sentBytes(): number
  stop(): Promise<void>
}

type Front = {
  kind: HostileKind
  turned: boolean
  sent: number
  /** The first key that it made, as answered. */
  made: string | null
  calls: number
}

export async function startHostileProxy(kind: HostileKind): Promise<HostileProxy> {
  const real = await startLiteLlm()
  const front: Front = { kind, turned: false, sent: 0, made: null, calls: 0 }
  const server = createServer((request, response) => {
    response.on('error', () => undefined)
    serve(front, real.baseUrl, request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    kind,
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    masterKey: real.masterKey,
    turn: () => void (front.turned = true),
    sentBytes: () => front.sent,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await real.stop()
    },
  }
}

async function serve(
  front: Front,
  realUrl: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const path = (request.url ?? '/').split('?')[0]
  if (front.turned) {
    if (front.kind === 'hanging') return
    if (front.kind === 'dripping') return drip(response)
    if (path === '/key/list' && front.kind === 'huge') return pour(front, response)
    if (path === '/key/list' && front.kind === 'endless')
      return sendPage(front, response, (index) => rowOf(`${front.calls}-${index}`, index))
    if (path === '/key/list' && front.kind === 'twice')
      return sendPage(front, response, () => repeatedRow(front))
    if (path === '/key/generate' && front.kind === 'twice' && front.made !== null)
      return send(front, response, front.made)
  }
  const { host: _host, ...headers } = request.headers
  const answer = await fetch(`${realUrl}${request.url ?? '/'}`, {
    method: request.method ?? 'GET',
    headers: headers as Record<string, string>,
    ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
  })
  const text = await answer.text()
  if (path === '/key/generate' && answer.ok) front.made ??= text
  response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text)
}

function drip(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  const timer = setInterval(() => response.write(' '), 100)
  response.once('close', () => clearInterval(timer))
}

function pour(front: Front, response: ServerResponse): void {
  const rows = `${JSON.stringify(rowOf('x', 0))},`.repeat(500)
  response.writeHead(200, { 'content-type': 'application/json' })
  response.write('{"total_pages": 1, "keys": [')
  const more = () => {
    let goesOn = true
    while (goesOn && !response.destroyed) {
      front.sent += rows.length
      goesOn = response.write(rows)
    }
    if (!response.destroyed) response.once('drain', more)
  }
  more()
}

function sendPage(front: Front, response: ServerResponse, row: (index: number) => object): void {
  front.calls++
  const keys = Array.from({ length: 100 }, (_, index) => row(index))
  send(front, response, JSON.stringify({ keys, total_pages: 1_000_000_000, total_count: 1e11 }))
}

function send(front: Front, response: ServerResponse, text: string): void {
  front.sent += text.length
  response.writeHead(200, { 'content-type': 'application/json' }).end(text)
}

const rowOf = (id: string, index: number) => ({
  token: `not-ours-${id}`,
  key_name: 'sk-...abcd',
  key_alias: `somebody/${id}`,
  spend: index,
  max_budget: 10,
  blocked: false,
  created_at: new Date().toISOString(),
})

/** The key that it made, with another spending each time. */
function repeatedRow(front: Front): object {
  const made = JSON.parse(front.made ?? '{}') as Record<string, unknown>
  const spend = ((front.calls * 31) % 100) / 100
  return { ...made, key: undefined, spend, created_at: new Date().toISOString() }
}

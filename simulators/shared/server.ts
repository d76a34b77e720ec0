/**
 * The HTTP server under a stand-in: it takes its port before its data is opened, reads whole bodies
 * and stops without waiting for callers.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Refusal } from './refusal.ts'

const maxBodyBytes = 20 * 1024 * 1024

export interface StandInServer<Machine> {
  origin: string
  machine: Machine
  /** Closes every connection and ends every pause; the machine is the caller's to close. */
  stop(): Promise<void>
}

/** Resolves after this time, or early when the server stops. */
export type Pause = (milliseconds: number) => Promise<void>

/** Rejects with a message for people when the port is taken. */
export async function startServer<Machine>(options: {
  /** "OpenRouter", in messages. */
  title: string
  /** The variable that sets the port, in messages. */
  portVariable: string
  port: number | undefined
  host: string | undefined
  open(pause: Pause): Promise<Machine>
  serve(machine: Machine, request: IncomingMessage, response: ServerResponse): Promise<void>
}): Promise<StandInServer<Machine>> {
  const { title, portVariable, port = 0, host = '127.0.0.1' } = options
  const pauses = new Set<() => void>()
  const server = createServer()
  server.keepAliveTimeout = 65_000
  // The port first: a stand-in that cannot serve must not touch the data of the one that does.
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(
              `Port ${port} is already in use, so the ${title} stand-in cannot start. ` +
                `Free the port or set ${portVariable} to another one.`,
            )
          : error,
      ),
    )
    server.listen({ port, host, backlog: 1024 }, resolve)
  })
  const opening = options.open((milliseconds) => pauseFor(milliseconds, pauses))
  server.on('request', (request, response) => {
    // A caller that hangs up is not an error here.
    response.on('error', () => undefined)
    void opening.then(
      (machine) => options.serve(machine, request, response),
      () => response.destroy(),
    )
  })
  const machine = await opening.catch((error: unknown) => {
    server.close()
    throw error
  })
  const address = server.address() as AddressInfo
  return {
    origin: `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${address.port}`,
    machine,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      for (const wake of pauses) wake()
      await closed
    },
  }
}

async function pauseFor(milliseconds: number, pauses: Set<() => void>): Promise<void> {
  if (milliseconds <= 0) return
  await new Promise<void>((resolve) => {
    const wake = (): void => {
      clearTimeout(timer)
      pauses.delete(wake)
      resolve()
    }
    const timer = setTimeout(wake, milliseconds)
    pauses.add(wake)
  })
}

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBodyBytes) throw new Refusal(413, 'Request body is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

export function send(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    ...headers,
  })
  response.end(text)
}

/** `body` in the provider's own shape, with the headers of the refusal. */
export function sendRefusal(response: ServerResponse, refusal: Refusal, body: object): void {
  const { retryAfterSeconds, headers } = refusal.details
  send(response, refusal.status, JSON.stringify(body), {
    ...headers,
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  })
}

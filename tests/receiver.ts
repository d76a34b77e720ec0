/** A server that receives what is posted to it, answers as a test says, and keeps what it got. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Received = {
  path: string
  headers: IncomingHttpHeaders
  body: string
  json: { id: string; event: string; title: string; text: string; url: string } & Record<
    string,
    unknown
  >
}

type Answer = number | ((response: ServerResponse) => void)

/** Answers 200, or what stands first in `answers`. */
export async function openReceiver() {
  const received: Received[] = []
  const answers: Answer[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      received.push({
        path: request.url ?? '',
        headers: request.headers,
        body,
        json: JSON.parse(body || '{}') as Received['json'],
      })
      const answer = answers.shift() ?? 200
      if (typeof answer === 'function') answer(response)
      else response.writeHead(answer).end(`answer ${answer}`)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { url, received, answers, close, [Symbol.asyncDispose]: close }
}

/**
 * What every request must be before anything acts on it: an address that decodes, and a body that is
 * small and whole. Bodies are counted while they arrive, whatever their header says; slow ones end
 * by the server's own timeouts.
 */
import { Readable } from 'node:stream'
import type { NextFunction, Request, Response } from 'express'

/** The longest form of ours is a bulk selection of a thousand ids, which is less. */
export const maxBodyBytes = 64 * 1024

/** How long a client has for its headers, and for headers and body together. */
export const requestTimes = {
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  connectionsCheckingInterval: 1_000,
} as const

/** Answers 400 to an address that does not decode or that no page can have. */
export function refuseOddAddress(request: Request, response: Response, next: NextFunction): void {
  if (isReadable(request.originalUrl)) return next()
  response
    .status(400)
    .type('text')
    .send('This address holds characters that no page has. Check it for typing errors.\n')
}

/** Answers 405 to a method that no router of ours reads: some are an error deep inside. */
export function refuseOddMethod(request: Request, response: Response, next: NextFunction): void {
  if (isReading(request) || isForm(request)) return next()
  refuseMethod(response, 'GET, HEAD, POST')
}

/** Answers 405 to a form for an address that only gives something out. */
export function refuseFormsWhere(isReadOnly: (pathname: string) => boolean) {
  return (request: Request, response: Response, next: NextFunction): void => {
    if (isForm(request) && isReadOnly(request.path)) refuseMethod(response, 'GET, HEAD')
    else next()
  }
}

const isReading = ({ method }: Request) => method === 'GET' || method === 'HEAD'

/** The router treats all of these alike. */
const isForm = ({ method }: Request) => ['POST', 'PUT', 'PATCH', 'DELETE'].includes(method)

const refuseMethod = (response: Response, allowed: string) =>
  void response
    .status(405)
    .set('Allow', allowed)
    .type('text')
    .send('This address does not take such a request. Nothing has changed.\n')

/**
 * What a route says in a header counts in the place of what was set before it: Remix adds its headers
 * to ours, and a header that stands twice is read differently by each browser and proxy.
 */
export function letRoutesDecide(_request: Request, response: Response, next: NextFunction): void {
  const append = response.append.bind(response)
  response.append = (name, value) =>
    name.toLowerCase() === 'set-cookie' ? append(name, value) : response.set(name, value)
  next()
}

/** Whether path and query decode as UTF-8 and hold no zero byte. */
export function isReadable(target: string): boolean {
  if (!target.startsWith('/') || target.startsWith('//') || target.includes('\\')) return false
  try {
    return !decodeURIComponent(target.replaceAll('+', ' ')).includes('\0')
  } catch {
    return false
  }
}

/**
 * Holds a request back until its body is whole, and keeps it in `locals.body`: nothing acts on a form
 * that is cut short. Answers 413 as soon as more than `maxBodyBytes` are announced or have arrived; a
 * body that never ends reaches nothing.
 */
export function collectBody(
  request: Request,
  response: Response<unknown, { body?: Buffer }>,
  next: NextFunction,
): void {
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes)
    return refuse(request, response)
  const chunks: Buffer[] = []
  let received = 0
  const take = (chunk: Buffer) => {
    received += chunk.length
    if (received <= maxBodyBytes) return void chunks.push(chunk)
    request.off('data', take).off('end', done).pause()
    refuse(request, response)
  }
  const done = () => {
    response.locals.body = Buffer.concat(chunks)
    next()
  }
  request.on('data', take).once('end', done)
}

/** The request with its collected body in the place of the stream that was read. */
export function withBody(request: Request, body: Buffer): Request {
  const stream = Readable.from(body.length > 0 ? [body] : [], { objectMode: false })
  return new Proxy(request, {
    get(target, name) {
      const source: object = name in stream ? stream : target
      const value: unknown = Reflect.get(source, name, source)
      return typeof value === 'function' ? (value.bind(source) as unknown) : value
    },
  })
}

/**
 * Gives the request our own address, whatever host its sender names: an invalid one would be an error
 * deep inside, and nothing of ours trusts it. Requests of other sites have been refused before: a form
 * of a page that sends no referrer says "null" for its origin, and means ours.
 */
export function nameOurselves(appOrigin: string) {
  const { host, protocol, origin } = new URL(appOrigin)
  return (request: Request, _response: Response, next: NextFunction): void => {
    request.headers.host = host
    request.headers['x-forwarded-proto'] = protocol.slice(0, -1)
    delete request.headers['x-forwarded-host']
    if (request.headers.origin === 'null') request.headers.origin = origin
    next()
  }
}

/** Says why and closes the connection: what is still on its way is not read. */
function refuse(request: Request, response: Response): void {
  response
    .status(413)
    .set('Connection', 'close')
    .type('text')
    .send('This form is too large, so nothing has changed. Send at most 64 KB.\n')
  response.once('finish', () => request.destroy())
}

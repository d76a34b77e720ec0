/**
 * What every request must be before anything reads it: an address that decodes, and a body that is
 * small. Bodies are counted while they arrive, whatever their header says; slow ones end by the
 * server's own timeouts.
 */
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

/** Whether path and query decode as UTF-8 and hold no zero byte. */
export function isReadable(target: string): boolean {
  if (!target.startsWith('/') || target.startsWith('//') || target.includes('\\')) return false
  try {
    return !decodeURIComponent(target.replaceAll('+', ' ')).includes('\0')
  } catch {
    return false
  }
}

/** Answers 413 as soon as more than `maxBodyBytes` are announced or have arrived. */
export function limitBody(request: Request, response: Response, next: NextFunction): void {
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes)
    return refuse(request, response)
  let received = 0
  // Before Remix adds its own listener in the same turn: both get every chunk.
  request.on('data', (chunk: Buffer) => {
    received += chunk.length
    if (received > maxBodyBytes && !response.headersSent) refuse(request, response)
  })
  next()
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

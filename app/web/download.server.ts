/** Files that are made while they are sent: no page of them waits in memory for the next. */
import { Readable } from 'node:stream'
import { createReadableStreamFromReadable } from '@remix-run/node'

/**
 * An attachment that no cache keeps. If `body` throws midway, the connection is cut, so that half a
 * file is not taken for a whole one.
 */
export function download(input: {
  name: string
  type: string
  body: AsyncIterable<string> | Readable
}): Response {
  const stream =
    input.body instanceof Readable
      ? input.body
      : Readable.from(input.body, { objectMode: false, encoding: 'utf8' })
  // An error reaches the reader below; one that comes after it has gone away reaches nobody, and
  // without a listener it would end the process.
  stream.on('error', () => undefined)
  return new Response(createReadableStreamFromReadable(stream), {
    headers: {
      'Content-Type': input.type,
      'Content-Disposition': `attachment; filename="${input.name}"`,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    },
  })
}

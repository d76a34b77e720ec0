/**
 * The body of a request as S3 stores it: taken out of aws-chunked, and compared with every digest
 * that came with it. Chunks that are signed one by one are not implemented.
 */
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { crc32 } from 'node:zlib'
import { AwsError } from './xml.ts'

const textOf = (value: string | string[] | undefined) =>
  Array.isArray(value) ? value.join(',') : (value ?? '')

export function payloadOf(headers: IncomingHttpHeaders, raw: Buffer): Buffer {
  const claimed = textOf(headers['x-amz-content-sha256'])
  const { body, trailers } = claimed.startsWith('STREAMING-')
    ? dechunk(headers, claimed, raw)
    : { body: raw, trailers: {} }
  compare({ ...headers, ...trailers }, body)
  return body
}

function dechunk(
  headers: IncomingHttpHeaders,
  claimed: string,
  raw: Buffer,
): { body: Buffer; trailers: Record<string, string> } {
  if (claimed !== 'STREAMING-UNSIGNED-PAYLOAD-TRAILER')
    throw new AwsError(501, 'NotImplemented', 'This stand-in takes no chunks that are signed.')
  const parts: Buffer[] = []
  let at = 0
  for (;;) {
    const end = raw.indexOf('\r\n', at)
    const size = end < 0 ? NaN : Number.parseInt(raw.toString('latin1', at, end), 16)
    if (Number.isNaN(size)) throw incomplete()
    at = end + 2
    if (size === 0) break
    if (raw.toString('latin1', at + size, at + size + 2) !== '\r\n') throw incomplete()
    parts.push(raw.subarray(at, at + size))
    at += size + 2
  }
  const body = Buffer.concat(parts)
  if (body.length !== Number(textOf(headers['x-amz-decoded-content-length']))) throw incomplete()
  const trailers: Record<string, string> = {}
  for (const line of raw.toString('latin1', at).split('\r\n')) {
    const [name = '', ...value] = line.split(':')
    if (name !== '') trailers[name.toLowerCase().trim()] = value.join(':').trim()
  }
  const announced = textOf(headers['x-amz-trailer'])
  if (announced !== '' && trailers[announced.toLowerCase()] === undefined)
    throw new AwsError(400, 'MalformedTrailerError', 'The trailer that was announced is missing.')
  return { body, trailers }
}

const incomplete = () =>
  new AwsError(400, 'IncompleteBody', 'The request body terminated unexpectedly.')

function compare(headers: IncomingHttpHeaders, body: Buffer): void {
  const sums: Record<string, () => Buffer> = {
    'content-md5': () => createHash('md5').update(body).digest(),
    'x-amz-checksum-sha1': () => createHash('sha1').update(body).digest(),
    'x-amz-checksum-sha256': () => createHash('sha256').update(body).digest(),
    'x-amz-checksum-crc32': () => {
      const sum = Buffer.alloc(4)
      sum.writeUInt32BE(crc32(body))
      return sum
    },
  }
  for (const [name, sum] of Object.entries(sums)) {
    const given = textOf(headers[name])
    if (given === '') continue
    const expected = sum()
    if (Buffer.from(given, 'base64').length !== expected.length)
      throw new AwsError(400, 'InvalidDigest', `The ${name} you specified is not valid.`)
    if (given !== expected.toString('base64'))
      throw new AwsError(400, 'BadDigest', `The ${name} you specified did not match the content.`)
  }
}

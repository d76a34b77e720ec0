/**
 * The body of a request as S3 stores it: taken out of aws-chunked, whose chunks may be signed one by
 * one, and compared with every digest that came with it.
 */
import { createHash, createHmac } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { checksums } from './checksums.ts'
import type { Signed } from './signature.ts'
import { AwsError } from './xml.ts'

const textOf = (value: string | string[] | undefined) =>
  Array.isArray(value) ? value.join(',') : (value ?? '')

export function payloadOf(headers: IncomingHttpHeaders, raw: Buffer, signed: Signed): Buffer {
  const claimed = textOf(headers['x-amz-content-sha256'])
  const { body, trailers } = claimed.startsWith('STREAMING-')
    ? dechunk(headers, kindOf(claimed), raw, signed)
    : { body: raw, trailers: {} }
  compare({ ...headers, ...trailers }, body)
  return body
}

type Kind = { isSigned: boolean; hasTrailer: boolean }

function kindOf(claimed: string): Kind {
  switch (claimed) {
    case 'STREAMING-UNSIGNED-PAYLOAD-TRAILER':
      return { isSigned: false, hasTrailer: true }
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD':
      return { isSigned: true, hasTrailer: false }
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER':
      return { isSigned: true, hasTrailer: true }
    default:
      throw new AwsError(501, 'NotImplemented', 'This stand-in does not take such a stream.')
  }
}

const minChunkBytes = 8 * 1024

function dechunk(
  headers: IncomingHttpHeaders,
  { isSigned, hasTrailer }: Kind,
  raw: Buffer,
  { seed }: Signed,
): { body: Buffer; trailers: Record<string, string> } {
  let last = seed.signature
  const follow = (kind: string, hashes: string[], told: string | undefined) => {
    const toSign = [`AWS4-HMAC-SHA256-${kind}`, seed.date, seed.scope, last, ...hashes].join('\n')
    last = createHmac('sha256', seed.key).update(toSign).digest('hex')
    if (told !== last)
      throw new AwsError(403, 'SignatureDoesNotMatch', 'The signature of a chunk does not match.')
  }
  const parts: Buffer[] = []
  let at = 0
  for (;;) {
    const end = raw.indexOf('\r\n', at)
    const found = /^([0-9a-f]+)(?:;chunk-signature=([0-9a-f]{64}))?$/i.exec(
      end < 0 ? '' : raw.toString('latin1', at, end),
    )
    if (!found) throw incomplete()
    const size = Number.parseInt(found[1] ?? '', 16)
    at = end + 2
    const chunk = raw.subarray(at, at + size)
    if (isSigned) follow('PAYLOAD', [sha256(''), sha256(chunk)], found[2])
    if (size === 0) break
    if ((parts.at(-1)?.length ?? minChunkBytes) < minChunkBytes)
      throw new AwsError(
        403,
        'InvalidChunkSizeError',
        'Only the last chunk may be under 8192 bytes.',
      )
    if (raw.toString('latin1', at + size, at + size + 2) !== '\r\n') throw incomplete()
    parts.push(chunk)
    at += size + 2
  }
  const body = Buffer.concat(parts)
  if (body.length !== Number(textOf(headers['x-amz-decoded-content-length']))) throw incomplete()
  if (!hasTrailer) return { body, trailers: {} }
  const trailers: Record<string, string> = {}
  for (const line of raw.toString('latin1', at).split(/\r?\n/)) {
    const [name = '', ...value] = line.split(':')
    if (name !== '') trailers[name.toLowerCase().trim()] = value.join(':').trim()
  }
  const { 'x-amz-trailer-signature': signature, ...told } = trailers
  if (isSigned) {
    const lines = Object.entries(told).map(([name, value]) => `${name}:${value}\n`)
    follow('TRAILER', [sha256(lines.sort().join(''))], signature)
  }
  const announced = textOf(headers['x-amz-trailer'])
  if (announced !== '' && told[announced.toLowerCase()] === undefined)
    throw new AwsError(400, 'MalformedTrailerError', 'The trailer that was announced is missing.')
  return { body, trailers: told }
}

const sha256 = (value: Buffer | string) => createHash('sha256').update(value).digest('hex')
const incomplete = () =>
  new AwsError(400, 'IncompleteBody', 'The request body terminated unexpectedly.')

function compare(headers: IncomingHttpHeaders, body: Buffer): void {
  for (const [name, sumOf] of Object.entries(checksums)) {
    const given = textOf(headers[name])
    if (given === '') continue
    const expected = sumOf(body)
    if (Buffer.from(given, 'base64').length !== expected.length)
      throw new AwsError(400, 'InvalidDigest', `The ${name} you specified is not valid.`)
    if (given !== expected.toString('base64'))
      throw new AwsError(400, 'BadDigest', `The ${name} you specified did not match the content.`)
  }
}

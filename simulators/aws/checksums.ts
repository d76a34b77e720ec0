/** The digests that S3 compares a body with, by the header that carries each. */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** CRC-32C, reflected. */
const castagnoli = makeTable(0, 0x82f63b78)
/** CRC-64/NVME, reflected, in halves of 32 bits. */
const nvme = makeTable(0x9a6c9329, 0xac4bc9b5)

export const checksums: Record<string, (body: Buffer) => Buffer> = {
  'content-md5': (body) => createHash('md5').update(body).digest(),
  'x-amz-checksum-sha1': (body) => createHash('sha1').update(body).digest(),
  'x-amz-checksum-sha256': (body) => createHash('sha256').update(body).digest(),
  'x-amz-checksum-crc32': (body) => bytesOf(crc32(body)),
  'x-amz-checksum-crc32c': (body) => bytesOf(checkOf(castagnoli, body, 0)[1]),
  'x-amz-checksum-crc64nvme': (body) => bytesOf(...checkOf(nvme, body, 0xffffffff)),
}

function bytesOf(...parts: number[]): Buffer {
  const sum = Buffer.alloc(4 * parts.length)
  for (const [index, part] of parts.entries()) sum.writeUInt32BE(part, 4 * index)
  return sum
}

type Table = { high: Uint32Array; low: Uint32Array }

function makeTable(highPolynomial: number, lowPolynomial: number): Table {
  const table = { high: new Uint32Array(256), low: new Uint32Array(256) }
  for (let byte = 0; byte < 256; byte++) {
    let [high, low] = [0, byte]
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = (low & 1) === 1
      low = (low >>> 1) | (high << 31)
      high >>>= 1
      if (isOdd) [high, low] = [high ^ highPolynomial, low ^ lowPolynomial]
    }
    table.high[byte] = high
    table.low[byte] = low
  }
  return table
}

/** `allHigh` is all ones for a sum of 64 bits, and nothing for one of 32. */
function checkOf(table: Table, body: Buffer, allHigh: number): [number, number] {
  let [high, low] = [allHigh, 0xffffffff]
  for (const byte of body) {
    const index = (low ^ byte) & 0xff
    low = ((low >>> 8) | (high << 24)) ^ (table.low[index] ?? 0)
    high = (high >>> 8) ^ (table.high[index] ?? 0)
  }
  return [(high ^ allHigh) >>> 0, (low ^ 0xffffffff) >>> 0]
}

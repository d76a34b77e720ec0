/**
 * What stored bytes cost over time and what traffic costs, between two readings. Pure. The note keeps
 * when it was read, what was used until then, the traffic that is in it, and the remainders of the
 * divisions, so that no rounding adds up.
 */
import { z } from 'zod'
import type { NanoUsd } from '~/money'
import { parseMeterNote } from './meter-note'

const digits = z.string().regex(/^\d{1,30}$/)
const meterSchema = z.object({
  at: z.number().int(),
  used: digits,
  rest: digits,
  on: z.boolean(),
  /** Absent until traffic was read. */
  traffic: z.object({ bytes: digits, writes: digits, reads: digits, rest: digits }).optional(),
})
export type Meter = z.output<typeof meterSchema>

/** Since the key was made. Bytes are those downloaded; writes are what is billed as PUT. */
export type Traffic = { bytes: bigint; writes: bigint; reads: bigint }
/** For a GB downloaded, and for 1,000 requests. */
export type TrafficPrices = { download: NanoUsd; writes: NanoUsd; reads: NanoUsd }

/** Byte-milliseconds of one GB stored for a month of 730 hours. */
const gbMonth = 1_073_741_824n * 730n * 3_600_000n
/** Both a GB and 1,000 requests divide it. */
const gbThousand = 1_073_741_824n * 1_000n

export const firstMeter = (at: Date): Meter => ({
  at: at.getTime(),
  used: '0',
  rest: '0',
  on: true,
})

export const parseMeter = (note: string | null): Meter | null => parseMeterNote(meterSchema, note)

/**
 * The time since the last reading counts at the bytes of this one, in full where the key was on at
 * either end of it. A key that is off costs its holder nothing: what stays stored is the account's.
 * Without a note it begins at nothing; a clock that goes back counts nothing.
 */
export function nextMeter(
  last: Meter | null,
  seen: { at: Date; bytes: bigint; on: boolean },
  pricePerGbMonth: NanoUsd,
): Meter {
  const at = seen.at.getTime()
  if (last === null) return { ...firstMeter(seen.at), on: seen.on }
  const { traffic } = last
  const passed = last.on || seen.on ? BigInt(Math.max(0, at - last.at)) : 0n
  const cost = seen.bytes * passed * pricePerGbMonth + BigInt(last.rest)
  return {
    at: Math.max(at, last.at),
    used: String(BigInt(last.used) + cost / gbMonth),
    rest: String(cost % gbMonth),
    on: seen.on,
    ...(traffic ? { traffic } : {}),
  }
}

/**
 * What came since the traffic of the note, at the present prices. Each sum counts only where it has
 * grown: a point that the service lost again takes nothing back and counts nothing twice.
 */
export function withTraffic(meter: Meter, seen: Traffic, prices: TrafficPrices): Meter {
  const last = meter.traffic ?? { bytes: '0', writes: '0', reads: '0', rest: '0' }
  const grown = (now: bigint, before: string) => (now > BigInt(before) ? now - BigInt(before) : 0n)
  const bytes = grown(seen.bytes, last.bytes)
  const writes = grown(seen.writes, last.writes)
  const reads = grown(seen.reads, last.reads)
  const cost =
    bytes * prices.download * 1_000n +
    (writes * prices.writes + reads * prices.reads) * 1_073_741_824n +
    BigInt(last.rest)
  return {
    ...meter,
    used: String(BigInt(meter.used) + cost / gbThousand),
    traffic: {
      bytes: String(BigInt(last.bytes) + bytes),
      writes: String(BigInt(last.writes) + writes),
      reads: String(BigInt(last.reads) + reads),
      rest: String(cost % gbThousand),
    },
  }
}

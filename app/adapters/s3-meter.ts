/**
 * What stored bytes cost over time, between two readings. Pure. The note keeps when it was read,
 * what was used until then, and the remainder of the division, so that no rounding adds up.
 */
import { z } from 'zod'
import type { NanoUsd } from '~/money'

const digits = z.string().regex(/^\d{1,30}$/)
const meterSchema = z.object({ at: z.number().int(), used: digits, rest: digits, on: z.boolean() })
export type Meter = z.output<typeof meterSchema>

/** Byte-milliseconds of one GB stored for a month of 730 hours. */
const gbMonth = 1_073_741_824n * 730n * 3_600_000n

export const firstMeter = (at: Date): Meter => ({
  at: at.getTime(),
  used: '0',
  rest: '0',
  on: true,
})

export function parseMeter(note: string | null): Meter | null {
  if (note === null) return null
  try {
    const parsed = meterSchema.safeParse(JSON.parse(note))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}

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
  const passed = last.on || seen.on ? BigInt(Math.max(0, at - last.at)) : 0n
  const cost = seen.bytes * passed * pricePerGbMonth + BigInt(last.rest)
  return {
    at: Math.max(at, last.at),
    used: String(BigInt(last.used) + cost / gbMonth),
    rest: String(cost % gbMonth),
    on: seen.on,
  }
}

/**
 * The code that a workshop shows: six digits, a new one every minute of Postgres's clock, the last
 * two of which count. It is derived, not stored: whoever reads the database learns none.
 */
import { timingSafeEqual } from 'node:crypto'
import type { Ctx } from '../ctx'

type Keys = Pick<Ctx, 'fingerprints'>

const minuteMs = 60_000
const digits = 6

export const minuteOf = (at: Date): number => Math.floor(at.getTime() / minuteMs)

/** By the deployment's fingerprint key, for this workshop and this minute alone. */
export function codeOf({ fingerprints }: Keys, workshopSlug: string, minute: number): string {
  const mac = fingerprints.of(`workshop code v1\n${workshopSlug}\n${minute}`)
  // 48 bits: what is left over by the division tells nothing.
  return String(Number.parseInt(mac.slice(0, 12), 16) % 10 ** digits).padStart(digits, '0')
}

/** The digits that somebody typed: "123 456" and full-width digits too. */
export const typedCode = (text: string): string =>
  text.slice(0, 100).normalize('NFKC').replace(/[\s-]/g, '')

/** Whether this is the code of the minute or of the one before. Takes as long whatever was typed. */
export function isRightCode(keys: Keys, workshopSlug: string, typed: string, at: Date): boolean {
  // Padded with a byte that no text holds, to one length whatever was typed.
  const padded = (text: string) => {
    const bytes = Buffer.alloc(digits + 1, 0xff)
    Buffer.from(text.slice(0, digits + 1)).copy(bytes)
    return bytes
  }
  const given = padded(typed)
  const now = minuteOf(at)
  const matches = [now, now - 1].map((minute) =>
    timingSafeEqual(given, padded(codeOf(keys, workshopSlug, minute))),
  )
  return matches.includes(true)
}

export type CodeView = {
  code: string
  /** When the next one is shown (ISO UTC). */
  until: string
  asOf: string
  /** Milliseconds until the next look. */
  next: number
}

export function codeViewAt(keys: Keys, workshopSlug: string, at: Date): CodeView {
  const until = new Date((minuteOf(at) + 1) * minuteMs)
  return {
    code: codeOf(keys, workshopSlug, minuteOf(at)),
    until: until.toISOString(),
    asOf: at.toISOString(),
    next: until.getTime() - at.getTime() + 200,
  }
}

/** What the routes of a setup share. */
import { createHash } from 'node:crypto'

/** An answer may hold a code or a key. */
export const noStore = { 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' }

/** Tells one terminal from others in the limits, which must not hold its code. */
export const deviceMark = (device: string): string =>
  createHash('sha256').update(`limit:${device}`).digest('base64url').slice(0, 22)

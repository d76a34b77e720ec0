/**
 * Fingerprints recognise an erased person without storing who it was. HMAC-SHA-256 under
 * keys derived from ENCRYPTION_KEY, so that the database alone cannot be searched for a GitHub id
 * or an address.
 */
import { createHmac, hkdfSync } from 'node:crypto'

export type Fingerprints = {
  /** What to store: made under the newest key. */
  of(text: string): string
  /** What to look for: one for each key of the list. */
  allOf(text: string): string[]
}

/**
 * `keys` as for the sealer: newest first. A fingerprint is recognised while its key is in the list.
 * Throws without a key.
 */
export function createFingerprints(keys: Buffer[]): Fingerprints {
  const derived = keys.map((key) =>
    Buffer.from(hkdfSync('sha256', key, '', 'keymint fingerprint v1', 32)),
  )
  const under = (key: Buffer, text: string) =>
    createHmac('sha256', key).update(text, 'utf8').digest('hex')
  const [newest] = derived
  if (!newest) throw new Error('createFingerprints needs at least one key')
  return {
    of: (text) => under(newest, text),
    allOf: (text) => derived.map((key) => under(key, text)),
  }
}

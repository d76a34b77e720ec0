/**
 * Fingerprints recognise an erased person without storing who it was. HMAC-SHA-256 under keys of
 * their own, so that the database alone cannot be searched for a GitHub id or an address, and a
 * rotation of ENCRYPTION_KEY ends no ban and no hold.
 */
import { createHash, createHmac, hkdfSync } from 'node:crypto'

export type Fingerprints = {
  /** What to store: made under the first key of their own. */
  of(text: string): string
  /** Which key that is, to be stored beside it. */
  keyId: string
  /** What to look for: one for each key that may have made it. */
  allOf(text: string): string[]
  /** Keys of their own, which stay when ENCRYPTION_KEY is rotated. */
  ownKeyIds: string[]
  /** Keys that are known from ENCRYPTION_KEY alone, newest first. */
  borrowedKeyIds: string[]
}

/**
 * `own` are the keys of FINGERPRINT_KEY, newest first. Those of ENCRYPTION_KEY made fingerprints
 * before there was one, and are still looked for. Without `own` the oldest of them makes new ones: it
 * is the one that has made the most. Throws without a key.
 */
export function createFingerprints(keys: { own: Buffer[]; encryption: Buffer[] }): Fingerprints {
  const first = keys.own[0] ?? keys.encryption.at(-1)
  if (!first) throw new Error('createFingerprints needs at least one key')
  const idOf = (key: Buffer) => createHash('sha256').update(key).digest('hex').slice(0, 8)
  const derived = new Map(
    [first, ...keys.own, ...keys.encryption].map((key) => [
      idOf(key),
      Buffer.from(hkdfSync('sha256', key, '', 'keymint fingerprint v1', 32)),
    ]),
  )
  const under = (key: Buffer, text: string) =>
    createHmac('sha256', key).update(text, 'utf8').digest('hex')
  const ownKeyIds = keys.own.map(idOf)
  return {
    keyId: idOf(first),
    of: (text) => under(derived.get(idOf(first)) ?? first, text),
    allOf: (text) => [...derived.values()].map((key) => under(key, text)),
    ownKeyIds,
    borrowedKeyIds: keys.encryption.map(idOf).filter((id) => !ownKeyIds.includes(id)),
  }
}

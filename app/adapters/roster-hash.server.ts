/**
 * Hashes of the addresses of a roster: HMAC-SHA-256, so that a public file tells nobody who is on
 * it. Bound to the workshop, so that two files do not tell that somebody is on both.
 */
import { createHash, createHmac, hkdfSync } from 'node:crypto'

export type RosterKeys = {
  /** By the newest key: `r1.<key id>.<128 bits>`. The address is normalised. */
  of(workshopSlug: string, address: string): string
  /** What to look for: one for each key that may have made it. */
  allOf(workshopSlug: string, address: string): string[]
  keyIds: string[]
}

/**
 * `own` are the keys of ROSTER_KEY, newest first: who makes rosters gets one of these and no other.
 * Without them, one is derived from the oldest of `others`, the keys of fingerprints or of sealing.
 * Throws without a key.
 */
export function createRosterKeys(keys: { own: Buffer[]; others: Buffer[] }): RosterKeys {
  const oldest = keys.others.at(-1)
  const roots = keys.own.length > 0 ? keys.own : oldest ? [oldest] : []
  const derived = roots.map((root) => {
    const key = Buffer.from(hkdfSync('sha256', root, '', 'keymint roster v1', 32))
    return { key, id: createHash('sha256').update(key).digest('hex').slice(0, 8) }
  })
  const [newest] = derived
  if (!newest) throw new Error('createRosterKeys needs at least one key')
  const under = ({ key, id }: { key: Buffer; id: string }, slug: string, address: string) => {
    const mac = createHmac('sha256', key).update(`${slug}\n${address}`, 'utf8').digest()
    return `r1.${id}.${mac.subarray(0, 16).toString('base64url')}`
  }
  return {
    of: (slug, address) => under(newest, slug, address),
    allOf: (slug, address) => derived.map((one) => under(one, slug, address)),
    keyIds: derived.map(({ id }) => id),
  }
}

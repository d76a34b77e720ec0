/** Hashes addresses as claims look them up: one spelling per mailbox, under the newest key. */
import type { RosterKeys } from '~/adapters/roster-hash.server'
import { normalizeEmail } from './email'

export const rosterReader = (keys: RosterKeys) => ({
  keyIds: keys.keyIds,
  hashOf(workshopSlug: string, address: string): string | null {
    const normalized = normalizeEmail(address)
    return normalized === null ? null : keys.of(workshopSlug, normalized)
  },
})

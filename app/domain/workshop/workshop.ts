/**
 * A workshop is what one file says: who may claim a key, when, and what such a key is worth.
 * Guarantee: a value of this type has passed every rule of `parse.ts`. It says nothing about claims
 * already made; their rows do.
 */
import type { Workshop } from '../workshop-file'

export type WindowState = 'upcoming' | 'open' | 'closed'

/**
 * Open from `claimsOpenAt` on, closed from `claimsCloseAt` on; a missing end of the window does not
 * bind.
 */
export function windowState(
  workshop: Pick<Workshop, 'claimsOpenAt' | 'claimsCloseAt'>,
  now: Date,
): WindowState {
  if (workshop.claimsCloseAt !== null && now >= workshop.claimsCloseAt) return 'closed'
  if (workshop.claimsOpenAt !== null && now < workshop.claimsOpenAt) return 'upcoming'
  return 'open'
}

/** When a key claimed at `claimedAt` ends. */
export function keyExpiryFor(
  workshop: Pick<Workshop, 'keyExpiresAt' | 'keyExpiresInMs'>,
  claimedAt: Date,
): Date {
  return workshop.keyExpiresAt ?? new Date(claimedAt.getTime() + (workshop.keyExpiresInMs ?? 0))
}

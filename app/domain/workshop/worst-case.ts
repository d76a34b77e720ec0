/** What a workshop may cost at worst, and so how many claims its pool can promise to. */
import type { NanoUsd } from '~/money'
import { committedFor, maxCommittedIn } from '../money/committed'
import type { PoolCaps } from '../workshop-file'
import type { Workshop } from '../workshop-file'
import { keyExpiryFor } from './workshop'

/**
 * How many claims made at `at` the workshop can serve from nothing: what the pool pays for, at most
 * `max_keys`.
 */
export function keysThatFit(workshop: Workshop, at: Date): number {
  const seats = workshop.maxKeys ?? Number.MAX_SAFE_INTEGER
  if (workshop.poolLimit === null) return seats
  const fit = workshop.poolLimit / committedAt(workshop, at)
  return fit < BigInt(seats) ? Number(fit) : seats
}

/** When the next claim can be made: a workshop to come commits nothing before it opens. */
export const firstClaimAt = (workshop: Workshop, now: Date): Date =>
  workshop.claimsOpenAt !== null && workshop.claimsOpenAt > now ? workshop.claimsOpenAt : now

/** What one claim commits when it is made at `at`. */
export function committedAt(workshop: Workshop, at: Date): NanoUsd {
  return committedFor({
    keyLimit: workshop.keyLimit,
    reset: workshop.keyLimitReset,
    from: at,
    expiresAt: keyExpiryFor(workshop, at),
  })
}

/**
 * The most the whole workshop can cost, or null where neither a pool nor a number of keys bounds
 * it. Claims before `at` are not looked at.
 */
export function worstCaseSpend(workshop: Workshop, at: Date): NanoUsd | null {
  const perKey =
    workshop.keyExpiresInMs === null
      ? committedAt(workshop, at)
      : maxCommittedIn({
          keyLimit: workshop.keyLimit,
          reset: workshop.keyLimitReset,
          lifetimeMs: workshop.keyExpiresInMs,
        })
  const bySeats = workshop.maxKeys === null ? null : perKey * BigInt(workshop.maxKeys)
  if (bySeats === null || workshop.poolLimit === null) return bySeats ?? workshop.poolLimit
  return bySeats < workshop.poolLimit ? bySeats : workshop.poolLimit
}

/** The caps that hold for a claim of this workshop. */
export function capsOf(
  workshop: Pick<Workshop, 'kind' | 'poolLimit' | 'maxKeys'>,
  settings: { maxTotalKeys: number },
): PoolCaps {
  return {
    limit: workshop.poolLimit,
    maxKeys: workshop.maxKeys,
    totalKeys: workshop.kind === 'giveaway' ? settings.maxTotalKeys : null,
  }
}

/**
 * When a person whose key has ended may claim the next one. Pure; admission checks for bans.
 */

export type EndedClaim = {
  state: string
  reason: string | null
  endedAt: Date | null
  /** Null for a workshop's claim: there the first key is the only one. */
  cooldownMs: bigint | number | null
}

const endsThatAllowAnother = new Set(['expired', 'given-back'])

/**
 * From when on, or null when the person cannot claim by themselves. A revoked key stays the last
 * one.
 */
export function claimAgainFrom(claim: EndedClaim): Date | null {
  if (
    claim.state !== 'ended' ||
    claim.endedAt === null ||
    claim.cooldownMs === null ||
    !endsThatAllowAnother.has(claim.reason ?? '')
  )
    return null
  return new Date(claim.endedAt.getTime() + Number(claim.cooldownMs))
}

/** Whether the next click makes the next key: staff have allowed it, or the cool-down is over. */
export function mayClaimAgain(claim: EndedClaim & { mayClaimAgain: boolean }, now: Date): boolean {
  if (claim.mayClaimAgain) return claim.state === 'ended' || claim.state === 'refused'
  const from = claimAgainFrom(claim)
  return from !== null && from <= now
}

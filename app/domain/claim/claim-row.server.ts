/** A claim's row as the actions need it, locked: first in the order of locks. */
import type { Tx } from '~/adapters/db.server'
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import type { KeyLimitReset } from '../workshop-file'

export type ClaimRow = {
  claimId: string
  userId: string
  workshopSlug: string
  state: 'pending' | 'ready' | 'ended' | 'refused'
  reason: string | null
  generation: number
  /** Of all its keys together, in one window. */
  limit: NanoUsd
  limitReset: KeyLimitReset | null
  expiresAt: Date
  allowedModels: string[]
  bound: boolean
  disabledAt: Date | null
  endedAt: Date | null
  holdsSeat: boolean
  cooldownMs: bigint | null
  mayClaimAgain: boolean
}

/** Locks the claim until the transaction ends, or null if there is none. */
export async function lockClaim(tx: Tx, claimId: string): Promise<ClaimRow | null> {
  const [row] = await tx.$queryRaw<(Omit<ClaimRow, 'limit'> & { limit: string })[]>`
    select claim_id as "claimId", user_id as "userId", workshop_slug as "workshopSlug", state, reason,
      generation, limit_usd::text as "limit", limit_reset as "limitReset", expires_at as "expiresAt",
      allowed_models as "allowedModels", guardrail_attached_at is not null as bound,
      disabled_at as "disabledAt", ended_at as "endedAt", seat_freed_at is null as "holdsSeat",
      cooldown_ms as "cooldownMs", may_claim_again as "mayClaimAgain"
    from keymint.workshop_attendance where claim_id = ${claimId}::uuid for update`
  return row ? { ...row, limit: nanoFromDecimalString(row.limit) } : null
}

export const claimSubject = (claimId: string) => `claim:${claimId}`
export const claimIdOf = (subject: string) => subject.slice('claim:'.length)
export const holderOf = (claim: { claimId: string }) => ({
  holderKind: 'claim' as const,
  holderId: claim.claimId,
})

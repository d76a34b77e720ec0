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
  /** All that the claim has committed; of that, what belongs to its retired keys. */
  committed: NanoUsd
  priorCommitted: NanoUsd
  limit: NanoUsd
  limitReset: KeyLimitReset | null
  /** What former keys took of the window that ends at `carryUntil`. */
  carry: NanoUsd
  carryUntil: Date | null
  expiresAt: Date
  keyHash: string | null
  bound: boolean
  usage: NanoUsd
  disabledAt: Date | null
  disableConfirmedAt: Date | null
  upstreamMissingAt: Date | null
  settledAt: Date | null
  endedAt: Date | null
  holdsSeat: boolean
  cooldownMs: bigint | null
  mayClaimAgain: boolean
}

type Amounts = 'committed' | 'priorCommitted' | 'limit' | 'carry' | 'usage'

/** Locks the claim until the transaction ends, or null if there is none. */
export async function lockClaim(tx: Tx, claimId: string): Promise<ClaimRow | null> {
  const [row] = await tx.$queryRaw<(Omit<ClaimRow, Amounts> & Record<Amounts, string>)[]>`
    select claim_id as "claimId", user_id as "userId", workshop_slug as "workshopSlug", state, reason,
      generation, committed_usd::text as committed,
      prior_committed_usd::text as "priorCommitted", limit_usd::text as "limit", limit_reset as "limitReset",
        limit_carry_usd::text as carry, limit_carry_until as "carryUntil",
      expires_at as "expiresAt", or_key_hash as "keyHash", guardrail_attached_at is not null as bound,
        usage_usd::text as usage, disabled_at as "disabledAt",
      disable_confirmed_at as "disableConfirmedAt", upstream_missing_at as "upstreamMissingAt",
        settled_at as "settledAt", ended_at as "endedAt", seat_freed_at is null as "holdsSeat",
        cooldown_ms as "cooldownMs", may_claim_again as "mayClaimAgain"
    from keymint.workshop_attendance where claim_id = ${claimId}::uuid for update`
  if (!row) return null
  return {
    ...row,
    committed: nanoFromDecimalString(row.committed),
    priorCommitted: nanoFromDecimalString(row.priorCommitted),
    limit: nanoFromDecimalString(row.limit),
    carry: nanoFromDecimalString(row.carry),
    usage: nanoFromDecimalString(row.usage),
  }
}

export const claimSubject = (claimId: string) => `claim:${claimId}`
export const claimIdOf = (subject: string) => subject.slice('claim:'.length)

/** A claim's row as the actions need it, locked: first in the order of locks. */
import { Prisma, type Tx } from '~/adapters/db.server'
import { decimalStringFromNano, nanoFromDecimalString, type NanoUsd } from '~/money'
import { keyExpiryFor } from '../workshop/workshop'
import type { KeyLimitReset, Workshop } from '../workshop-file'
import type { Claimant } from './admission'

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

/**
 * The row of a new claim, up to the switch that it is written behind: what follows says when. Its
 * terms are those of the file at `at`.
 */
export function newClaim(
  workshop: Workshop,
  person: Claimant,
  row: { claimId: string; state: 'pending' | 'ready'; committed: Prisma.Sql; at: Date },
): Prisma.Sql {
  const isGiveaway = workshop.kind === 'giveaway'
  return Prisma.sql`
    insert into keymint.workshop_attendance
      (user_id, workshop_slug, claim_id, email_normalized, provider, state, committed_usd, limit_usd, limit_reset,
        expires_at, allowed_models, counts_in_total, cooldown_ms)
    select ${person.userId}, ${workshop.slug}, ${row.claimId}::uuid, ${person.emailNormalized},
      ${person.provider}, ${row.state}, ${row.committed},
      ${decimalStringFromNano(workshop.keyLimit)}::numeric, ${workshop.keyLimitReset},
      ${keyExpiryFor(workshop, row.at)}::timestamptz, ${workshop.allowedModels}::text[],
      ${isGiveaway}, ${isGiveaway ? (workshop.cooldownMs ?? 0) : null}::bigint
    from keymint.minting`
}

export const claimSubject = (claimId: string) => `claim:${claimId}`
export const claimIdOf = (subject: string) => subject.slice('claim:'.length)
export const holderOf = (claim: { claimId: string }) => ({
  holderKind: 'claim' as const,
  holderId: claim.claimId,
})

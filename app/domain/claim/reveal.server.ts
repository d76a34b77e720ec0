/**
 * Opens a sealed key for its holder, always audited. test-key.server.ts opens it for a test. Both
 * work only for a live claim of the person who asks.
 */
import type { Tx } from '~/adapters/db.server'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { keyPlace } from '../keys/mint-attempt.server'

export type RevealOutcome =
  { kind: 'revealed'; key: string } | { kind: 'not-yet' } | { kind: 'no-key' }

/**
 * A key can be shown once it is bound, or this long after it was saved: a slow bind must not keep it
 * from its holder.
 */
export const unboundRevealSeconds = 5

export type SealedClaim = {
  claimId: string
  keyId: string
  generation: number
  keyHash: string
  sealed: string
  revealable: boolean
  workshopSlug: string
  askedAt: Date
  allowedModels: string[]
  limitReset: 'daily' | 'weekly' | 'monthly' | null
}

/** Opens the key for its holder. Without its audit row the key is not returned. */
export async function revealKey(
  ctx: Ctx,
  owner: { workshopSlug: string; userId: string },
): Promise<RevealOutcome> {
  return ctx.db.$transaction(async (tx) => {
    const claim = await findSealed(ctx, tx, owner)
    if (!claim) return { kind: 'no-key' }
    if (!claim.revealable) return { kind: 'not-yet' }
    // A key that ends at this moment is not shown any more: whoever locks the row first decides.
    const shown = await tx.$executeRaw`
      update keymint.workshop_attendance set revealed_at = coalesce(revealed_at, now())
        where claim_id = ${claim.claimId}::uuid and state = 'ready' and generation = ${claim.generation}::int`
    if (shown === 0) return { kind: 'no-key' }
    await recordAudit(tx, {
      actor: `user:${owner.userId}`,
      action: 'key.revealed',
      subject: `claim:${claim.claimId}`,
      scope: claim.workshopSlug,
    })
    return {
      kind: 'revealed',
      key: ctx.sealer.unseal(claim.sealed, keyPlace(claim.keyId, claim.generation)),
    }
  })
}

/** The key as it is sealed, of a live claim; null where there is none. */
export async function findSealed(
  ctx: Ctx,
  tx: Tx,
  { workshopSlug, userId }: { workshopSlug: string; userId: string },
): Promise<SealedClaim | null> {
  const rows = await tx.$queryRaw<SealedClaim[]>`
    select c.claim_id as "claimId", k.id as "keyId", c.generation, k.hash as "keyHash", k.sealed,
      c.workshop_slug as "workshopSlug", keymint.now() as "askedAt", k.limit_reset as "limitReset",
      c.allowed_models as "allowedModels",
      (k.guardrail_at is not null
        or k.saved_at <= now() - make_interval(secs => ${unboundRevealSeconds}::int)) as revealable
    from keymint.workshop_attendance c join keymint.keys k on k.holder_kind = 'claim'
      and k.holder_id = c.claim_id and k.generation = c.generation
    where c.user_id = ${userId} and c.workshop_slug = ${workshopSlug} and c.state = 'ready'
      and k.sealed is not null and c.expires_at > ${ctx.now()}`
  return rows[0] ?? null
}

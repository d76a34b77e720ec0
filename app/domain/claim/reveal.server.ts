/**
 * The only two functions that open a sealed key: showing it to its holder, and testing it at the
 * provider. Both work only for a live claim of the person who asks; the first is always audited.
 */
import type { Tx } from '~/adapters/db.server'
import { isProviderError } from '~/adapters/provider-error'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { liveClaim } from '../live-claim.server'
import { moneyView } from '../money-view'
import { recordReadings } from '../keys/usage.server'
import { claimKeyPlace } from './claim-holder.server'
import type { KeyTestResult } from './view-types'

export type RevealOutcome =
  { kind: 'revealed'; key: string } | { kind: 'not-yet' } | { kind: 'no-key' }

/**
 * A key can be shown once it is bound, or this long after it was saved: a slow bind must not keep it
 * from its holder.
 */
export const unboundRevealSeconds = 5

type SealedClaim = {
  claimId: string
  generation: number
  keyHash: string
  sealed: string
  revealable: boolean
  workshopSlug: string
  askedAt: Date
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
    await recordAudit(tx, {
      actor: `user:${owner.userId}`,
      action: 'key.revealed',
      subject: `claim:${claim.claimId}`,
      scope: claim.workshopSlug,
    })
    await tx.$executeRaw`
      update keymint.workshop_attendance set revealed_at = coalesce(revealed_at, now())
        where claim_id = ${claim.claimId}::uuid`
    return {
      kind: 'revealed',
      key: ctx.sealer.unseal(claim.sealed, claimKeyPlace(claim.claimId, claim.generation)),
    }
  })
}

/** Asks the provider with the key itself, which costs nothing. Null when there is no claim. */
export async function testKey(
  ctx: Ctx,
  owner: { workshopSlug: string; userId: string },
): Promise<KeyTestResult | null> {
  const claim = await findSealed(ctx, ctx.db, owner)
  const row = await ctx.db.workshopAttendance.findUnique({
    where: { userId_workshopSlug: owner },
    select: { state: true, expiresAt: true },
  })
  if (!row) return null
  const checkedAt = ctx.now().toISOString()
  const answer = (
    result: KeyTestResult['result'],
    left: KeyTestResult['left'] = null,
  ): KeyTestResult => ({ result, left, checkedAt })
  if (row.state === 'ended' || row.expiresAt <= ctx.now()) return answer('expired')
  if (!claim?.revealable) return answer('not-ready')
  try {
    const reading = await ctx.provider.readOwnKey(
      ctx.sealer.unseal(claim.sealed, claimKeyPlace(claim.claimId, claim.generation)),
    )
    await recordReadings(
      ctx.db,
      [{ keyHash: claim.keyHash, ...reading, disabled: false }],
      claim.askedAt,
    )
    const { limitRemaining } = reading
    if (limitRemaining === null) return answer('works')
    return limitRemaining > 0n
      ? answer('works', moneyView(limitRemaining))
      : answer('spent', moneyView(0n))
  } catch (error) {
    if (!isProviderError(error)) throw error
    const { status } = error.details
    return answer(status === 401 || status === 403 ? 'disabled-or-gone' : 'provider-error')
  }
}

async function findSealed(
  ctx: Ctx,
  tx: Tx,
  { workshopSlug, userId }: { workshopSlug: string; userId: string },
): Promise<SealedClaim | null> {
  const rows = await tx.$queryRaw<SealedClaim[]>`
    select claim_id as "claimId", generation, or_key_hash as "keyHash", or_key_plaintext as sealed,
      workshop_slug as "workshopSlug", now() as "askedAt",
      (guardrail_attached_at is not null
        or key_saved_at <= now() - make_interval(secs => ${unboundRevealSeconds}::int)) as revealable
    from keymint.workshop_attendance c
    where user_id = ${userId} and workshop_slug = ${workshopSlug} and ${liveClaim(ctx.now())}
      and or_key_plaintext is not null`
  return rows[0] ?? null
}

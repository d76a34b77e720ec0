/**
 * The only two functions that open a sealed key: showing it to its holder, and testing it at the
 * provider. Both work only for a live claim of the person who asks; the first is always audited.
 */
import type { Tx } from '~/adapters/db.server'
import { isProviderError } from '~/adapters/provider-error'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { moneyView } from '../money-view'
import { keyPlace } from '../keys/mint-attempt.server'
import { recordReading } from '../keys/readings.server'
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
  keyId: string
  generation: number
  keyHash: string
  sealed: string
  revealable: boolean
  workshopSlug: string
  askedAt: Date
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
      key: ctx.sealer.unseal(claim.sealed, keyPlace(claim.keyId, claim.generation)),
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
      ctx.sealer.unseal(claim.sealed, keyPlace(claim.keyId, claim.generation)),
    )
    await recordReading(
      ctx,
      claim.keyId,
      {
        id: claim.keyHash,
        name: '',
        label: '',
        cap: reading.limit,
        reset: claim.limitReset,
        usage: reading.usage,
        usedInWindow:
          reading.limit === null || reading.limitRemaining === null
            ? reading.usage
            : reading.limit - reading.limitRemaining,
        windowEndsAt: null,
        disabled: false,
        createdAt: null,
        expiresAt: reading.expiresAt,
      },
      claim.askedAt,
      { own: false },
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
    select c.claim_id as "claimId", k.id as "keyId", c.generation, k.hash as "keyHash", k.sealed,
      c.workshop_slug as "workshopSlug", keymint.now() as "askedAt", k.limit_reset as "limitReset",
      (k.guardrail_at is not null
        or k.saved_at <= now() - make_interval(secs => ${unboundRevealSeconds}::int)) as revealable
    from keymint.workshop_attendance c join keymint.keys k on k.holder_kind = 'claim'
      and k.holder_id = c.claim_id and k.generation = c.generation
    where c.user_id = ${userId} and c.workshop_slug = ${workshopSlug} and c.state = 'ready'
      and k.sealed is not null and c.expires_at > ${ctx.now()}`
  return rows[0] ?? null
}

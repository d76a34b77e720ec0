/** Giving a key back before its time: it is switched off at the provider first, so that "given back" is never said of a key that works. */
import { isProviderError } from '~/adapters/provider-error'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'

export type GiveBackOutcome = 'given-back' | 'not-live' | 'provider-trouble'

/**
 * Ends a live claim of this person and erases its sealed secret; what was not used returns to the pool when the end is settled.
 * A crash in between leaves a key that is switched off and a claim that can be given back again.
 */
export async function giveBack(ctx: Pick<Ctx, 'db' | 'provider' | 'now'>, input: { claimId: string; userId: string }): Promise<GiveBackOutcome> {
  const { claimId, userId } = input
  const claim = await ctx.db.workshopAttendance.findFirst({ where: { claimId, userId, state: 'ready', expiresAt: { gt: ctx.now() } }, select: { orKeyHash: true, generation: true, workshopSlug: true } })
  if (!claim?.orKeyHash) return 'not-live'
  try {
    await ctx.provider.updateKey(claim.orKeyHash, { disabled: true })
  } catch (error) {
    if (!isProviderError(error)) throw error
    // A key that the provider no longer has cannot be spent either.
    if (error.details.status !== 404) return 'provider-trouble'
  }
  return ctx.db.$transaction(async (tx): Promise<GiveBackOutcome> => {
    const changed = await tx.$executeRaw`
      update keymint.workshop_attendance set state = 'ended', reason = 'given-back', ended_at = now(), or_key_plaintext = null, upstream_disabled = true, disable_confirmed_at = now()
      where claim_id = ${claimId}::uuid and user_id = ${userId} and state = 'ready' and generation = ${claim.generation}::int and or_key_hash = ${claim.orKeyHash}`
    if (changed !== 1) return 'not-live'
    await recordAudit(tx, { actor: `user:${userId}`, action: 'claim.given-back', subject: `claim:${claimId}`, workshopSlug: claim.workshopSlug })
    return 'given-back'
  })
}

/**
 * Giving a key back early. The claim ends at once in our rows; the provider follows as soon as it
 * answers.
 */
import { isProviderError } from '~/adapters/provider-error'
import type { Ctx } from '../ctx'
import { lockClaim } from './claim-row.server'
import { listKeysToTakeOut, takeOutOfUse } from './retire.server'
import { endClaim } from './revoke.server'

/**
 * `given-back-soon`: the claim has ended, and the sweep disables the key as soon as the provider
 * answers.
 */
export type GiveBackOutcome = 'given-back' | 'given-back-soon' | 'not-live'

/**
 * Ends a claim of this person that is live or still being made; what was not used returns to the
 * pool when the end is settled.
 */
export async function giveBack(
  ctx: Ctx,
  input: { claimId: string; userId: string },
): Promise<GiveBackOutcome> {
  const { claimId, userId } = input
  const ended = await ctx.db.$transaction(async (tx) => {
    const claim = await lockClaim(tx, claimId)
    const live =
      claim?.state === 'pending' || (claim?.state === 'ready' && claim.expiresAt > ctx.now())
    if (!claim || claim.userId !== userId || !live) return false
    return (
      (await endClaim(tx, claim, {
        reason: 'given-back',
        mayClaimAgain: false,
        actor: `user:${userId}`,
        why: null,
      })) === 'ended'
    )
  })
  if (!ended) return 'not-live'
  try {
    for (const hash of await listKeysToTakeOut(ctx, claimId)) await takeOutOfUse(ctx, hash)
    return 'given-back'
  } catch (error) {
    if (!isProviderError(error)) throw error
    return 'given-back-soon'
  }
}

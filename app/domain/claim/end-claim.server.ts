/**
 * The end of a claim before its time. The right ends at once, in one transaction that erases the
 * sealed secret and wants the key off; the loop sees to the provider, and money returns when the
 * key's last use is known.
 */
import type { Tx } from '~/adapters/db.server'
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { lockKeysOf } from '../keys/key-store.server'
import { book, wantOff } from '../keys/want.server'
import type { EndReason } from './action-params'
import { claimSubject, holderOf, lockClaim, type ClaimRow } from './claim-row.server'

export type EndOptions = {
  /** `unused`: its seat goes to the waitlist. */
  reason: EndReason | 'unused'
  mayClaimAgain: boolean
  actor: AuditActor
  why: string | null
  bulkId?: string
}

/**
 * Ends a locked claim that is pending or ready: no reveal, no test, no mint from here on. For a
 * claim that has ended already only the right to claim again changes. Books last.
 */
export async function endClaim(
  ctx: Ctx,
  tx: Tx,
  claim: ClaimRow,
  options: EndOptions,
): Promise<'ended' | 'ended-already' | 'refused-already'> {
  const { claimId, workshopSlug } = claim
  const audit = { actor: options.actor, subject: claimSubject(claimId), workshopSlug }
  const details = {
    mayClaimAgain: options.mayClaimAgain,
    reason: options.why,
    ...(options.bulkId ? { bulkId: options.bulkId } : {}),
  }
  if (claim.state === 'ended' || claim.state === 'refused') {
    const changed = await tx.$executeRaw`
      update keymint.workshop_attendance set may_claim_again = ${options.mayClaimAgain}
        where claim_id = ${claimId}::uuid and may_claim_again <> ${options.mayClaimAgain}`
    if (changed === 1)
      await recordAudit(tx, { ...audit, action: 'claim.permission-changed', details })
    return claim.state === 'ended' || changed === 1 ? 'ended-already' : 'refused-already'
  }
  const cancelled = claim.state === 'pending'
  const keys = await lockKeysOf(tx, holderOf(claim))
  await wantOff(ctx, tx, keys, 'ended')
  await tx.$executeRaw`
    update keymint.workshop_attendance set state = 'ended', reason = ${options.reason}, ended_at = keymint.now(),
      may_claim_again = ${options.mayClaimAgain}
    where claim_id = ${claimId}::uuid`
  if (cancelled)
    await tx.$executeRaw`
      update keymint.mints set state = 'cancelled', done_at = now() where holder_kind = 'claim'
        and holder_id = ${claimId}::uuid and generation = ${claim.generation}::int and state = 'pending'`
  await recordAudit(tx, {
    ...audit,
    action: actionOf(options.reason),
    details: {
      ...details,
      endReason: options.reason,
      ...(cancelled ? { before: 'its key was made' } : { keyHash: keys.at(-1)?.hash ?? null }),
    },
  })
  await book(ctx, tx, holderOf(claim), { actor: options.actor, why: options.reason })
  return 'ended'
}

function actionOf(reason: EndOptions['reason']) {
  if (reason === 'given-back') return 'claim.given-back' as const
  return reason === 'unused' ? ('claim.released' as const) : ('claim.revoked' as const)
}

export type GiveBackOutcome = 'given-back' | 'not-live'

/**
 * Ends a claim of this person that is live or still being made; what was not used returns to the
 * pool when the key's last use is known.
 */
export async function giveBack(
  ctx: Ctx,
  input: { claimId: string; userId: string },
): Promise<GiveBackOutcome> {
  const { claimId, userId } = input
  return ctx.db.$transaction(async (tx): Promise<GiveBackOutcome> => {
    const claim = await lockClaim(tx, claimId)
    const live =
      claim?.state === 'pending' || (claim?.state === 'ready' && claim.expiresAt > ctx.now())
    if (!claim || claim.userId !== userId || !live) return 'not-live'
    await endClaim(ctx, tx, claim, {
      reason: 'given-back',
      mayClaimAgain: false,
      actor: `user:${userId}`,
      why: null,
    })
    return 'given-back'
  })
}

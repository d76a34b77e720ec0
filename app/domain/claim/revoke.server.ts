/**
 * Taking a claim back. The right ends at once, in one transaction that erases the sealed secret;
 * the provider follows. If it is down, the job waits for it, and the sweep finds every ended key
 * that is not confirmed to be off.
 */
import type { Tx } from '~/adapters/db.server'
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { BulkItemResult, BulkRun } from '../bulk/bulk-kind'
import type { Ctx } from '../ctx'
import { setClaimCommitted } from '../money/pool.server'
import type { EndReason } from './action-params'
import { isAnswer, lockItem } from './changes.server'
import { claimIdOf, claimSubject, type ClaimRow } from './claim-row.server'
import { listKeysToTakeOut, takeOutOfUse } from './retire.server'

export type EndOptions = {
  reason: EndReason
  mayClaimAgain: boolean
  actor: AuditActor
  why: string | null
  bulkId?: string
}

/**
 * Revokes and waits until every key of the claim is confirmed off. Safe to run again at any point.
 */
export async function revoke(
  ctx: Ctx,
  bulk: BulkRun,
  subject: string,
  params: { mayClaimAgain: boolean; endReason: EndReason },
): Promise<BulkItemResult> {
  const claimId = claimIdOf(subject)
  const first = await ctx.db.$transaction(async (tx): Promise<BulkItemResult | 'busy' | null> => {
    const claim = await lockItem(tx, bulk, subject)
    if (isAnswer(claim)) return claim.answer
    const ended = await endClaim(tx, claim, {
      reason: params.endReason,
      mayClaimAgain: params.mayClaimAgain,
      actor: bulk.actor,
      why: bulk.reason,
      bulkId: bulk.id,
    })
    if (ended === 'refused-already') return { skipped: 'It was refused and has no key.' }
    // A call of another action may still be on its way: what it asks for must not come after the
    // key was disabled.
    const [other] = await tx.$queryRaw<{ busy: boolean }[]>`
      select exists (select 1 from keymint.claim_changes h join keymint.bulk_action_items i
        on i.bulk_id = h.bulk_id and i.subject = ${subject}
        where h.claim_id = ${claimId}::uuid and i.state = 'pending') as busy`
    return other?.busy ? 'busy' : null
  })
  if (first === 'busy') return { later: 1 }
  if (first !== null) return first
  for (const hash of await listKeysToTakeOut(ctx, claimId)) await takeOutOfUse(ctx, hash)
  return 'done'
}

/**
 * Ends a locked claim that is pending or ready: no reveal, no test, no mint from here on. A pending
 * one is settled at once; a key that is created for it meanwhile cannot be saved, and goes. For a
 * claim that has ended already only the right to claim again changes. The sweep disables the key
 * upstream if nobody else does.
 */
export async function endClaim(
  tx: Tx,
  claim: ClaimRow,
  options: EndOptions,
): Promise<'ended' | 'ended-already' | 'refused-already'> {
  const { claimId, workshopSlug } = claim
  const audit = { actor: options.actor, subject: claimSubject(claimId), scope: workshopSlug }
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
  await tx.$executeRaw`
    update keymint.workshop_attendance
      set state = 'ended', reason = ${options.reason}, ended_at = now(), or_key_plaintext = null,
      may_claim_again = ${options.mayClaimAgain},
      settled_at = case when or_key_hash is null then now() end
    where claim_id = ${claimId}::uuid`
  const cancelled = claim.state === 'pending'
  if (cancelled) {
    await tx.$executeRaw`
      update keymint.mints set state = 'cancelled', done_at = now() where owner_kind = 'claim'
        and owner_id = ${claimId}::uuid and generation = ${claim.generation}::int and state = 'pending'`
  }
  await recordAudit(tx, {
    ...audit,
    action: options.reason === 'given-back' ? 'claim.given-back' : 'claim.revoked',
    details: {
      ...details,
      endReason: options.reason,
      ...(cancelled ? { before: 'its key was made' } : { keyHash: claim.keyHash }),
    },
  })
  if (cancelled) await setClaimCommitted(tx, claimId, 0n, { freeSeat: true })
  return 'ended'
}

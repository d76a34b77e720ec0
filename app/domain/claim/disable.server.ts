/**
 * Disabling a key and enabling it again. What staff want stands on our row first; the provider follows
 * and confirms.
 */
import type { Tx } from '~/adapters/db.server'
import { recordAudit } from '../audit/audit.server'
import type { BulkItemResult, BulkRun } from '../bulk/bulk-kind'
import { markItemDone } from '../bulk/bulk.server'
import type { Ctx } from '../ctx'
import { beginChange, endChange, isAnswer, lockItem, patchKey, type Answer } from './changes.server'
import { claimIdOf, type ClaimRow } from './claim-row.server'
import { listKeysToTakeOut, takeOutOfUse } from './retire.server'

/**
 * Sets the wanted state and makes the provider follow. An old key in its grace time goes off with
 * the claim's and stays off.
 */
export async function switchKey(
  ctx: Ctx,
  bulk: BulkRun,
  subject: string,
  wanted: 'off' | 'on',
): Promise<BulkItemResult> {
  const begun = await ctx.db.$transaction((tx) => want(tx, bulk, subject, wanted))
  if (isAnswer(begun)) return begun.answer
  const key = await patchKey(ctx, begun.keyHash, { disabled: wanted === 'off' })
  if (wanted === 'off')
    for (const hash of await listKeysToTakeOut(ctx, begun.claimId)) await takeOutOfUse(ctx, hash)
  return ctx.db.$transaction(async (tx): Promise<BulkItemResult> => {
    await lockItem(tx, bulk, subject)
    await endChange(tx, bulk, begun.claimId)
    if (!key) {
      await tx.$executeRaw`
        update keymint.workshop_attendance set upstream_missing_at = coalesce(upstream_missing_at, now())
          where or_key_hash = ${begun.keyHash}`
      return { failed: 'The provider has no key with this hash any more.' }
    }
    await markItemDone(tx, bulk.id, subject)
    return 'done'
  })
}

async function want(
  tx: Tx,
  bulk: BulkRun,
  subject: string,
  wanted: 'off' | 'on',
): Promise<{ claimId: string; keyHash: string } | Answer> {
  const claim = await lockItem(tx, bulk, subject)
  if (isAnswer(claim)) return claim
  const refusal = whyNot(claim)
  if (refusal) {
    await endChange(tx, bulk, claim.claimId)
    return { answer: { skipped: refusal } }
  }
  const change = await beginChange(tx, bulk, claim)
  if (!change) return { answer: { later: 1 } }
  if (!change.resumed) {
    const changed = await tx.$executeRaw`
      update keymint.workshop_attendance set disabled_at = case when ${wanted === 'off'} then now() end
      where claim_id = ${claim.claimId}::uuid and (disabled_at is null) = ${wanted === 'off'}`
    if (changed === 1) {
      await recordAudit(tx, {
        actor: bulk.actor,
        action: wanted === 'off' ? 'claim.disabled' : 'claim.enabled',
        subject,
        scope: claim.workshopSlug,
        details: { reason: bulk.reason, bulkId: bulk.id },
      })
    }
  }
  return { claimId: claimIdOf(subject), keyHash: claim.keyHash ?? '' }
}

function whyNot(claim: ClaimRow): string | null {
  if (claim.state === 'pending') return 'Its key is still being made.'
  return claim.state === 'ready' ? null : 'It has no live key.'
}

/** Trying again what did not work: a mint that was refused, a key without its guardrail. */
import type { Tx } from '~/adapters/db.server'
import { recordAudit } from '../audit/audit.server'
import type { BulkItemResult, BulkRun } from '../bulk/bulk-kind'
import { markItemDone } from '../bulk/bulk.server'
import type { Ctx } from '../ctx'
import { isPoolIsFull, type PoolCaps } from '../money/pool.server'
import { isAnswer, lockItem } from './changes.server'
import { beginNextGeneration } from './next-generation.server'

/** A new mint for a refused claim, on the terms of its row, if the pool still has room for it. */
export async function retryMint(
  ctx: Ctx,
  bulk: BulkRun,
  subject: string,
  caps: PoolCaps | null,
): Promise<BulkItemResult> {
  try {
    return await ctx.db.$transaction(async (tx): Promise<BulkItemResult> => {
      const claim = await lockItem(tx, bulk, subject)
      if (isAnswer(claim)) return claim.answer
      if (claim.state !== 'refused')
        return { skipped: 'It was not refused, so there is nothing to retry.' }
      if (claim.expiresAt <= ctx.now())
        return {
          skipped: 'The time of this key has passed, so a new one would expire at once.',
        }
      if (caps === null)
        return {
          failed: 'The file of this workshop is gone or has an error, so its pool is not known.',
        }
      const carry =
        claim.carryUntil !== null && claim.carryUntil > ctx.now()
          ? { carry: { used: claim.carry, until: claim.carryUntil } }
          : {}
      await beginNextGeneration(
        tx,
        ctx,
        claim,
        {
          why: 'retried',
          limit: claim.limit,
          limitReset: claim.limitReset,
          expiresAt: claim.expiresAt,
          ...carry,
        },
        { actor: bulk.actor, caps, details: { reason: bulk.reason, bulkId: bulk.id } },
      )
      await markItemDone(tx, bulk.id, subject)
      return 'done'
    })
  } catch (error) {
    if (!isPoolIsFull(error)) throw error
    return { failed: 'The pool has no room left for this key.' }
  }
}

/**
 * Assigns the guardrail again, also to a key that was set aside: its bind job is sent, or brought
 * forward.
 */
export async function bindAgain(ctx: Ctx, bulk: BulkRun, subject: string): Promise<BulkItemResult> {
  return ctx.db.$transaction(async (tx): Promise<BulkItemResult> => {
    const claim = await lockItem(tx, bulk, subject)
    if (isAnswer(claim)) return claim.answer
    if (claim.state !== 'ready') return { skipped: 'It has no live key.' }
    if (claim.bound) return { skipped: 'Its guardrail is assigned already.' }
    const [mint] = await tx.$queryRaw<{ id: string }[]>`
      select id from keymint.mints where owner_kind = 'claim' and owner_id = ${claim.claimId}::uuid
        and generation = ${claim.generation}::int`
    if (!mint) return { failed: 'The work behind this key cannot be found.' }
    await tx.$executeRaw`
      update keymint.workshop_attendance set bind_set_aside = false where claim_id = ${claim.claimId}::uuid`
    await runBindNow(ctx, tx, mint.id)
    await markItemDone(tx, bulk.id, subject)
    await recordAudit(tx, {
      actor: bulk.actor,
      action: 'bind.retried',
      subject,
      scope: claim.workshopSlug,
      details: { reason: bulk.reason, bulkId: bulk.id },
    })
    return 'done'
  })
}

/** A bind that is backing off is brought forward; one that has no job gets one. */
async function runBindNow(ctx: Ctx, tx: Tx, mintId: string): Promise<void> {
  if (
    (await ctx.queue.enqueue(tx, 'bind-guardrail', { mintId }, { singletonKey: mintId })) ===
    'already-queued'
  )
    await ctx.queue.bringForward(tx, 'bind-guardrail', mintId)
}

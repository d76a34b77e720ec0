/** A mint and its job, always written together. */
import { randomUUID } from 'node:crypto'
import type { Tx } from '~/adapters/db.server'
import type { Ctx } from '../ctx'

/**
 * Writes the mint of the claim's present generation, a snapshot of its row, and its job. Its cap is
 * less by what former keys took of the window.
 */
export async function queueMint(
  ctx: Ctx,
  tx: Tx,
  claim: { claimId: string; generation: number },
): Promise<string> {
  const mintId = randomUUID()
  await tx.$executeRaw`
    insert into keymint.mints (id, owner_kind, owner_id, generation, scope, limit_usd, limit_reset, expires_at,
      allowed_models)
    select ${mintId}::uuid, 'claim', claim_id, generation, workshop_slug, limit_usd - limit_carry_usd,
      limit_reset, expires_at, allowed_models
    from keymint.workshop_attendance where claim_id = ${claim.claimId}::uuid
      and generation = ${claim.generation}::int`
  await sendMint(ctx, tx, mintId)
  return mintId
}

/** Sends the job of a mint that has just been written. */
export async function sendMint(ctx: Ctx, tx: Tx, mintId: string): Promise<void> {
  if ((await ctx.queue.enqueue(tx, 'mint-key', { mintId }, { singletonKey: mintId })) !== 'queued')
    throw new Error('a new mint cannot have a job already')
}

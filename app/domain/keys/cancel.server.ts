/**
 * Giving up a mint because a person says so: the owner is told, and what it had reserved goes back.
 */
import type { HolderKind } from '../holder'
import type { Tx } from '~/adapters/db.server'
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { book } from './want.server'

/**
 * Cancels a pending mint in the caller's transaction; a key that a worker has just made at this
 * moment is not saved, and is deleted upstream. `afterMint` does what belongs between the mint's
 * row and the pool's in the order of locks. False when the mint had ended already.
 */
export async function cancelMint(
  ctx: Ctx,
  tx: Tx,
  input: { mintId: string; actor: AuditActor; reason: string; afterMint: () => Promise<void> },
): Promise<boolean> {
  const [mint] = await tx.$queryRaw<
    { holderKind: HolderKind; holderId: string; generation: number; scope: string }[]
  >`
    select holder_kind as "holderKind", holder_id as "holderId", generation, scope from keymint.mints
      where id = ${input.mintId}::uuid`
  const owner = mint && ctx.holders[mint.holderKind]
  if (!mint || !owner) return false
  await owner.lock(ctx, tx, mint)
  const changed = await tx.$executeRaw`
      update keymint.mints set state = 'cancelled', done_at = now() where id = ${input.mintId}::uuid
        and state = 'pending'`
  await input.afterMint()
  if (changed !== 1) return false
  await recordAudit(tx, {
    actor: input.actor,
    action: 'mint.cancelled',
    subject: `${mint.holderKind}:${mint.holderId}`,
    scope: mint.scope,
    details: { mintId: input.mintId, reason: input.reason },
  })
  await tx.$executeRaw`
    update keymint.keys set off_ended_at = coalesce(off_ended_at, keymint.now())
    where mint_id = ${input.mintId}::uuid and saved_at is null`
  await owner.refuse(tx, mint, { reason: 'cancelled', detail: input.reason })
  await book(ctx, tx, mint, { actor: input.actor, why: 'cancelled' })
  return true
}

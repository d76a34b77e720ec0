/**
 * The spare's side of the engine: a key that is made before anybody asks. It holds money of the pool
 * and no seat. Once a claim has taken it, key and money are the claim's, and whoever locks the spare
 * for the sake of its key locks the claim too.
 */
import type { Tx } from '~/adapters/db.server'
import { nanoFromDecimalString } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Holder } from '../holder'
import { committedOf } from '../keys/windows'
import { setSpareCommitted } from '../money/pool.server'
import { claimHolder } from './claim-holder.server'

export const spareHolder: Holder = {
  async lock(ctx, tx, { holderId }) {
    const [spare] = await tx.$queryRaw<{ claimId: string | null }[]>`
      select claim_id as "claimId" from keymint.spares where id = ${holderId}::uuid for update`
    if (spare?.claimId)
      await claimHolder.lock(ctx, tx, { holderKind: 'claim', holderId: spare.claimId })
  },

  async terms(tx, { holderId }) {
    const [spare] = await tx.$queryRaw<{ limit: string }[]>`
      select limit_usd::text as "limit" from keymint.spares where id = ${holderId}::uuid`
    return spare ? { cap: nanoFromDecimalString(spare.limit), accounting: 'reset' } : null
  },

  async lockIdle(tx, ids) {
    const spares = await tx.$queryRaw<{ holderId: string; cap: string; committed: string }[]>`
      select id as "holderId", limit_usd::text as cap, committed_usd::text as committed
      from keymint.spares where id = any(${[...ids]}::uuid[]) and state = 'ready'
      order by id for update skip locked`
    return spares.map(({ holderId, cap, committed }) => ({
      holderId,
      cap: nanoFromDecimalString(cap),
      committed: nanoFromDecimalString(committed),
    }))
  },

  async ready(tx, { holderId }) {
    const changed = await tx.$executeRaw`
      update keymint.spares set state = 'ready' where id = ${holderId}::uuid and state = 'pending'`
    return changed === 1
  },

  async refuse(tx, { holderId }, refusal) {
    await tx.$executeRaw`
      update keymint.spares set state = 'refused', reason = ${refusal.reason},
        reason_detail = ${refusal.detail}, ended_at = keymint.now()
      where id = ${holderId}::uuid and state = 'pending'`
  },

  async lowerCap(tx, { holderId }, cap) {
    await tx.$executeRaw`
      update keymint.spares set limit_usd = least(limit_usd, ${cap}::numeric)
      where id = ${holderId}::uuid and state <> 'taken'`
  },

  // Nothing of a spare is ever raised: what is reserved when it is requested is the most it holds.
  async move(_ctx, tx, { holderId }, { keys }) {
    await setSpareCommitted(
      tx,
      holderId,
      keys.reduce((sum, key) => sum + committedOf(key.windows), 0n),
    )
    return true
  },

  async expire(_ctx, tx, { holderId }) {
    return endSpare(tx, holderId, 'expired')
  },

  // Nobody holds a spare.
  endAllOf: () => Promise.resolve({ bulkId: null, count: 0 }),
}

export type SpareEnd = 'expired' | 'closed' | 'not-needed' | 'terms-changed' | 'unusable'

/** Ends a spare that lives, and says why. The caller ends its key. False: it had ended or was taken. */
export async function endSpare(tx: Tx, spareId: string, reason: SpareEnd): Promise<boolean> {
  const [ended] = await tx.$queryRaw<{ workshopSlug: string }[]>`
    update keymint.spares set state = 'ended', reason = ${reason}, ended_at = keymint.now()
    where id = ${spareId}::uuid and state in ('pending', 'ready')
    returning workshop_slug as "workshopSlug"`
  if (ended)
    await recordAudit(tx, {
      actor: 'worker',
      action: 'spare.ended',
      subject: `spare:${spareId}`,
      scope: ended.workshopSlug,
      details: { reason },
    })
  return ended !== undefined
}

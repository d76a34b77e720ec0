/** The end of a key by its time. */
import type { Tx } from '~/adapters/db.server'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'

/**
 * Ends the claim whose key's time has passed and erases the sealed secret; hash, label and usage
 * stay. False when there is nothing to end.
 */
export async function endIfExpired(ctx: Ctx, tx: Tx, claimId: string): Promise<boolean> {
  const [ended] = await tx.$queryRaw<{ workshopSlug: string }[]>`
    update keymint.workshop_attendance
      set state = 'ended', reason = 'expired', ended_at = expires_at, or_key_plaintext = null
    where claim_id = ${claimId}::uuid and state = 'ready' and expires_at <= ${ctx.now()}
      returning workshop_slug as "workshopSlug"`
  if (ended)
    await recordAudit(tx, {
      actor: 'worker',
      action: 'claim.expired',
      subject: `claim:${claimId}`,
      scope: ended.workshopSlug,
    })
  return ended !== undefined
}

/**
 * Another cap for all keys of a claim together: the one way in which a limit changes. A raise is
 * reserved before anything is asked of the provider; what a lower one frees goes back when the
 * provider has confirmed it.
 */
import type { Tx } from '~/adapters/db.server'
import { decimalStringFromNano, type NanoUsd } from '~/money'
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { Key } from '../keys/key-row'
import { book, moveVersion } from '../keys/want.server'
import { PoolIsFull } from '../money/pool.server'
import type { PoolCaps } from '../workshop-file'
import { claimSubject, holderOf, type ClaimRow } from './claim-row.server'

/**
 * Writes what is wanted, last in the caller's transaction: the caller holds the claim and its keys.
 * Throws PoolIsFull, which undoes all of it, where a raise does not fit.
 */
export async function changeLimit(
  ctx: Ctx,
  tx: Tx,
  claim: ClaimRow,
  key: Key,
  limit: NanoUsd,
  by: { actor: AuditActor; caps: PoolCaps | null; details: Record<string, string | null> },
): Promise<void> {
  await tx.$executeRaw`
    update keymint.workshop_attendance set limit_usd = ${decimalStringFromNano(limit)}::numeric
    where claim_id = ${claim.claimId}::uuid`
  await moveVersion(tx, key)
  await recordAudit(tx, {
    actor: by.actor,
    action: 'claim.limit-changed',
    subject: claimSubject(claim.claimId),
    scope: claim.workshopSlug,
    details: {
      fromUsd: decimalStringFromNano(claim.limit),
      toUsd: decimalStringFromNano(limit),
      ...by.details,
    },
  })
  const fits = await book(ctx, tx, holderOf(claim), {
    actor: by.actor,
    why: 'limit changed',
    ...(limit > claim.limit ? { reserve: { caps: by.caps, takeSeat: false } } : {}),
  })
  if (!fits) throw new PoolIsFull()
}

/** For what was read: a cap below it would be passed already. */
export const asRead = (key: Key): Key => ({
  ...key,
  windows: key.windows.map((window) => ({ ...window, reserved: window.used })),
})

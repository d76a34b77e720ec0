/**
 * Changing the cap of a live key. Raising: the pool holds the difference, then the provider, then
 * our row. Lowering: the provider, then our row and the pool. A crash anywhere leaves at least as
 * much reserved as can be spent.
 */
import type { Tx } from '~/adapters/db.server'
import type { UpstreamKey } from '~/adapters/key-provider'
import { isProviderError } from '~/adapters/provider-error'
import { decimalStringFromNano, formatUsd, type NanoUsd } from '~/money'
import { recordAudit } from '../audit/audit.server'
import { ensureGuardrail } from '../keys/guardrail.server'
import type { BulkItemResult, BulkRun } from '../bulk/bulk-kind'
import { markItemDone } from '../bulk/bulk.server'
import type { Ctx } from '../ctx'
import { windowsIn } from '../money/committed'
import { isPoolIsFull, PoolIsFull, reserveForClaim, type PoolCaps } from '../money/pool.server'
import {
  beginChange,
  endChange,
  giveUpChange,
  isAnswer,
  lockItem,
  noteReserved,
  patchKey,
  readChange,
  type Answer,
} from './changes.server'
import type { ClaimRow } from './claim-row.server'

const poolIsFullMessage = 'The pool has no room for the difference.'

type Begun = { claim: ClaimRow; keyHash: string; raises: boolean }

export async function setLimit(
  ctx: Ctx,
  bulk: BulkRun,
  subject: string,
  limit: NanoUsd,
  caps: PoolCaps | null,
): Promise<BulkItemResult> {
  let begun: Begun | Answer
  try {
    begun = await ctx.db.$transaction((tx) => begin(ctx, tx, bulk, subject, limit, caps))
  } catch (error) {
    if (!isPoolIsFull(error)) throw error
    return {
      failed:
        caps === null
          ? 'The file of this workshop is gone or has an error, so its pool is not known.'
          : poolIsFullMessage,
    }
  }
  if (isAnswer(begun)) return begun.answer
  const { claim, keyHash, raises } = begun
  const wanted = limit - claim.carry
  let patched: UpstreamKey | null
  try {
    // The guardrail's budget must not bite before the key's own cap (decision 011); it reads the
    // wanted limit from our rows.
    if (raises && claim.bound) await ensureGuardrail(ctx, claim.workshopSlug)
    if (!raises) {
      const used = await readUsed(ctx, keyHash)
      if (used !== null && used > wanted)
        return await giveUpChange(ctx, bulk, subject, {
          skipped:
            'It has used more than that already, so its limit cannot be as low as ' +
            `${formatUsd(limit, { exact: true })}.`,
        })
    }
    patched = await patchKey(ctx, keyHash, { limit: wanted })
  } catch (error) {
    if (isProviderError(error) && error.details.kind === 'rejected')
      await giveUpChange(ctx, bulk, subject, 'done')
    throw error
  }
  if (!patched)
    return giveUpChange(ctx, bulk, subject, {
      failed: 'The provider has no key with this hash any more.',
    })
  return ctx.db.$transaction((tx) => finish(ctx, tx, bulk, subject, limit))
}

/**
 * Everything that must stand before the provider is asked: the change, and for a raise the money.
 */
async function begin(
  ctx: Ctx,
  tx: Tx,
  bulk: BulkRun,
  subject: string,
  limit: NanoUsd,
  caps: PoolCaps | null,
): Promise<Begun | Answer> {
  const claim = await lockItem(tx, bulk, subject)
  if (isAnswer(claim)) return claim
  const refusal = whyNot(ctx, claim, limit)
  if (refusal) {
    await endChange(tx, bulk, claim.claimId)
    return { answer: { skipped: refusal } }
  }
  const change = await beginChange(tx, bulk, claim, { limit })
  if (!change) return { answer: { later: 1 } }
  const raises = limit > claim.limit
  if (raises && !change.resumed) {
    const more = (limit - claim.limit) * windowsLeft(ctx, claim)
    await noteReserved(tx, claim.claimId, more)
    await recordAudit(tx, {
      actor: bulk.actor,
      action: 'claim.limit-reserved',
      subject,
      scope: claim.workshopSlug,
      details: {
        reservedUsd: decimalStringFromNano(more),
        toUsd: decimalStringFromNano(limit),
        bulkId: bulk.id,
      },
    })
    if (!(await reserveForClaim(tx, claim.claimId, claim.committed + more, caps)))
      throw new PoolIsFull()
  }
  return { claim, keyHash: claim.keyHash ?? '', raises }
}

/**
 * The provider has confirmed: our row says so, and a lower limit gives back what can no longer be
 * spent.
 */
async function finish(
  ctx: Ctx,
  tx: Tx,
  bulk: BulkRun,
  subject: string,
  limit: NanoUsd,
): Promise<BulkItemResult> {
  const claim = await lockItem(tx, bulk, subject)
  if (isAnswer(claim)) return claim.answer
  if (!(await readChange(tx, bulk, claim.claimId))) return 'done'
  await endChange(tx, bulk, claim.claimId)
  if (claim.state !== 'ready') return { skipped: 'It has no live key.' }
  await tx.$executeRaw`
    update keymint.workshop_attendance set limit_usd = ${decimalStringFromNano(limit)}::numeric
      where claim_id = ${claim.claimId}::uuid`
  await markItemDone(tx, bulk.id, subject)
  await recordAudit(tx, {
    actor: bulk.actor,
    action: 'claim.limit-changed',
    subject,
    scope: claim.workshopSlug,
    details: {
      fromUsd: decimalStringFromNano(claim.limit),
      toUsd: decimalStringFromNano(limit),
      reason: bulk.reason,
      bulkId: bulk.id,
    },
  })
  if (limit < claim.limit)
    await reserveForClaim(
      tx,
      claim.claimId,
      claim.committed - (claim.limit - limit) * windowsLeft(ctx, claim),
      null,
    )
  return 'done'
}

/** Used of the present window as the provider says it now; null when it has no such key. */
async function readUsed(ctx: Ctx, keyHash: string): Promise<NanoUsd | null> {
  const key = await ctx.provider.findKey(keyHash)
  if (!key) return null
  return key.limit === null || key.limitRemaining === null
    ? key.usage
    : key.limit - key.limitRemaining
}

function windowsLeft(ctx: Ctx, claim: ClaimRow): bigint {
  return windowsIn({ reset: claim.limitReset, from: ctx.now(), expiresAt: claim.expiresAt })
}

function whyNot(ctx: Ctx, claim: ClaimRow, limit: NanoUsd): string | null {
  if (claim.state === 'pending') return 'Its key is still being made.'
  if (claim.state !== 'ready' || claim.expiresAt <= ctx.now()) return 'It has no live key.'
  if (claim.limit === limit) return 'It has this limit already.'
  return limit <= claim.carry
    ? 'Its former keys have used more than that in the present window.'
    : null
}

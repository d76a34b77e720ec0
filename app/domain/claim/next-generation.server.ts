/**
 * The next key of a claim: for a retry, a claim made again, a replacement, an extension. The old
 * key, if there was one, becomes a row of retired_keys. Guarantee: a claim's committed amount is
 * what its retired keys have used or may still use, plus the worst case of the new one, and the
 * pool holds it before there is a job.
 */
import type { Prisma, Tx } from '~/adapters/db.server'
import { decimalStringFromNano, type NanoUsd } from '~/money'
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { queueMint } from '../keys/queue-mint.server'
import { committedFor } from '../money/committed'
import { PoolIsFull, reserveForClaim, type PoolCaps } from '../money/pool.server'
import type { KeyLimitReset } from '../workshop-file'
import type { ClaimRow } from './claim-row.server'

export type NextTerms = {
  why: 'retried' | 'claimed-again' | 're-issued' | 'extended'
  limit: NanoUsd
  limitReset: KeyLimitReset | null
  expiresAt: Date
  /** Absent: as before. */
  allowedModels?: string[]
  /**
   * What former keys took of the present window, below the limit; the new key's cap is less by it
   * until the window ends.
   */
  carry?: { used: NanoUsd; until: Date }
  /** What has been done to a live key already; absent for one that has ended. */
  old?: {
    committed: NanoUsd
    cap: NanoUsd
    graceSeconds: number | null
    disabled: boolean
    missing: boolean
  }
}

export type NextOptions = {
  actor: AuditActor
  details?: Prisma.InputJsonObject
  /** Null when the workshop's file is gone: then nothing more than before can be reserved. */
  caps: PoolCaps | null
}

/**
 * Starts the next generation of a locked claim that is ready, ended or refused. Throws PoolIsFull,
 * which must undo the transaction, when the pool does not hold it.
 */
export async function beginNextGeneration(
  tx: Tx,
  ctx: Ctx,
  claim: ClaimRow,
  terms: NextTerms,
  options: NextOptions,
): Promise<{ generation: number; mintId: string }> {
  if (claim.state === 'pending')
    throw new Error(`the claim ${claim.claimId} still waits for its key`)
  const generation = claim.generation + 1
  const oldCommitted =
    claim.keyHash === null ? 0n : (terms.old?.committed ?? committedOfEnded(claim))
  const oldUsage = claim.keyHash === null ? 0n : claim.usage
  if (claim.state === 'ready') {
    await tx.$executeRaw`
      update keymint.workshop_attendance
        set state = 'ended', reason = 'revoked', ended_at = now(), or_key_plaintext = null
        where claim_id = ${claim.claimId}::uuid`
  }
  if (claim.keyHash !== null) await retire(tx, claim, terms, oldCommitted)
  const carry = terms.carry?.used ?? 0n
  await tx.$executeRaw`
    update keymint.workshop_attendance
      set state = 'pending', generation = ${generation}::int, reason = null, reason_detail = null,
      prior_committed_usd = prior_committed_usd + ${decimalStringFromNano(oldCommitted)}::numeric,
        prior_usage_usd = prior_usage_usd + ${decimalStringFromNano(oldUsage)}::numeric,
      limit_carry_usd = ${decimalStringFromNano(carry)}::numeric,
        limit_carry_until = ${terms.carry?.until ?? null}::timestamptz,
      limit_usd = ${decimalStringFromNano(terms.limit)}::numeric, limit_reset = ${terms.limitReset},
        expires_at = ${terms.expiresAt}::timestamptz,
      allowed_models = coalesce(${terms.allowedModels ?? null}::text[], allowed_models),
      or_key_hash = null, key_label = null, key_saved_at = null, or_guardrail_id = null,
        guardrail_attached_at = null,
      bind_attempts = 0, bind_error = null, bind_failed_at = null, bind_set_aside = false,
      usage_usd = 0, window_used_usd = 0, window_started_at = null, usage_synced_at = null,
      disabled_at = null, disable_confirmed_at = null, upstream_disabled = false, upstream_missing_at = null,
      revealed_at = null, ended_at = null, seat_freed_at = null, settled_at = null, may_claim_again = false
    where claim_id = ${claim.claimId}::uuid`
  const mintId = await queueMint(ctx, tx, { claimId: claim.claimId, generation })
  const own =
    committedFor({
      keyLimit: terms.limit,
      reset: terms.limitReset,
      from: ctx.now(),
      expiresAt: terms.expiresAt,
    }) - carry
  const total = claim.priorCommitted + oldCommitted + own
  await recordAudit(tx, {
    actor: options.actor,
    action: `claim.${terms.why}`,
    subject: `claim:${claim.claimId}`,
    scope: claim.workshopSlug,
    details: {
      generation,
      limitUsd: decimalStringFromNano(terms.limit),
      expiresAt: terms.expiresAt.toISOString(),
      committedUsd: decimalStringFromNano(total),
      ...(claim.keyHash === null
        ? {}
        : { retiredKeyHash: claim.keyHash, retiredUsedUsd: decimalStringFromNano(oldUsage) }),
      ...options.details,
    },
  })
  if (
    !(await reserveForClaim(tx, claim.claimId, total, options.caps, { takeSeat: !claim.holdsSeat }))
  )
    throw new PoolIsFull()
  return { generation, mintId }
}

/**
 * An ended key that is known to be off has committed what it is known to have used; any other one
 * still what it may use.
 */
function committedOfEnded(claim: ClaimRow): NanoUsd {
  return claim.settledAt !== null || claim.disableConfirmedAt !== null
    ? claim.usage
    : claim.committed - claim.priorCommitted
}

async function retire(
  tx: Tx,
  claim: ClaimRow,
  terms: NextTerms,
  committed: NanoUsd,
): Promise<void> {
  const { old } = terms
  await tx.$executeRaw`
    insert into keymint.retired_keys (key_hash, owner_kind, owner_id, generation, scope, reason, usage_usd,
      retired_at, disabled_at, settled_at,
      key_label, limit_usd, expires_at, key_saved_at, committed_usd, grace_seconds, usage_synced_at,
        upstream_missing_at)
    select or_key_hash, 'claim', claim_id, generation, workshop_slug, ${terms.why}, usage_usd, now(),
      case when ${old?.disabled ?? false} then now() else disable_confirmed_at end, settled_at,
      key_label, coalesce(${old ? decimalStringFromNano(old.cap) : null}::numeric, limit_usd), expires_at,
        key_saved_at, ${decimalStringFromNano(committed)}::numeric,
      ${old?.graceSeconds ?? null}::int, usage_synced_at, case
        when ${old?.missing ?? false} then coalesce(upstream_missing_at, now()) else upstream_missing_at end
    from keymint.workshop_attendance where claim_id = ${claim.claimId}::uuid`
}

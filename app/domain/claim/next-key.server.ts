/**
 * The next key of a claim: for a retry, a claim made again, a replacement, an extension. The same
 * claim, the next generation. Guarantee: all its keys together stay within its cap, because the new
 * one gets what the former ones leave of it, and it is not made before they are closed, or, for an
 * extension, lowered to what they may still use.
 */
import type { Prisma, Tx } from '~/adapters/db.server'
import { decimalStringFromNano, type NanoUsd } from '~/money'
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { deploymentAccount } from '../keys/accounts.server'
import { minLimit, smaller, type Key } from '../keys/key-row'
import { engineNow, lockKeysOf } from '../keys/key-store.server'
import { book, requestKey, wantLimit, wantOff } from '../keys/want.server'
import { limitDue } from '../keys/windows'
import { PoolIsFull } from '../money/pool.server'
import type { KeyLimitReset, PoolCaps } from '../workshop-file'
import { holderOf, type ClaimRow } from './claim-row.server'

/** What the old key of an extended claim may still use at most, while it goes on beside the new one. */
const maxGrace: NanoUsd = 100_000_000n
/** The share of what is left that the grace amount may be: a tenth. */
const graceDivisor = 10n

export type NextTerms = {
  why: 'retried' | 'claimed-again' | 're-issued' | 'extended'
  limit: NanoUsd
  limitReset: KeyLimitReset | null
  expiresAt: Date
  /** Absent: as before. */
  allowedModels?: string[]
  /** The cap begins afresh: what former keys used counts no more. */
  newGrant?: boolean
}

export type NextOptions = {
  actor: AuditActor
  details?: Prisma.InputJsonObject
  /** Null when the workshop's file is gone: then nothing more than before can be reserved. */
  caps: PoolCaps | null
}

/**
 * Starts the next generation of a locked claim that is ready, ended or refused. What becomes of a
 * live key has been asked for already. Throws PoolIsFull, which must undo the transaction, when the
 * pool does not hold it.
 */
export async function beginNextGeneration(
  ctx: Ctx,
  tx: Tx,
  claim: ClaimRow,
  terms: NextTerms,
  options: NextOptions,
): Promise<void> {
  if (claim.state === 'pending')
    throw new Error(`the claim ${claim.claimId} still waits for its key`)
  const generation = claim.generation + 1
  const holder = holderOf(claim)
  const former = await lockKeysOf(tx, holder)
  const grant = (former.at(-1)?.grant ?? 1) + (terms.newGrant ? 1 : 0)
  if (claim.state === 'ready')
    await tx.$executeRaw`
      update keymint.workshop_attendance set state = 'ended', reason = 'revoked', ended_at = keymint.now()
      where claim_id = ${claim.claimId}::uuid`
  await tx.$executeRaw`
    update keymint.workshop_attendance set state = 'pending', generation = ${generation}::int, reason = null,
      reason_detail = null, limit_usd = ${decimalStringFromNano(terms.limit)}::numeric,
      limit_reset = ${terms.limitReset}, expires_at = ${terms.expiresAt}::timestamptz,
      allowed_models = coalesce(${terms.allowedModels ?? null}::text[], allowed_models),
      revealed_at = null, ended_at = null, seat_freed_at = null, may_claim_again = false
    where claim_id = ${claim.claimId}::uuid`
  const now = await engineNow(tx)
  const due = limitDue(
    terms.limit,
    { generation, grant, limitReset: terms.limitReset },
    former,
    'reset',
    now,
  )
  await requestKey(
    ctx,
    tx,
    { ...holder, generation },
    {
      limit: due.limit,
      limitReset: terms.limitReset,
      expiresAt: terms.expiresAt,
      allowedModels: terms.allowedModels ?? claim.allowedModels,
      account: deploymentAccount,
      scope: claim.workshopSlug,
      wantsGuardrail: true,
      grant,
    },
  )
  await recordAudit(tx, {
    actor: options.actor,
    action: `claim.${terms.why}`,
    subject: `claim:${claim.claimId}`,
    scope: claim.workshopSlug,
    details: {
      generation,
      limitUsd: decimalStringFromNano(terms.limit),
      expiresAt: terms.expiresAt.toISOString(),
      ...(former.at(-1)?.hash ? { formerKeyHash: former.at(-1)?.hash ?? null } : {}),
      ...options.details,
    },
  })
  const fits = await book(ctx, tx, holder, {
    actor: options.actor,
    why: terms.why,
    reserve: { caps: options.caps, takeSeat: !claim.holdsSeat },
  })
  if (!fits) throw new PoolIsFull()
}

/** Off at once and for good; the new key has what is left, as soon as the old one is closed. */
export async function replaceKey(
  ctx: Ctx,
  tx: Tx,
  claim: ClaimRow,
  options: NextOptions,
): Promise<void> {
  await wantOff(ctx, tx, await lockKeysOf(tx, holderOf(claim)), 'replaced')
  await beginNextGeneration(
    ctx,
    tx,
    claim,
    {
      why: 're-issued',
      limit: claim.limit,
      limitReset: claim.limitReset,
      expiresAt: claim.expiresAt,
    },
    options,
  )
}

/**
 * A later end, which a key cannot be given: the old key keeps a small allowance for half an hour
 * after the new one is ready, and starts no new window.
 */
export async function extendKey(
  ctx: Ctx,
  tx: Tx,
  claim: ClaimRow,
  expiresAt: Date,
  options: NextOptions,
): Promise<void> {
  const keys = await lockKeysOf(tx, holderOf(claim))
  const present = keys.at(-1)
  // Keys before it are on their way out; only one goes on beside the new one.
  await wantOff(ctx, tx, keys.slice(0, -1), 'replaced')
  if (present) {
    const left = present.limit - (present.limitReset === null ? present.used : present.windowUsed)
    const grace = left > 0n ? smaller(left / graceDivisor, maxGrace) : 0n
    await wantLimit(ctx, tx, present, {
      limit: present.used + grace > minLimit ? present.used + grace : minLimit,
      withoutReset: true,
      graceUntil: present.expiresAt,
    })
  }
  await beginNextGeneration(
    ctx,
    tx,
    claim,
    { why: 'extended', limit: claim.limit, limitReset: claim.limitReset, expiresAt },
    options,
  )
}

/** What is left of the cap in this window, by what is known of its keys; null when it is not known yet. */
export function leftOfCap(
  claim: { limit: NanoUsd; limitReset: KeyLimitReset | null },
  keys: readonly Key[],
  now: Date,
): { known: boolean; left: NanoUsd } {
  const grant = keys.at(-1)?.grant ?? 1
  const next = { generation: Number.MAX_SAFE_INTEGER, grant, limitReset: claim.limitReset }
  const due = limitDue(claim.limit, next, keys, 'reset', now)
  const used = limitDue(claim.limit, next, keys.map(asUsed), 'reset', now)
  // Spent by what was read is spent, whatever the last readings will add.
  const known =
    used.left === 0n || keys.every((key) => key.settledAt !== null || key.stableAt !== null)
  return { known, left: used.left === 0n ? 0n : due.left }
}

const asUsed = (key: Key): Key => ({
  ...key,
  windows: key.windows.map((window) => ({ ...window, reserved: window.used })),
})

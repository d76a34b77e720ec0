/**
 * A new key in the place of a live one: replaced with what is left, or extended to a later end.
 * The old key is lowered to what it has used (for an extension plus a small grace amount) before
 * the new one is asked for, so that old and new together never exceed what was reserved. What it
 * used meanwhile, by requests in flight, is charged when it settles.
 */
import type { Tx } from '~/adapters/db.server'
import type { UpstreamKey } from '~/adapters/key-provider'
import { isProviderError } from '~/adapters/provider-error'
import { decimalStringFromNano, type NanoUsd } from '~/money'
import type { BulkItemResult, BulkRun } from '../bulk/bulk-kind'
import { markItemDone } from '../bulk/bulk.server'
import type { Ctx } from '../ctx'
import { windowEnd, windowsIn } from '../money/committed'
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
  type Change,
} from './changes.server'
import type { ClaimRow } from './claim-row.server'
import { beginNextGeneration, type NextTerms } from './next-generation.server'
import { graceDivisor, graceSeconds, maxGraceNano } from './retire.server'

export type NextKeyPlan = { kind: 're-issue' } | { kind: 'extend'; expiresAt: Date }

/**
 * A cap of nothing is not a cap everywhere, so a key whose window is used up starts it with a
 * millionth of a dollar.
 */
const minCap = 1_000n
const nothingLeft: BulkItemResult = {
  skipped: 'Nothing is left on it, so a new key would be empty.',
}

type Begun = { claim: ClaimRow; keyHash: string; change: Change }
/** What the old key has used, and what it may still use. */
type OldKey = { usage: NanoUsd; window: NanoUsd; cap: NanoUsd; missing: boolean }

export async function replaceKey(
  ctx: Ctx,
  bulk: BulkRun,
  subject: string,
  plan: NextKeyPlan,
  caps: PoolCaps | null,
): Promise<BulkItemResult> {
  try {
    const begun = await ctx.db.$transaction((tx) => begin(ctx, tx, bulk, subject, plan, caps))
    if (isAnswer(begun)) return begun.answer
    const old = await lowerOldKey(ctx, bulk, begun, plan)
    if (old === 'nothing-left') return await giveUpChange(ctx, bulk, subject, nothingLeft)
    return await ctx.db.$transaction((tx) => finish(ctx, tx, bulk, subject, { plan, old, caps }))
  } catch (error) {
    if (isProviderError(error) && error.details.kind === 'rejected')
      await giveUpChange(ctx, bulk, subject, 'done')
    if (!isPoolIsFull(error)) throw error
    return giveUpChange(ctx, bulk, subject, {
      failed:
        plan.kind === 'extend'
          ? 'The pool has no room for the longer time.'
          : 'The pool has no room left for this key.',
    })
  }
}

/**
 * The change, and for an extension the windows until the new end, before the provider hears of
 * anything.
 */
async function begin(
  ctx: Ctx,
  tx: Tx,
  bulk: BulkRun,
  subject: string,
  plan: NextKeyPlan,
  caps: PoolCaps | null,
): Promise<Begun | Answer> {
  const claim = await lockItem(tx, bulk, subject)
  if (isAnswer(claim)) return claim
  const refusal = whyNot(ctx, claim, plan)
  if (refusal) {
    await endChange(tx, bulk, claim.claimId)
    return { answer: { skipped: refusal } }
  }
  const change = await beginChange(tx, bulk, claim)
  if (!change) return { answer: { later: 1 } }
  if (plan.kind === 'extend' && !change.resumed) {
    const from = ctx.now()
    const more =
      claim.limit *
      (windowsIn({ reset: claim.limitReset, from, expiresAt: plan.expiresAt }) -
        windowsIn({ reset: claim.limitReset, from, expiresAt: claim.expiresAt }))
    await noteReserved(tx, claim.claimId, more)
    if (more > 0n && !(await reserveForClaim(tx, claim.claimId, claim.committed + more, caps)))
      throw new PoolIsFull()
  }
  return { claim, keyHash: claim.keyHash ?? '', change }
}

/**
 * Reads the old key, decides its last cap once, and lowers it: a lifetime cap without reset, so
 * that a new window gives nothing more. One that is replaced is disabled in the same call.
 */
async function lowerOldKey(
  ctx: Ctx,
  bulk: BulkRun,
  { claim, keyHash, change }: Begun,
  plan: NextKeyPlan,
): Promise<OldKey | 'nothing-left'> {
  const decided =
    change.oldCap === null
      ? await decideCap(ctx, bulk, claim, keyHash, plan)
      : {
          usage: change.oldUsage ?? 0n,
          window: change.oldWindow ?? 0n,
          cap: change.oldCap,
          readAt: change.oldReadAt,
        }
  if (decided === 'nothing-left') return decided
  const patched = await patchKey(ctx, keyHash, {
    limit: decided.cap,
    limitReset: null,
    ...(plan.kind === 're-issue' ? { disabled: true } : {}),
  })
  if (!patched)
    return { usage: decided.usage, window: decided.window, cap: decided.usage, missing: true }
  const meanwhile = patched.usage > decided.usage ? patched.usage - decided.usage : 0n
  // What was read in an earlier window says nothing about this one.
  const sameWindow =
    decided.readAt !== null &&
    windowEnd(claim.limitReset, decided.readAt)?.getTime() ===
      windowEnd(claim.limitReset, ctx.now())?.getTime()
  return {
    usage: decided.usage + meanwhile,
    window: (sameWindow ? decided.window : 0n) + meanwhile,
    cap: decided.cap,
    missing: false,
  }
}

async function decideCap(
  ctx: Ctx,
  bulk: BulkRun,
  claim: ClaimRow,
  keyHash: string,
  plan: NextKeyPlan,
): Promise<{ usage: NanoUsd; window: NanoUsd; cap: NanoUsd; readAt: Date } | 'nothing-left'> {
  const readAt = ctx.now()
  const key = await ctx.provider.findKey(keyHash)
  const usage = largest(claim.usage, key?.usage ?? 0n)
  const window = claim.limitReset === null ? usage : usedInWindow(key)
  const left = claim.limit - claim.carry - window
  if (claim.limitReset === null && left <= 0n) return 'nothing-left'
  const grace =
    plan.kind === 'extend' && left > 0n ? smallest(left / graceDivisor, maxGraceNano) : 0n
  const cap = usage + grace
  await ctx.db.$executeRaw`
    update keymint.claim_changes
      set old_usage_usd = ${decimalStringFromNano(usage)}::numeric,
      old_window_usd = ${decimalStringFromNano(window)}::numeric,
      old_cap_usd = ${decimalStringFromNano(cap)}::numeric, old_read_at = ${readAt}::timestamptz
    where claim_id = ${claim.claimId}::uuid and bulk_id = ${bulk.id}::uuid and old_cap_usd is null`
  return { usage, window, cap, readAt }
}

/** The old key becomes a retired one and the next generation begins. */
async function finish(
  ctx: Ctx,
  tx: Tx,
  bulk: BulkRun,
  subject: string,
  { plan, old, caps }: { plan: NextKeyPlan; old: OldKey; caps: PoolCaps | null },
): Promise<BulkItemResult> {
  const claim = await lockItem(tx, bulk, subject)
  if (isAnswer(claim)) return claim.answer
  if (!(await readChange(tx, bulk, claim.claimId))) return 'done'
  await endChange(tx, bulk, claim.claimId)
  // Taken back meanwhile: what is reserved for it is given back when it is settled.
  if (claim.state !== 'ready') return { skipped: 'It has no live key.' }
  const terms = termsOf(ctx, claim, plan, old)
  await beginNextGeneration(tx, ctx, claim, terms, {
    actor: bulk.actor,
    caps,
    details: { reason: bulk.reason, bulkId: bulk.id },
  })
  await markItemDone(tx, bulk.id, subject)
  return 'done'
}

function termsOf(ctx: Ctx, claim: ClaimRow, plan: NextKeyPlan, old: OldKey): NextTerms {
  const worst = largest(old.usage, old.cap)
  const stillSpendable = plan.kind === 're-issue' || old.missing ? 0n : worst - old.usage
  const common = {
    why: plan.kind === 'extend' ? ('extended' as const) : ('re-issued' as const),
    limitReset: claim.limitReset,
    expiresAt: plan.kind === 'extend' ? plan.expiresAt : claim.expiresAt,
    old: {
      committed: old.usage + stillSpendable,
      cap: old.cap,
      graceSeconds: plan.kind === 'extend' && !old.missing ? graceSeconds : null,
      disabled: plan.kind === 're-issue' || old.missing,
      missing: old.missing,
    },
  }
  const until = windowEnd(claim.limitReset, ctx.now())
  if (until === null) {
    // Without a reset the cap is a sum for life: the new key has what the old one leaves.
    return { ...common, limit: largest(claim.limit - old.usage - stillSpendable, minCap) }
  }
  const carried = claim.carryUntil !== null && claim.carryUntil > ctx.now() ? claim.carry : 0n
  return {
    ...common,
    limit: claim.limit,
    carry: { used: smallest(carried + old.window + stillSpendable, claim.limit - minCap), until },
  }
}

function whyNot(ctx: Ctx, claim: ClaimRow, plan: NextKeyPlan): string | null {
  if (claim.state === 'pending') return 'Its key is still being made.'
  if (claim.state !== 'ready' || claim.expiresAt <= ctx.now()) return 'It has no live key.'
  if (claim.disabledAt !== null) return 'It is disabled. Enable it first.'
  return plan.kind === 'extend' && plan.expiresAt <= claim.expiresAt
    ? 'It ends at that time or later already.'
    : null
}

function usedInWindow(key: UpstreamKey | null): NanoUsd {
  if (!key || key.limit === null || key.limitRemaining === null) return 0n
  return largest(0n, key.limit - key.limitRemaining)
}

const largest = (a: NanoUsd, b: NanoUsd) => (a > b ? a : b)
const smallest = (a: NanoUsd, b: NanoUsd) => (a < b ? a : b)

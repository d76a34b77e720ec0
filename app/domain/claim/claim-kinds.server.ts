/**
 * The claim actions as kinds of bulk action: `claim.retry`, `claim.extend` and so on, with a claim
 * as each subject. An item is one transaction that writes what is wanted; it is done when the
 * provider has confirmed it.
 */
import { formatUsd, nanoFromDecimalString, type NanoUsd } from '~/money'
import type { Tx } from '~/adapters/db.server'
import { recordAudit, type AuditAction } from '../audit/audit.server'
import type { BulkItemResult, BulkKind, BulkRun } from '../bulk/bulk-kind'
import { askItem, isItemPending, markItemDone } from '../bulk/bulk.server'
import type { Ctx } from '../ctx'
import type { Key } from '../keys/key-row'
import { lockKeysOf } from '../keys/key-store.server'
import { tryHolderNow } from '../keys/try-now.server'
import { book, clearOff, wantOff } from '../keys/want.server'
import { isPoolIsFull } from '../money/pool.server'
import type { PoolCaps } from '../workshop-file'
import type { ClaimActionKind } from './actions'
import { capsFrom, readActionParams, type EndReason } from './action-params'
import { asRead, changeLimit } from './change-limit.server'
import { claimIdOf, holderOf, lockClaim, type ClaimRow } from './claim-row.server'
import { endClaim } from './end-claim.server'
import { liftHold } from './runaway.server'
import { beginNextGeneration, extendKey, leftOfCap, replaceKey } from './next-key.server'
import { engineNow } from '../keys/key-store.server'

export const claimBulkKind = (kind: ClaimActionKind) => `claim.${kind}`

const names: readonly ClaimActionKind[] = [
  'retry',
  'bind',
  'try-now',
  'disable',
  'enable',
  'set-limit',
  'revoke',
  're-issue',
  'extend',
]

export const claimKinds: readonly BulkKind[] = names.map((name) => ({
  name: claimBulkKind(name),
  run,
}))

const poolIsFull = (kind: ClaimActionKind) =>
  kind === 'extend'
    ? 'The pool has no room for the longer time.'
    : kind === 'set-limit'
      ? 'The pool has no room for the difference.'
      : 'The pool has no room left for this key.'
const noFile = 'The file of this workshop is gone or has an error, so its pool is not known.'
const gone: BulkItemResult = { failed: 'The provider has no key with this hash any more.' }
/** Until the provider has confirmed, an item is looked at again so often. */
const confirmSeconds = 1

type Item = { ctx: Ctx; tx: Tx; bulk: BulkRun; subject: string; claim: ClaimRow }

async function run(ctx: Ctx, bulk: BulkRun, subject: string): Promise<BulkItemResult> {
  const params = readActionParams(bulk.params)
  const { action } = params
  const caps = capsFrom(params)
  try {
    return await ctx.db.$transaction(async (tx): Promise<BulkItemResult> => {
      const claim = await lockClaim(tx, claimIdOf(subject))
      if (!claim || (bulk.scope !== null && claim.workshopSlug !== bulk.scope))
        return { skipped: 'There is no such claim in this workshop.' }
      // The lock on the claim orders two runs of one item: the second finds it done.
      if (!(await isItemPending(tx, bulk.id, subject))) return 'done'
      const item: Item = { ctx, tx, bulk, subject, claim }
      switch (action.kind) {
        case 'retry':
          return finish(item, await retry(item, caps))
        case 'bind':
          return finish(item, await assignAgain(item))
        case 'try-now':
          return finish(item, await tryNow(item))
        case 'disable':
          return disable(item)
        case 'enable':
          return enable(item)
        case 'set-limit':
          return setLimit(item, nanoFromDecimalString(action.limitUsd), caps)
        case 'revoke':
          return revoke(item, action)
        case 're-issue':
          return finish(item, await replace(item, caps))
        case 'extend':
          return finish(item, await extend(item, new Date(action.expiresAt), caps))
      }
    })
  } catch (error) {
    if (!isPoolIsFull(error)) throw error
    return { failed: caps === null ? noFile : poolIsFull(action.kind) }
  }
}

async function finish(
  { tx, bulk, subject }: Item,
  result: BulkItemResult,
): Promise<BulkItemResult> {
  if (result === 'done') await markItemDone(tx, bulk.id, subject)
  return result
}

const optionsOf = ({ bulk }: Item, caps: PoolCaps | null) => ({
  actor: bulk.actor,
  caps,
  details: { reason: bulk.reason, bulkId: bulk.id },
})

const presentKey = async ({ tx, claim }: Item): Promise<Key | undefined> =>
  (await lockKeysOf(tx, holderOf(claim))).at(-1)

function notLive({ ctx, claim }: Item): BulkItemResult | null {
  if (claim.state === 'pending') return { skipped: 'Its key is still being made.' }
  return claim.state === 'ready' && claim.expiresAt > ctx.now()
    ? null
    : { skipped: 'It has no live key.' }
}

async function audit(item: Item, action: AuditAction, details: Record<string, string | null> = {}) {
  await recordAudit(item.tx, {
    actor: item.bulk.actor,
    action,
    subject: item.subject,
    scope: item.claim.workshopSlug,
    details: { ...details, reason: item.bulk.reason, bulkId: item.bulk.id },
  })
}

/** A new mint for a refused claim, on the terms of its row, if the pool still has room for it. */
async function retry(item: Item, caps: PoolCaps | null): Promise<BulkItemResult> {
  const { ctx, tx, claim } = item
  if (claim.state !== 'refused') return { skipped: 'It was not refused.' }
  if (claim.expiresAt <= ctx.now())
    return { skipped: 'The key has expired; a new one would expire at once.' }
  if (caps === null) return { failed: noFile }
  const { limit, limitReset, expiresAt } = claim
  await beginNextGeneration(
    ctx,
    tx,
    claim,
    { why: 'retried', limit, limitReset, expiresAt },
    optionsOf(item, caps),
  )
  return 'done'
}

/** Assigns the guardrail again, also to a key that was set aside: its job is sent, or brought forward. */
async function assignAgain(item: Item): Promise<BulkItemResult> {
  const { ctx, tx, claim } = item
  if (claim.state !== 'ready') return { skipped: 'It has no live key.' }
  if (claim.bound) return { skipped: 'Its guardrail is assigned already.' }
  const key = await presentKey(item)
  if (!key) return { failed: 'The work behind this key cannot be found.' }
  await tx.$executeRaw`update keymint.keys set bind_set_aside = false where id = ${key.id}::uuid`
  const job = { mintId: key.mintId }
  if (
    (await ctx.queue.enqueue(tx, 'bind-guardrail', job, { singletonKey: key.mintId })) ===
    'already-queued'
  )
    await ctx.queue.bringForward(tx, 'bind-guardrail', key.mintId)
  await audit(item, 'bind.retried')
  return 'done'
}

/** What waits for the provider is tried now: its changes, and the key that is still being made. */
async function tryNow(item: Item): Promise<BulkItemResult> {
  const { ctx, tx, claim } = item
  if (!(await tryHolderNow(ctx, tx, holderOf(claim))))
    return { skipped: 'Nothing of it waits for the provider.' }
  await audit(item, 'claim.tried-now')
  return 'done'
}

/** Wanted off at once; an old key in its grace time goes off with it and stays off. */
async function disable(item: Item): Promise<BulkItemResult> {
  const { ctx, tx, claim, bulk, subject } = item
  const refusal = notLive(item)
  if (refusal) return refusal
  const keys = await lockKeysOf(tx, holderOf(claim))
  const key = keys.at(-1)
  if (!key) return { skipped: 'It has no live key.' }
  if (await askItem(tx, bulk.id, subject)) {
    await wantOff(ctx, tx, [key], 'staff')
    await wantOff(ctx, tx, keys.slice(0, -1), 'replaced')
    if (key.off.staff === null) await audit(item, 'claim.disabled')
    await book(ctx, tx, holderOf(claim), { actor: bulk.actor, why: 'disabled' })
    return { later: confirmSeconds }
  }
  if (key.missingAt !== null) return gone
  return key.seen.off || key.off.staff === null ? finish(item, 'done') : { later: confirmSeconds }
}

async function enable(item: Item): Promise<BulkItemResult> {
  const { ctx, tx, bulk, subject } = item
  const refusal = notLive(item)
  if (refusal) return refusal
  const key = await presentKey(item)
  if (!key) return { skipped: 'It has no live key.' }
  if (await askItem(tx, bulk.id, subject)) {
    const lifted = await liftHold(ctx, tx, item.claim, key, { by: 'staff' })
    if (key.off.staff !== null || lifted) await audit(item, 'claim.enabled')
    // Disabled by hand at the provider: enabling is what was asked for, so it is sent again.
    await clearOff(ctx, tx, key, 'staff')
    return { later: confirmSeconds }
  }
  if (key.missingAt !== null) return gone
  const isOff = key.off.staff !== null || key.off.runaway !== null
  return !key.seen.off || isOff ? finish(item, 'done') : { later: confirmSeconds }
}

/**
 * Another cap for all keys of the claim together. A raise is reserved before anything is asked for;
 * what a lower one frees goes back when the provider has confirmed it.
 */
async function setLimit(
  item: Item,
  limit: NanoUsd,
  caps: PoolCaps | null,
): Promise<BulkItemResult> {
  const { ctx, tx, claim, bulk, subject } = item
  const refusal = notLive(item)
  if (refusal) return refusal
  const key = await presentKey(item)
  if (!key) return { skipped: 'It has no live key.' }
  if (!(await askItem(tx, bulk.id, subject))) {
    if (key.missingAt !== null) return gone
    if (claim.limit !== limit) return { failed: 'The provider refused the new limit.' }
    return key.seen.revision >= key.revision ? finish(item, 'done') : { later: confirmSeconds }
  }
  if (claim.limit === limit) return { skipped: 'It has this limit already.' }
  const keys = await lockKeysOf(tx, holderOf(claim))
  const { left } = leftOfCap(
    { limit, limitReset: claim.limitReset },
    keys.map(asRead),
    await engineNow(tx),
  )
  if (limit < claim.limit && left === 0n)
    return {
      skipped:
        'It has used more than that already, so its limit cannot be as low as ' +
        `${formatUsd(limit, { exact: true })}.`,
    }
  await changeLimit(ctx, tx, claim, key, limit, {
    actor: bulk.actor,
    caps,
    details: { reason: bulk.reason, bulkId: bulk.id },
  })
  return { later: confirmSeconds }
}

async function revoke(
  item: Item,
  params: { mayClaimAgain: boolean; endReason?: EndReason },
): Promise<BulkItemResult> {
  const { ctx, tx, bulk, subject, claim } = item
  if (await askItem(tx, bulk.id, subject)) {
    const ended = await endClaim(ctx, tx, claim, {
      reason: params.endReason ?? 'revoked',
      mayClaimAgain: params.mayClaimAgain,
      actor: bulk.actor,
      why: bulk.reason,
      bulkId: bulk.id,
    })
    if (ended === 'refused-already') return { skipped: 'It was refused and has no key.' }
    return { later: confirmSeconds }
  }
  const open = (await lockKeysOf(tx, holderOf(claim))).filter(
    (key) =>
      key.savedAt !== null && key.off.ended !== null && key.closedAt === null && !key.seen.off,
  )
  return open.length === 0 ? finish(item, 'done') : { later: confirmSeconds }
}

async function replace(item: Item, caps: PoolCaps | null): Promise<BulkItemResult> {
  const refusal =
    notLive(item) ??
    (item.claim.disabledAt !== null ? { skipped: 'It is disabled. Enable it first.' } : null)
  if (refusal) return refusal
  const keys = await lockKeysOf(item.tx, holderOf(item.claim))
  const left = leftOfCap(item.claim, keys.map(asRead), await engineNow(item.tx))
  if (item.claim.limitReset === null && left.left === 0n)
    return { skipped: 'Nothing is left on it, so a new key would be empty.' }
  await replaceKey(item.ctx, item.tx, item.claim, optionsOf(item, caps))
  return 'done'
}

async function extend(item: Item, expiresAt: Date, caps: PoolCaps | null): Promise<BulkItemResult> {
  const refusal =
    notLive(item) ??
    (item.claim.disabledAt !== null
      ? { skipped: 'It is disabled. Enable it first.' }
      : expiresAt <= item.claim.expiresAt
        ? { skipped: 'It ends at that time or later already.' }
        : null)
  if (refusal) return refusal
  const keys = await lockKeysOf(item.tx, holderOf(item.claim))
  const left = leftOfCap(item.claim, keys.map(asRead), await engineNow(item.tx))
  if (item.claim.limitReset === null && left.left === 0n)
    return { skipped: 'Nothing is left on it, so a new key would be empty.' }
  await extendKey(item.ctx, item.tx, item.claim, expiresAt, optionsOf(item, caps))
  return 'done'
}

/**
 * A change under way at the provider. One for each claim at a time: what one action has asked for
 * must not be undone by the late answer of another. The row is written before the call, with what
 * was reserved and read for it.
 */
import type { Tx } from '~/adapters/db.server'
import { isProviderError, ProviderError } from '~/adapters/provider-error'
import type { UpstreamKey } from '~/adapters/key-provider'
import { decimalStringFromNano, nanoFromDecimalString, type NanoUsd } from '~/money'
import type { BulkItemResult, BulkRun } from '../bulk/bulk-kind'
import { isItemPending } from '../bulk/bulk.server'
import type { Ctx } from '../ctx'
import { reserveForClaim } from '../money/pool.server'
import { recordReadings } from '../keys/usage.server'
import { claimIdOf, claimSubject, lockClaim, type ClaimRow } from './claim-row.server'

export type Change = {
  limit: NanoUsd | null
  reserved: NanoUsd
  oldUsage: NanoUsd | null
  oldWindow: NanoUsd | null
  oldCap: NanoUsd | null
  oldReadAt: Date | null
  /** It was begun by an earlier run of this item. */
  resumed: boolean
}

/** An answer instead of a value, from inside a transaction. */
export type Answer = { answer: BulkItemResult }

/**
 * The claim of an item, locked, while the item is still to be done; an answer where there is
 * nothing to do.
 */
export async function lockItem(tx: Tx, bulk: BulkRun, subject: string): Promise<ClaimRow | Answer> {
  const claim = await lockClaim(tx, claimIdOf(subject))
  if (!claim || (bulk.scope !== null && claim.workshopSlug !== bulk.scope))
    return { answer: { skipped: 'There is no such claim in this workshop.' } }
  // The lock on the claim orders two runs of one item: the second finds it done.
  return (await isItemPending(tx, bulk.id, subject)) ? claim : { answer: 'done' }
}

/**
 * Begins the change, or finds the one that this action has begun; null while another action is at
 * it. A change whose action has given up is taken over.
 */
export async function beginChange(
  tx: Tx,
  bulk: BulkRun,
  claim: ClaimRow,
  wanted: { limit?: NanoUsd } = {},
): Promise<Change | null> {
  const subject = claimSubject(claim.claimId)
  const begun = await tx.$executeRaw`
    insert into keymint.claim_changes as held (claim_id, bulk_id, scope, kind, generation, limit_usd)
    values (${claim.claimId}::uuid, ${bulk.id}::uuid, ${claim.workshopSlug}, ${bulk.kind},
      ${claim.generation}::int,
      ${wanted.limit === undefined ? null : decimalStringFromNano(wanted.limit)}::numeric)
    on conflict (claim_id) do update
      set bulk_id = excluded.bulk_id, kind = excluded.kind, generation = excluded.generation,
      limit_usd = excluded.limit_usd,
      reserved_usd = 0, old_usage_usd = null, old_window_usd = null, old_cap_usd = null, old_read_at = null,
        started_at = now()
    where held.bulk_id <> excluded.bulk_id
      and not exists (select 1 from keymint.bulk_action_items i where i.bulk_id = held.bulk_id
        and i.subject = ${subject} and i.state = 'pending')`
  const change = await readChange(tx, bulk, claim.claimId)
  return change && { ...change, resumed: begun === 0 }
}

/** The change of this action, or null when it has ended. */
export async function readChange(tx: Tx, bulk: BulkRun, claimId: string): Promise<Change | null> {
  type Row = {
    limit: string | null
    reserved: string
    oldUsage: string | null
    oldWindow: string | null
    oldCap: string | null
    oldReadAt: Date | null
  }
  const [row] = await tx.$queryRaw<Row[]>`
    select limit_usd::text as "limit", reserved_usd::text as reserved, old_usage_usd::text as "oldUsage",
      old_window_usd::text as "oldWindow", old_cap_usd::text as "oldCap", old_read_at as "oldReadAt"
    from keymint.claim_changes where claim_id = ${claimId}::uuid and bulk_id = ${bulk.id}::uuid`
  const nano = (text: string | null) => (text === null ? null : nanoFromDecimalString(text))
  return row
    ? {
        limit: nano(row.limit),
        reserved: nanoFromDecimalString(row.reserved),
        oldUsage: nano(row.oldUsage),
        oldWindow: nano(row.oldWindow),
        oldCap: nano(row.oldCap),
        oldReadAt: row.oldReadAt,
        resumed: true,
      }
    : null
}

export async function noteReserved(tx: Tx, claimId: string, reserved: NanoUsd): Promise<void> {
  await tx.$executeRaw`
    update keymint.claim_changes set reserved_usd = ${decimalStringFromNano(reserved)}::numeric
      where claim_id = ${claimId}::uuid`
}

export async function endChange(tx: Tx, bulk: BulkRun, claimId: string): Promise<void> {
  await tx.$executeRaw`
    delete from keymint.claim_changes where claim_id = ${claimId}::uuid and bulk_id = ${bulk.id}::uuid`
}

/**
 * PATCH, and its answer kept as a reading. Null when the provider says that the key is gone. Throws
 * ProviderError, also when the answer is not what was asked for.
 */
export async function patchKey(
  ctx: Ctx,
  hash: string,
  change: { disabled?: boolean; limit?: NanoUsd; limitReset?: null },
): Promise<UpstreamKey | null> {
  const askedAt = await databaseNow(ctx)
  let key: UpstreamKey
  try {
    key = await ctx.provider.updateKey(hash, change)
  } catch (error) {
    if (isProviderError(error) && error.details.reason === 'not-found') return null
    throw error
  }
  const asAsked =
    (change.disabled === undefined || key.disabled === change.disabled) &&
    (change.limit === undefined || isAbout(key.limit, change.limit)) &&
    (change.limitReset === undefined || key.limitReset === null)
  if (!asAsked)
    throw new ProviderError({
      call: 'PATCH /keys/{hash}',
      kind: 'ambiguous',
      reason: 'unreadable-answer',
    })
  // A key whose reset was taken away says nothing about its window any more.
  await recordReadings(
    ctx.db,
    [
      {
        keyHash: hash,
        limit: key.limit,
        limitRemaining: key.limitRemaining,
        usage: key.usage,
        disabled: key.disabled,
      },
    ],
    askedAt,
    { window: change.limitReset === undefined },
  )
  return key
}

/** A provider may round to a millionth of a dollar. */
function isAbout(answered: NanoUsd | null, asked: NanoUsd): boolean {
  return answered !== null && answered - asked <= 1_000n && asked - answered <= 1_000n
}

async function databaseNow(ctx: Ctx): Promise<Date> {
  const [row] = await ctx.db.$queryRaw<{ now: Date }[]>`select now() as now`
  if (!row) throw new Error('the database did not say what time it is')
  return row.now
}

export const isAnswer = (value: object): value is Answer => 'answer' in value

/** The change will not be made: what was reserved for it goes back. */
export async function giveUpChange(
  ctx: Ctx,
  bulk: BulkRun,
  subject: string,
  answer: BulkItemResult,
): Promise<BulkItemResult> {
  await ctx.db.$transaction(async (tx) => {
    const claim = await lockItem(tx, bulk, subject)
    if (isAnswer(claim)) return
    const change = await readChange(tx, bulk, claim.claimId)
    await endChange(tx, bulk, claim.claimId)
    if (change && change.reserved > 0n && claim.state === 'ready')
      await reserveForClaim(tx, claim.claimId, claim.committed - change.reserved, null)
  })
  return answer
}

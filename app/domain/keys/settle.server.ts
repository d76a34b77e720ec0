/**
 * Settling: after its end, and a reading two minutes later, a claim has committed what its key
 * used, and the rest returns to the pool. What is read later still is charged on top, audited,
 * never hidden. Replaced keys: retired-usage.server.ts.
 */
import { nanoFromDecimalString } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { setClaimCommitted } from '../money/pool.server'
import { chargeLate, settleRetired } from './retired-usage.server'

/**
 * A reading this long after the end is final: requests in flight have been counted by then.
 */
const settleAfterSeconds = 120
/**
 * A key that the provider no longer has this long after its end will not be read again: its last
 * reading is final.
 */
const settleMissingAfterSeconds = 300
/** How long after settling a key is still read, for counters that lag behind. */
export const lateChargeHours = 24
const maxAtOnce = 500

/**
 * Settles claims and replaced keys that are due, and charges what was spent after that. Safe to run
 * beside itself.
 */
export async function settle(ctx: Ctx): Promise<void> {
  await settleEnded(ctx)
  await settleRetired(ctx)
  await chargeWhatCameLate(ctx)
}

/**
 * A key that did not end by itself counts as ended when the provider has confirmed that it is off.
 * What was taken or given back frees its seat.
 */
async function settleEnded(ctx: Ctx): Promise<void> {
  const due = await ctx.db.$queryRaw<{ claimId: string }[]>`
    select claim_id as "claimId" from (
      select claim_id, usage_synced_at, upstream_missing_at,
        case when reason = 'expired' then ended_at
          else least(coalesce(disable_confirmed_at, 'infinity'), greatest(ended_at, expires_at)) end as over_at
      from keymint.workshop_attendance where state = 'ended' and settled_at is null) ended
    where usage_synced_at >= over_at + make_interval(secs => ${settleAfterSeconds}::int)
      or (upstream_missing_at is not null
        and now() >= over_at + make_interval(secs => ${settleMissingAfterSeconds}::int))
    order by claim_id limit ${maxAtOnce}::int`
  for (const { claimId } of due) {
    await ctx.db.$transaction(async (tx) => {
      const [settled] = await tx.$queryRaw<
        { usageUsd: string; workshopSlug: string; reason: string }[]
      >`
        update keymint.workshop_attendance set settled_at = now() where claim_id = ${claimId}::uuid
          and state = 'ended' and settled_at is null
        returning usage_usd::text as "usageUsd", workshop_slug as "workshopSlug", reason`
      if (!settled) return
      await recordAudit(tx, {
        actor: 'worker',
        action: 'claim.settled',
        subject: `claim:${claimId}`,
        scope: settled.workshopSlug,
        details: { usedUsd: settled.usageUsd },
      })
      await setClaimCommitted(tx, claimId, nanoFromDecimalString(settled.usageUsd), {
        freeSeat: settled.reason === 'revoked' || settled.reason === 'given-back',
      })
    })
  }
}

/** Settled keys, ended and replaced ones, whose reading has grown since. */
async function chargeWhatCameLate(ctx: Ctx): Promise<void> {
  const due = await ctx.db.$queryRaw<{ hash: string }[]>`
    select or_key_hash as hash from keymint.workshop_attendance
    where or_key_hash is not null and settled_at > now() - make_interval(hours => ${lateChargeHours + 1}::int)
      and usage_usd > committed_usd - prior_committed_usd
    union all
    select key_hash from keymint.retired_keys
    where settled_at > now() - make_interval(hours => ${lateChargeHours + 1}::int) and usage_usd > committed_usd
      and owner_kind = 'claim'
    limit ${maxAtOnce}::int`
  for (const { hash } of due) await ctx.db.$transaction((tx) => chargeLate(tx, hash))
}

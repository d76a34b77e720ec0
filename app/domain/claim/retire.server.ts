/**
 * Disabling keys upstream: those of claims that were ended before their time, and retired
 * ones whose grace time is over. Each is disabled and not deleted, because its counters must be
 * read once more, and confirmed from the answer.
 */
import { isProviderError } from '~/adapters/provider-error'
import { nanoFromDecimalString } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { liveClaim } from '../live-claim.server'
import { patchKey } from './changes.server'

/**
 * How long the old key of an extended claim goes on after the new one is ready, and how much it may
 * still use.
 */
export const graceSeconds = 30 * 60
export const maxGraceNano = 100_000_000n
/** The share of what is left that the grace amount may be: a tenth. */
export const graceDivisor = 10n

/**
 * Disables a key upstream and records that it is off. One that is gone counts as off. Throws
 * ProviderError.
 */
export async function takeOutOfUse(ctx: Ctx, keyHash: string): Promise<void> {
  const key = await patchKey(ctx, keyHash, { disabled: true })
  await ctx.db.$transaction(async (tx) => {
    const ended = await tx.$queryRaw<{ claimId: string; scope: string }[]>`
      update keymint.workshop_attendance
      set upstream_disabled = true, disable_confirmed_at = now(), upstream_missing_at = case
        when ${key === null} then coalesce(upstream_missing_at, now()) else upstream_missing_at end
      where or_key_hash = ${keyHash} and state = 'ended' and disable_confirmed_at is null
        returning claim_id as "claimId", workshop_slug as scope`
    const retired = await tx.$queryRaw<{ claimId: string; scope: string }[]>`
      update keymint.retired_keys
      set disabled_at = now(), upstream_missing_at = case
        when ${key === null} then coalesce(upstream_missing_at, now()) else upstream_missing_at end
      where key_hash = ${keyHash} and disabled_at is null returning owner_id as "claimId", scope`
    for (const { claimId, scope } of [...ended, ...retired]) {
      await recordAudit(tx, {
        actor: 'worker',
        action: 'key.disabled',
        subject: `claim:${claimId}`,
        scope,
        details: { keyHash, ...(key === null ? { because: 'gone upstream' } : {}) },
      })
    }
  })
}

/** Every key of this claim that must not work any more and is not confirmed off. */
export async function listKeysToTakeOut(ctx: Ctx, claimId: string): Promise<string[]> {
  const rows = await ctx.db.$queryRaw<{ hash: string }[]>`
    select or_key_hash as hash from keymint.workshop_attendance
    where claim_id = ${claimId}::uuid and state = 'ended' and reason <> 'expired' and or_key_hash is not null
      and disable_confirmed_at is null
    union all
    select r.key_hash from keymint.retired_keys r join keymint.workshop_attendance c on c.claim_id = r.owner_id
    where r.owner_kind = 'claim' and r.owner_id = ${claimId}::uuid and r.disabled_at is null
      and r.settled_at is null and (r.grace_seconds is null or c.state = 'ended' or c.disabled_at is not null)`
  return rows.map((row) => row.hash)
}

const maxPerPass = 50

/**
 * The sweep's part: finds what is due and disables it, unless an action is at the claim:
 * its call may be on the way, and it or a later pass will see to the key. Stops at the first
 * failure upstream; the next pass goes on.
 */
export async function retireKeys(ctx: Ctx): Promise<number> {
  const due = await ctx.db.$queryRaw<{ hash: string }[]>`
    (select or_key_hash as hash from keymint.workshop_attendance c
      where not exists (select 1 from keymint.claim_changes h where h.claim_id = c.claim_id) and state = 'ended'
        and reason <> 'expired' and or_key_hash is not null and disable_confirmed_at is null
        and expires_at > ${ctx.now()} order by ended_at limit ${maxPerPass}::int)
    union all
    (select r.key_hash from keymint.retired_keys r join keymint.workshop_attendance c on c.claim_id = r.owner_id
      where not exists (select 1 from keymint.claim_changes h where h.claim_id = c.claim_id)
        and r.owner_kind = 'claim' and r.settled_at is null and r.disabled_at is null
        and r.expires_at > ${ctx.now()}
        and (r.grace_seconds is null or c.state = 'ended' or c.disabled_at is not null
          or (c.state = 'ready' and c.key_saved_at + make_interval(secs => r.grace_seconds) <= ${ctx.now()}))
      order by r.retired_at limit ${maxPerPass}::int)`
  return passThrough(
    ctx,
    due.map((row) => row.hash),
    (hash) => takeOutOfUse(ctx, hash),
  )
}

/**
 * A minute after a window has ended, a cap that was lowered for what former keys took of that
 * window is whole again.
 */
export async function restoreLimits(ctx: Ctx): Promise<number> {
  const due = await ctx.db.$queryRaw<
    { hash: string; limitUsd: string; claimId: string; until: Date }[]
  >`
    select or_key_hash as hash, limit_usd::text as "limitUsd", claim_id as "claimId", limit_carry_until as until
      from keymint.workshop_attendance c
    where ${liveClaim(ctx.now())} and limit_carry_until <= ${ctx.now()}::timestamptz - interval '1 minute'
      and not exists (select 1 from keymint.claim_changes h where h.claim_id = c.claim_id)
    order by limit_carry_until limit ${maxPerPass}::int`
  return passThrough(ctx, due, async ({ hash, limitUsd, claimId, until }) => {
    await patchKey(ctx, hash, { limit: nanoFromDecimalString(limitUsd) })
    await ctx.db.$executeRaw`
      update keymint.workshop_attendance set limit_carry_usd = 0, limit_carry_until = null
        where claim_id = ${claimId}::uuid and or_key_hash = ${hash} and limit_carry_until = ${until}`
  })
}

async function passThrough<Item>(
  ctx: Ctx,
  items: Item[],
  work: (item: Item) => Promise<void>,
): Promise<number> {
  let worked = 0
  for (const item of items) {
    try {
      await work(item)
      worked++
    } catch (error) {
      if (!isProviderError(error)) throw error
      ctx.log.warn({ failure: error.details }, 'a key could not be changed upstream yet')
      if (error.details.kind !== 'rejected') return worked
    }
  }
  return worked
}

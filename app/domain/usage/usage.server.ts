/**
 * Usage: what the provider says a key has used, copied into the database. Counters upstream may lag and disagree
 * between calls, so the largest reading of a window is kept, and every figure carries the time it was read.
 */
import type { Tx } from '~/adapters/db.server'
import { decimalStringFromNano, nanoFromDecimalString, type NanoUsd } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { setClaimCommitted } from '../pool/pool.server'

export type KeyReading = { keyHash: string; limit: NanoUsd | null; limitRemaining: NanoUsd | null; usage: NanoUsd; disabled: boolean }

/** A reading this long after the end is the last word: requests in flight have been counted by then. */
const settleAfterSeconds = 120

/** Reads the usage of all held keys and keeps it; asks nothing upstream when no key is live or waits to be settled. */
export async function syncUsage(ctx: Ctx): Promise<{ keys: number }> {
  const held = await ctx.db.$queryRaw<{ hash: string }[]>`
    select key_hash as hash from keymint.held_keys where live or (ended_at is not null and settled_at is null)`
  if (held.length === 0) return { keys: 0 }
  const wanted = new Set(held.map((key) => key.hash))
  const readings = (await ctx.provider.listKeys()).filter((key) => wanted.has(key.hash))
  await recordReadings(ctx.db, readings.map((key) => ({ keyHash: key.hash, limit: key.limit, limitRemaining: key.limitRemaining, usage: key.usage, disabled: key.disabled })))
  await settleEnded(ctx)
  return { keys: readings.length }
}

/** Keeps readings: usage only grows; what is used in a window grows until the window (UTC) changes. */
export async function recordReadings(db: Tx, readings: KeyReading[]): Promise<void> {
  if (readings.length === 0) return
  const usedInWindow = (reading: KeyReading) => {
    if (reading.limit === null || reading.limitRemaining === null) return reading.usage
    const used = reading.limit - reading.limitRemaining
    return used < 0n ? 0n : used
  }
  await db.$executeRaw`
    with reading as (
      select * from unnest(${readings.map((r) => r.keyHash)}::text[], ${readings.map((r) => decimalStringFromNano(r.usage))}::numeric[],
        ${readings.map((r) => decimalStringFromNano(usedInWindow(r)))}::numeric[], ${readings.map((r) => r.disabled)}::bool[]) as r(hash, usage, used, disabled)),
    aimed as (
      select reading.*, case c.limit_reset when 'daily' then date_trunc('day', now(), 'UTC') when 'weekly' then date_trunc('week', now(), 'UTC')
        when 'monthly' then date_trunc('month', now(), 'UTC') end as window_start
      from reading join keymint.workshop_attendance c on c.or_key_hash = reading.hash)
    update keymint.workshop_attendance c
    set usage_usd = greatest(c.usage_usd, aimed.usage),
        window_used_usd = case when c.window_started_at is not distinct from aimed.window_start then greatest(c.window_used_usd, aimed.used) else aimed.used end,
        window_started_at = aimed.window_start, usage_synced_at = now(), upstream_disabled = aimed.disabled, upstream_missing_at = null
    from aimed where c.or_key_hash = aimed.hash`
}

/** After the end, and a reading two minutes later, a claim has committed what it used; the rest returns to the pool. */
async function settleEnded(ctx: Ctx): Promise<void> {
  const due = await ctx.db.$queryRaw<{ claimId: string; usageUsd: string; workshopSlug: string }[]>`
    select claim_id as "claimId", usage_usd::text as "usageUsd", workshop_slug as "workshopSlug" from keymint.workshop_attendance
    where state = 'ended' and settled_at is null and usage_synced_at >= ended_at + make_interval(secs => ${settleAfterSeconds}::int)
    order by claim_id limit 500`
  for (const claim of due) {
    await ctx.db.$transaction(async (tx) => {
      const changed = await tx.$executeRaw`
        update keymint.workshop_attendance set settled_at = now() where claim_id = ${claim.claimId}::uuid and state = 'ended' and settled_at is null`
      if (changed !== 1) return
      await recordAudit(tx, { actor: 'worker', action: 'claim.settled', subject: `claim:${claim.claimId}`, workshopSlug: claim.workshopSlug, details: { usedUsd: claim.usageUsd } })
      await setClaimCommitted(tx, claim.claimId, nanoFromDecimalString(claim.usageUsd), { freeSeat: false })
    })
  }
}

/**
 * Usage: what the provider says a key has used, copied into the database. Counters upstream may lag and disagree
 * between calls, so the largest reading of a window is kept, and every figure carries the time it was read.
 */
import type { Tx } from '~/adapters/db.server'
import { decimalStringFromNano, nanoFromDecimalString, type NanoUsd } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { setClaimCommitted } from '../pool/pool.server'
import { markRetiredMissing, recordRetiredReadings, settleRetired } from './retired-usage.server'

export type KeyReading = { keyHash: string; limit: NanoUsd | null; limitRemaining: NanoUsd | null; usage: NanoUsd; disabled: boolean }

/** A reading this long after the end is the last word: requests in flight have been counted by then. */
const settleAfterSeconds = 120
/** A key that the provider no longer has this long after its end will not be read again: its last reading is the last word. */
const settleMissingAfterSeconds = 300

/** Reads the usage of all held keys and keeps it; asks nothing upstream when no key is live or waits to be settled. */
export async function syncUsage(ctx: Ctx): Promise<{ keys: number }> {
  const held = await ctx.db.$queryRaw<{ hash: string; live: boolean; askedAt: Date }[]>`
    select key_hash as hash, live, now() as "askedAt" from keymint.held_keys where live or (ended_at is not null and settled_at is null)`
  const askedAt = held[0]?.askedAt
  if (!askedAt) return { keys: 0 }
  const wanted = new Set(held.map((key) => key.hash))
  const found = (await ctx.provider.listKeys()).filter((key) => wanted.has(key.hash))
  const listed = new Set(found.map((key) => key.hash))
  // Absence from a list may be a page that shifted: the key itself is asked for before it counts as gone.
  for (const { hash } of held.filter((key) => !key.live && !listed.has(key.hash))) {
    const key = await ctx.provider.findKey(hash)
    if (key) found.push(key)
    else {
      await ctx.db.$executeRaw`update keymint.workshop_attendance set upstream_missing_at = coalesce(upstream_missing_at, now()) where or_key_hash = ${hash}`
      await markRetiredMissing(ctx.db, hash)
    }
  }
  await recordReadings(ctx.db, found.map((key) => ({ keyHash: key.hash, limit: key.limit, limitRemaining: key.limitRemaining, usage: key.usage, disabled: key.disabled })), askedAt)
  await settleEnded(ctx)
  await settleRetired(ctx)
  return { keys: found.length }
}

/**
 * Keeps readings: usage only grows; what is used in a window grows until the window (UTC) changes. `askedAt`, by
 * Postgres's clock, is when the provider was asked: a list that was asked for before midnight and kept after it
 * must not count yesterday's use in today's window. `window: false` is for a limit that says nothing about the window.
 */
export async function recordReadings(db: Tx, readings: KeyReading[], askedAt: Date, options: { window: boolean } = { window: true }): Promise<void> {
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
      select reading.*, case c.limit_reset when 'daily' then date_trunc('day', ${askedAt}::timestamptz, 'UTC') when 'weekly' then date_trunc('week', ${askedAt}::timestamptz, 'UTC')
        when 'monthly' then date_trunc('month', ${askedAt}::timestamptz, 'UTC') end as window_start
      from reading join keymint.workshop_attendance c on c.or_key_hash = reading.hash)
    update keymint.workshop_attendance c
    set usage_usd = greatest(c.usage_usd, aimed.usage),
        window_used_usd = case when not ${options.window} then c.window_used_usd when c.window_started_at is not distinct from aimed.window_start then greatest(c.window_used_usd, aimed.used)
          when c.window_started_at > aimed.window_start then c.window_used_usd else aimed.used end,
        window_started_at = case when ${options.window} then greatest(c.window_started_at, aimed.window_start) else c.window_started_at end, usage_synced_at = greatest(c.usage_synced_at, ${askedAt}::timestamptz), upstream_disabled = aimed.disabled, upstream_missing_at = null
    from aimed where c.or_key_hash = aimed.hash`
  await recordRetiredReadings(db, readings, askedAt)
}

/**
 * After the end, and a reading two minutes later, a claim has committed what it used; the rest returns to the pool. A key
 * that did not end by itself counts as ended when the provider has confirmed that it is off. What was taken or given
 * back frees its seat.
 */
async function settleEnded(ctx: Ctx): Promise<void> {
  const due = await ctx.db.$queryRaw<{ claimId: string }[]>`
    select claim_id as "claimId" from (
      select claim_id, usage_synced_at, upstream_missing_at,
        case when reason = 'expired' then ended_at else least(coalesce(disable_confirmed_at, 'infinity'), greatest(ended_at, expires_at)) end as over_at
      from keymint.workshop_attendance where state = 'ended' and settled_at is null) ended
    where usage_synced_at >= over_at + make_interval(secs => ${settleAfterSeconds}::int)
      or (upstream_missing_at is not null and now() >= over_at + make_interval(secs => ${settleMissingAfterSeconds}::int))
    order by claim_id limit 500`
  for (const { claimId } of due) {
    await ctx.db.$transaction(async (tx) => {
      const [settled] = await tx.$queryRaw<{ usageUsd: string; workshopSlug: string; reason: string }[]>`
        update keymint.workshop_attendance set settled_at = now() where claim_id = ${claimId}::uuid and state = 'ended' and settled_at is null
        returning usage_usd::text as "usageUsd", workshop_slug as "workshopSlug", reason`
      if (!settled) return
      await recordAudit(tx, { actor: 'worker', action: 'claim.settled', subject: `claim:${claimId}`, workshopSlug: settled.workshopSlug, details: { usedUsd: settled.usageUsd } })
      await setClaimCommitted(tx, claimId, nanoFromDecimalString(settled.usageUsd), { freeSeat: settled.reason === 'revoked' || settled.reason === 'given-back' })
    })
  }
}

/**
 * The use of keys on their way out. A retired key is read until a reading two minutes after it was
 * off; then its claim has committed what it used. What was used beyond what was kept for it is
 * charged and said, never hidden.
 */
import type { Tx } from '~/adapters/db.server'
import { decimalStringFromNano, nanoFromDecimalString } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { KeyReading } from './usage.server'

const settleAfterSeconds = 120
const settleMissingAfterSeconds = 300

/**
 * Keeps readings of retired keys, and the sum of them on their claims. Other keys are passed over.
 */
export async function recordRetiredReadings(
  db: Tx,
  readings: KeyReading[],
  askedAt: Date,
): Promise<void> {
  const touched = await db.$queryRaw<{ ownerId: string }[]>`
    update keymint.retired_keys r
    set usage_usd = greatest(r.usage_usd, reading.usage),
      usage_synced_at = greatest(r.usage_synced_at, ${askedAt}::timestamptz), upstream_missing_at = null
    from unnest(${readings.map((r) => r.keyHash)}::text[],
      ${readings.map((r) => decimalStringFromNano(r.usage))}::numeric[]) as reading(hash, usage)
    where r.key_hash = reading.hash and r.owner_kind = 'claim' returning r.owner_id as "ownerId"`
  if (touched.length === 0) return
  await db.$executeRaw`
    update keymint.workshop_attendance c set prior_usage_usd = former.usage
    from (select owner_id, sum(usage_usd) as usage from keymint.retired_keys where owner_kind = 'claim'
      and owner_id = any(${touched.map((row) => row.ownerId)}::uuid[]) group by owner_id) former
    where c.claim_id = former.owner_id and c.prior_usage_usd <> former.usage`
}

/** The provider says that this retired key is gone. */
export async function markRetiredMissing(db: Tx, hash: string): Promise<void> {
  await db.$executeRaw`
    update keymint.retired_keys set upstream_missing_at = coalesce(upstream_missing_at, now())
      where key_hash = ${hash}`
}

/** Settles every retired key that is off and has been read since. */
export async function settleRetired(ctx: Ctx): Promise<void> {
  const due = await ctx.db.$queryRaw<{ hash: string; claimId: string }[]>`
    select key_hash as hash, owner_id as "claimId" from (
      select *, least(coalesce(disabled_at, 'infinity'), expires_at) as over_at from keymint.retired_keys
        where settled_at is null and owner_kind = 'claim') retired
    where usage_synced_at >= over_at + make_interval(secs => ${settleAfterSeconds}::int)
      or (upstream_missing_at is not null
        and now() >= over_at + make_interval(secs => ${settleMissingAfterSeconds}::int))
    order by owner_id, generation limit 500`
  for (const { hash, claimId } of due) {
    await ctx.db.$transaction(async (tx) => {
      await tx.$executeRaw`
        select 1 from keymint.workshop_attendance where claim_id = ${claimId}::uuid for update`
      const changed = await tx.$executeRaw`
          update keymint.retired_keys set settled_at = now() where key_hash = ${hash} and settled_at is null`
      if (changed === 1) await chargeRetired(tx, hash, 'key.settled')
    })
  }
}

/**
 * For a reading that came after the settling and is larger: the claim and its pool are charged with
 * the difference. Does nothing when there is none. The key is one that a claim held, ended or
 * retired.
 */
export async function chargeLate(tx: Tx, keyHash: string): Promise<void> {
  const [claim] = await tx.$queryRaw<{ claimId: string; workshopSlug: string; more: string }[]>`
    select claim_id as "claimId", workshop_slug as "workshopSlug",
      (usage_usd - (committed_usd - prior_committed_usd))::text as more
    from keymint.workshop_attendance where or_key_hash = ${keyHash} and settled_at is not null for update`
  if (!claim) {
    await tx.$executeRaw`
      select 1 from keymint.workshop_attendance
        where claim_id = (select owner_id from keymint.retired_keys where key_hash = ${keyHash}
        and owner_kind = 'claim') for update`
    return chargeRetired(tx, keyHash, 'key.charged-late')
  }
  if (nanoFromDecimalString(claim.more) <= 0n) return
  await recordAudit(tx, {
    actor: 'worker',
    action: 'claim.charged-late',
    subject: `claim:${claim.claimId}`,
    scope: claim.workshopSlug,
    details: { overrunUsd: claim.more },
  })
  await tx.$executeRaw`
    with claim as (update keymint.workshop_attendance set committed_usd = committed_usd + ${claim.more}::numeric
      where claim_id = ${claim.claimId}::uuid)
    update keymint.pools set committed_usd = committed_usd + ${claim.more}::numeric
      where workshop_slug = ${claim.workshopSlug}`
}

/**
 * A settled retired key has committed what it used; claim and pool move by the difference, up or
 * down.
 */
async function chargeRetired(
  tx: Tx,
  hash: string,
  action: 'key.settled' | 'key.charged-late',
): Promise<void> {
  const [key] = await tx.$queryRaw<
    { claimId: string; scope: string; usage: string; difference: string }[]
  >`
    select owner_id as "claimId", scope, usage_usd::text as usage,
      (usage_usd - committed_usd)::text as difference
    from keymint.retired_keys where key_hash = ${hash} and settled_at is not null and owner_kind = 'claim'`
  if (!key) return
  const difference = nanoFromDecimalString(key.difference)
  if (difference <= 0n && action === 'key.charged-late') return
  await tx.$executeRaw`update keymint.retired_keys set committed_usd = usage_usd where key_hash = ${hash}`
  const details = {
    keyHash: hash,
    usedUsd: key.usage,
    ...(difference > 0n
      ? { overrunUsd: key.difference }
      : { returnedUsd: decimalStringFromNano(-difference) }),
  }
  await recordAudit(tx, {
    actor: 'worker',
    action,
    subject: `claim:${key.claimId}`,
    scope: key.scope,
    details,
  })
  await tx.$executeRaw`
    with claim as (
      update keymint.workshop_attendance
        set committed_usd = committed_usd + ${key.difference}::numeric,
        prior_committed_usd = prior_committed_usd + ${key.difference}::numeric
      where claim_id = ${key.claimId}::uuid)
    update keymint.pools set committed_usd = committed_usd + ${key.difference}::numeric
      where workshop_slug = ${key.scope}`
}

/** The rows of a first claim: by a pre-minted key, or with a request for one. */
import { randomUUID } from 'node:crypto'
import { Prisma, type Tx } from '~/adapters/db.server'
import { decimalStringFromNano, type NanoUsd } from '~/money'
import type { AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { deploymentAccount } from '../keys/accounts.server'
import { sendMint } from '../keys/want.server'
import { ahead, windowStart } from '../keys/windows'
import { committedFor } from '../money/committed'
import { PoolIsFull, reserve } from '../money/pool.server'
import { capsOf } from '../workshop/worst-case'
import { keyExpiryFor } from '../workshop/workshop'
import type { Workshop } from '../workshop-file'
import type { Claimant } from './admission'
import { newClaim } from './claim-row.server'
import { requireEntry } from './entry.server'
import { recordOptIn } from './opt-in.server'
import { takeSpare } from './take-spare.server'
import { isLineAhead, LineIsAhead } from './waitlist.server'

/** `entry` holds the person to the rules of entry; staff who claim for somebody are not. */
export type ClaimTerms = { optIn: boolean; actor: AuditActor; entry?: { code: string | null } }

/**
 * Takes a pre-minted key where there is one, else requests one. Null when the row exists, or minting
 * is paused: then nothing is written.
 */
export async function insertClaim(
  ctx: Ctx,
  tx: Tx,
  workshop: Workshop,
  person: Claimant,
  terms: ClaimTerms & { evenUnbound: boolean },
): Promise<string | null> {
  if (terms.entry && workshop.waitlist && (await isLineAhead(tx, { workshopSlug: workshop.slug })))
    throw new LineIsAhead()
  if (terms.entry) await requireEntry(ctx, tx, workshop, person, terms.entry.code)
  const taken = await takeSpare(ctx, tx, workshop, person, terms)
  if (!taken) return requestClaim(ctx, tx, workshop, person, terms)
  // The money has been reserved since the key was requested; the seat has not.
  await endClaiming(ctx, tx, workshop, person, { ...terms, amount: 0n })
  return taken.claimId
}

/** What every claim ends with: the person's consent, and last of all the pool. */
async function endClaiming(
  ctx: Ctx,
  tx: Tx,
  workshop: Workshop,
  person: Claimant,
  { optIn, amount }: { optIn: boolean; amount: NanoUsd },
): Promise<void> {
  if (optIn && workshop.marketingOptIn !== null) await recordOptIn(tx, person.userId, workshop.slug)
  if (!(await reserve(tx, workshop.slug, amount, capsOf(workshop, ctx.settings))))
    throw new PoolIsFull()
}

async function requestClaim(
  ctx: Ctx,
  tx: Tx,
  workshop: Workshop,
  person: Claimant,
  { optIn, actor }: ClaimTerms,
): Promise<string | null> {
  const now = ctx.now()
  const expiresAt = keyExpiryFor(workshop, now)
  const committed = committedFor({
    keyLimit: workshop.keyLimit,
    reset: workshop.keyLimitReset,
    from: now,
    expiresAt,
  })
  const [claimId, mintId, keyId] = [randomUUID(), randomUUID(), randomUUID()]
  const held = Prisma.sql`${decimalStringFromNano(committed)}::numeric`
  const windows = [
    { startsAt: windowStart('reset', workshop.keyLimitReset, now), reserved: workshop.keyLimit },
    { startsAt: ahead, reserved: committed - workshop.keyLimit },
  ].filter(({ reserved }) => reserved > 0n)
  const details = {
    limitUsd: decimalStringFromNano(workshop.keyLimit),
    committedUsd: decimalStringFromNano(committed),
    expiresAt: expiresAt.toISOString(),
  }
  // Claim, mint and audit in one statement: a workshop claims at once, and each round trip counts a
  // hundredfold.
  const inserted = await tx.$executeRaw`
    with claim as (
      ${newClaim(workshop, person, { claimId, state: 'pending', committed: held, at: now })}
      where paused_at is null
      on conflict do nothing returning *),
    mint as (
      insert into keymint.mints (id, holder_kind, holder_id, generation, scope, account, limit_usd, limit_reset,
        expires_at, allowed_models)
      select ${mintId}::uuid, 'claim', claim_id, generation, workshop_slug, ${deploymentAccount}::uuid, limit_usd,
        limit_reset, expires_at, allowed_models from claim),
    key as (
      insert into keymint.keys (id, installation, holder_kind, holder_id, generation, account, scope, mint_id,
        expires_at, limit_usd, limit_reset, wants_guardrail)
      select ${keyId}::uuid, ${ctx.installationId}, 'claim', claim_id, generation, ${deploymentAccount}::uuid,
        workshop_slug, ${mintId}::uuid, expires_at, limit_usd, limit_reset, true from claim),
    windows as (
      insert into keymint.key_windows (key_id, starts_at, reserved_usd)
      select ${keyId}::uuid, w.starts_at, w.reserved from claim
      cross join unnest(${windows.map((one) => one.startsAt)}::timestamptz[],
        ${windows.map((one) => decimalStringFromNano(one.reserved))}::numeric[]) as w(starts_at, reserved))
    insert into keymint.audit_events (actor, action, subject, workshop_slug, details)
    select ${actor}, 'claim.made', 'claim:' || claim_id, workshop_slug, ${JSON.stringify(details)}::jsonb
      from claim`
  if (inserted !== 1) return null
  await sendMint(ctx, tx, { mintId, account: deploymentAccount })
  await endClaiming(ctx, tx, workshop, person, { optIn, amount: committed })
  return claimId
}

/**
 * A claim is one person's request for one key in one workshop.
 * Guarantee: one row per person and workshop, and per verified address and workshop, held by the database's
 * keys and not by this code. Row, mint, job, audit and pool change in one transaction or not at all.
 */
import { randomUUID } from 'node:crypto'
import { isUniqueViolation, type Tx } from '~/adapters/db.server'
import { decimalStringFromNano } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { committedFor } from '../pool/committed'
import { capsOf, reserve } from '../pool/pool.server'
import { keyExpiryFor, type Workshop } from '../workshop/workshop'
import { admit, type AdmissionRefusal, type Claimant } from './admission'

export type RefusedReason = AdmissionRefusal | 'paused' | 'full' | 'email-already-claimed' | 'no-such-workshop'
export type ClaimOutcome =
  | { kind: 'queued'; claimId: string }
  | { kind: 'already-claimed'; claimId: string }
  | { kind: 'refused'; reason: RefusedReason }

class PoolIsFull extends Error {}

/** Claims a key. Clicking again, from anywhere and at once, answers with the same claim. */
export async function claimKey(ctx: Ctx, input: { workshopSlug: string; person: Claimant; optIn: boolean }): Promise<ClaimOutcome> {
  const outcome = await ctx.limitClaims(() => claimNow(ctx, input))
  ctx.metrics.countClaim(outcome.kind === 'refused' ? outcome.reason : outcome.kind)
  return outcome
}

async function claimNow(ctx: Ctx, input: { workshopSlug: string; person: Claimant; optIn: boolean }): Promise<ClaimOutcome> {
  const { workshopSlug, person } = input
  const workshop = ctx.workshops.workshops.get(workshopSlug)
  const now = ctx.now()
  const refusal = workshop ? admit({ workshop, person, provisioningEnabled: ctx.settings.provisioningEnabled, maxTotalKeys: ctx.settings.maxTotalKeys, now }) : 'no-such-workshop'
  if (!workshop || refusal) return (await readStanding(ctx, workshopSlug, person.userId)).own ?? { kind: 'refused', reason: refusal ?? 'no-such-workshop' }
  try {
    const claimId = await ctx.db.$transaction((tx) => makeClaim(ctx, tx, workshop, person, input.optIn, now))
    if (claimId) return { kind: 'queued', claimId }
  } catch (error) {
    if (error instanceof PoolIsFull) return { kind: 'refused', reason: 'full' }
    if (!isUniqueViolation(error)) throw error
  }
  // No row inserted: this person's other click was faster, or minting is paused, or somebody else holds this address here.
  const { own, paused } = await readStanding(ctx, workshopSlug, person.userId)
  return own ?? { kind: 'refused', reason: paused ? 'paused' : 'email-already-claimed' }
}

async function readStanding(ctx: Ctx, workshopSlug: string, userId: string): Promise<{ own: ClaimOutcome | null; paused: boolean }> {
  const [row] = await ctx.db.$queryRaw<{ claimId: string | null; paused: boolean }[]>`
    select gate.paused_at is not null as paused, c.claim_id as "claimId" from keymint.mint_gate gate
    left join keymint.workshop_attendance c on c.user_id = ${userId} and c.workshop_slug = ${workshopSlug}`
  return { own: row?.claimId ? { kind: 'already-claimed', claimId: row.claimId } : null, paused: row?.paused ?? false }
}

/** Null when the row is there already, or minting is paused: nothing is written then. */
async function makeClaim(ctx: Ctx, tx: Tx, workshop: Workshop, person: Claimant, optIn: boolean, now: Date): Promise<string | null> {
  const expiresAt = keyExpiryFor(workshop, now)
  const committed = committedFor({ keyLimit: workshop.keyLimit, reset: workshop.keyLimitReset, from: now, expiresAt })
  const claimId = randomUUID()
  const mintId = randomUUID()
  const details = { limitUsd: decimalStringFromNano(workshop.keyLimit), committedUsd: decimalStringFromNano(committed), expiresAt: expiresAt.toISOString() }
  // Claim, mint and audit in one statement: a room claims at once, and every round trip counts a hundredfold.
  const inserted = await tx.$executeRaw`
    with claim as (
      insert into keymint.workshop_attendance
        (user_id, workshop_slug, claim_id, email_normalized, provider, committed_usd, limit_usd, limit_reset, expires_at, allowed_models, counts_in_total, cooldown_ms)
      select ${person.userId}, ${workshop.slug}, ${claimId}::uuid, ${person.emailNormalized}, ${person.provider}, ${details.committedUsd}::numeric,
        ${details.limitUsd}::numeric, ${workshop.keyLimitReset}, ${expiresAt}::timestamptz, ${workshop.allowedModels}::text[],
        ${workshop.kind === 'giveaway'}, ${workshop.kind === 'giveaway' ? (workshop.cooldownMs ?? 0) : null}::bigint
      from keymint.mint_gate where paused_at is null
      on conflict do nothing returning *),
    mint as (
      insert into keymint.mints (id, owner_kind, owner_id, generation, scope, limit_usd, limit_reset, expires_at, allowed_models)
      select ${mintId}::uuid, 'claim', claim_id, generation, workshop_slug, limit_usd, limit_reset, expires_at, allowed_models from claim)
    insert into keymint.audit_events (actor, action, subject, workshop_slug, details)
    select 'user:' || user_id, 'claim.made', 'claim:' || claim_id, workshop_slug, ${JSON.stringify(details)}::jsonb from claim`
  if (inserted !== 1) return null
  await sendMint(ctx, tx, mintId)
  if (optIn && workshop.marketingOptIn !== null) await recordOptIn(tx, person.userId, workshop.slug)
  if (!(await reserve(tx, workshop.slug, committed, capsOf(workshop, ctx.settings)))) throw new PoolIsFull()
  return claimId
}

/** Writes the mint of the claim's present generation, a snapshot of its row, and its job. */
export async function queueMint(ctx: Ctx, tx: Tx, claim: { claimId: string; generation: number; workshopSlug: string }): Promise<string> {
  const mintId = randomUUID()
  await tx.$executeRaw`
    insert into keymint.mints (id, owner_kind, owner_id, generation, scope, limit_usd, limit_reset, expires_at, allowed_models)
    select ${mintId}::uuid, 'claim', claim_id, generation, workshop_slug, limit_usd, limit_reset, expires_at, allowed_models
    from keymint.workshop_attendance where claim_id = ${claim.claimId}::uuid and generation = ${claim.generation}::int`
  await sendMint(ctx, tx, mintId)
  return mintId
}

async function sendMint(ctx: Ctx, tx: Tx, mintId: string): Promise<void> {
  if ((await ctx.queue.enqueue(tx, 'mint-key', { mintId }, { singletonKey: mintId })) !== 'queued') throw new Error('a new mint cannot have a job already')
}

/** Opting in keeps its first time and workshop. */
async function recordOptIn(tx: Tx, userId: string, workshopSlug: string): Promise<void> {
  const changed = await tx.$executeRaw`
    update keymint.attendees set marketing_opted_in = true, marketing_opted_in_at = coalesce(marketing_opted_in_at, now()),
      marketing_opted_in_workshop = coalesce(marketing_opted_in_workshop, ${workshopSlug})
    where user_id = ${userId} and not marketing_opted_in`
  if (changed === 1) await recordAudit(tx, { actor: `user:${userId}`, action: 'marketing.opted-in', subject: `user:${userId}`, workshopSlug })
}

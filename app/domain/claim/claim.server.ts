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
import { reserve } from '../pool/pool.server'
import { keyExpiryFor, type Workshop } from '../workshop/workshop'
import { admit, type AdmissionRefusal, type Claimant } from './admission'

export type RefusedReason = AdmissionRefusal | 'full' | 'email-already-claimed' | 'ended' | 'no-such-workshop'
export type ClaimOutcome =
  | { kind: 'queued'; claimId: string }
  | { kind: 'already-claimed'; claimId: string }
  | { kind: 'refused'; reason: RefusedReason }

class PoolIsFull extends Error {}

/** Claims a key. Clicking again, from anywhere and at once, answers with the same claim. */
export async function claimKey(ctx: Ctx, input: { workshopSlug: string; person: Claimant; optIn: boolean }): Promise<ClaimOutcome> {
  const { workshopSlug, person } = input
  const own = await findOwn(ctx, workshopSlug, person.userId)
  if (own) return own
  const workshop = ctx.workshops.workshops.get(workshopSlug)
  if (!workshop) return { kind: 'refused', reason: 'no-such-workshop' }
  const now = ctx.now()
  const gate = await ctx.db.mintGate.findFirst({ select: { pausedAt: true } })
  const refusal = admit({ workshop, person, provisioningEnabled: ctx.settings.provisioningEnabled, paused: gate?.pausedAt != null, now })
  if (refusal) return { kind: 'refused', reason: refusal }

  try {
    const claimId = await ctx.db.$transaction((tx) => makeClaim(ctx, tx, workshop, person, input.optIn, now))
    if (claimId) return { kind: 'queued', claimId }
  } catch (error) {
    if (error instanceof PoolIsFull) return { kind: 'refused', reason: 'full' }
    if (!isUniqueViolation(error)) throw error
  }
  // No row inserted: either this person's other click was faster, or somebody else holds this address here.
  return (await findOwn(ctx, workshopSlug, person.userId)) ?? { kind: 'refused', reason: 'email-already-claimed' }
}

async function findOwn(ctx: Ctx, workshopSlug: string, userId: string): Promise<ClaimOutcome | null> {
  const own = await ctx.db.workshopAttendance.findUnique({ where: { userId_workshopSlug: { userId, workshopSlug } }, select: { claimId: true, state: true } })
  if (!own) return null
  return { kind: 'already-claimed', claimId: own.claimId }
}

/** Null when the row is there already: nothing is written then. */
async function makeClaim(ctx: Ctx, tx: Tx, workshop: Workshop, person: Claimant, optIn: boolean, now: Date): Promise<string | null> {
  const expiresAt = keyExpiryFor(workshop, now)
  const committed = committedFor({ keyLimit: workshop.keyLimit, reset: workshop.keyLimitReset, from: now, expiresAt })
  const claimId = randomUUID()
  const inserted = await tx.$executeRaw`
    insert into keymint.workshop_attendance
      (user_id, workshop_slug, claim_id, email_normalized, provider, committed_usd, limit_usd, limit_reset, expires_at, allowed_models)
    values (${person.userId}, ${workshop.slug}, ${claimId}::uuid, ${person.emailNormalized}, ${person.provider}, ${decimalStringFromNano(committed)}::numeric,
      ${decimalStringFromNano(workshop.keyLimit)}::numeric, ${workshop.keyLimitReset}, ${expiresAt}, ${workshop.allowedModels})
    on conflict do nothing`
  if (inserted !== 1) return null
  await queueMint(ctx, tx, { claimId, generation: 1, workshopSlug: workshop.slug })
  if (optIn && workshop.marketingOptIn !== null) await recordOptIn(tx, person.userId, workshop.slug)
  await recordAudit(tx, {
    actor: `user:${person.userId}`, action: 'claim.made', subject: `claim:${claimId}`, workshopSlug: workshop.slug,
    details: { limitUsd: decimalStringFromNano(workshop.keyLimit), committedUsd: decimalStringFromNano(committed), expiresAt: expiresAt.toISOString() },
  })
  if (!(await reserve(tx, workshop.slug, committed, { limit: workshop.poolLimit, maxKeys: workshop.maxKeys }))) throw new PoolIsFull()
  return claimId
}

/** Writes the mint of the claim's present generation, a snapshot of its row, and its job. */
export async function queueMint(ctx: Ctx, tx: Tx, claim: { claimId: string; generation: number; workshopSlug: string }): Promise<string> {
  const mintId = randomUUID()
  await tx.$executeRaw`
    insert into keymint.mints (id, owner_kind, owner_id, generation, scope, limit_usd, limit_reset, expires_at, allowed_models)
    select ${mintId}::uuid, 'claim', claim_id, generation, workshop_slug, limit_usd, limit_reset, expires_at, allowed_models
    from keymint.workshop_attendance where claim_id = ${claim.claimId}::uuid and generation = ${claim.generation}::int`
  if ((await ctx.queue.enqueue(tx, 'mint-key', { mintId }, { singletonKey: mintId })) !== 'queued') throw new Error('a new mint cannot have a job already')
  return mintId
}

/** Opting in keeps its first time and workshop. */
async function recordOptIn(tx: Tx, userId: string, workshopSlug: string): Promise<void> {
  const changed = await tx.$executeRaw`
    update keymint.attendees set marketing_opted_in = true, marketing_opted_in_at = coalesce(marketing_opted_in_at, now()),
      marketing_opted_in_workshop = coalesce(marketing_opted_in_workshop, ${workshopSlug})
    where user_id = ${userId} and not marketing_opted_in`
  if (changed === 1) await recordAudit(tx, { actor: `user:${userId}`, action: 'marketing.opted-in', subject: `user:${userId}`, workshopSlug })
}

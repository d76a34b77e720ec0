/**
 * A claim takes a pre-minted key: the key's row, its money and a seat change hands in the
 * transaction of the claim, which is ready in the same moment. Guarantee: a spare goes to one claim,
 * because its row is locked and changes state once; and only with the terms that the claim would get
 * if its key were made now. The key's row stays the row that it was, so its secret stays sealed to it.
 */
import { randomUUID } from 'node:crypto'
import { Prisma, type Tx } from '~/adapters/db.server'
import { decimalStringFromNano } from '~/money'
import type { AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { deploymentAccount } from '../keys/accounts.server'
import { book } from '../keys/want.server'
import { windowStart } from '../keys/windows'
import { PoolIsFull } from '../money/pool.server'
import { capsOf } from '../workshop/worst-case'
import type { Workshop } from '../workshop-file'
import type { Claimant } from './admission'
import { holderOf, newClaim } from './claim-row.server'

/** A spare (`s`) is what a claim of this workshop would get now, and `k` is its key. */
export const fitsFile = (workshop: Workshop) => Prisma.sql`
  s.limit_usd = ${decimalStringFromNano(workshop.keyLimit)}::numeric
  and s.limit_reset is not distinct from ${workshop.keyLimitReset}
  and s.expires_at = ${workshop.keyExpiresAt}::timestamptz
  and s.allowed_models = ${workshop.allowedModels}::text[] and k.account = ${deploymentAccount}::uuid`

/** Nothing has ever been wrong with the key `k`, and nobody has used it. */
export const isSound = Prisma.sql`k.off_staff_at is null and k.off_cap_at is null and k.off_person_at is null
  and k.off_runaway_at is null and k.off_ended_at is null and k.off_replaced_at is null and not k.seen_off
  and k.missing_at is null and k.closed_at is null and not k.delete_wanted and k.used_usd = 0 and not k.bind_set_aside
  and (k.saved_at is null or k.sealed is not null)`

/** It is there, as it is wanted, and no call about it is out or in doubt. */
const isAtRest = Prisma.sql`k.saved_at is not null and k.revision = k.seen_revision
  and k.call_sent_at is null and k.doubt_until is null
  and abs(k.seen_limit_usd - k.limit_usd) <= 0.000001 and k.seen_byok is distinct from false
  and k.seen_reset is not distinct from k.limit_reset`

/** Assigned to the guardrail that this workshop has now. */
const isAssigned = Prisma.sql`k.guardrail_at is not null and exists (
  select 1 from keymint.guardrails g where g.workshop_slug = s.workshop_slug and g.guardrail_id = k.guardrail_id)`

/**
 * Claims with a pre-minted key, but for the seat, which the caller reserves last. `evenUnbound`: one
 * that is not assigned yet will do, as it does for a key that was made for its claim. Null: there is
 * none to take, minting is paused, or the person has a claim; nothing is written then.
 */
export async function takeSpare(
  ctx: Ctx,
  tx: Tx,
  workshop: Workshop,
  person: Claimant,
  { actor, evenUnbound }: { actor: AuditActor; evenUnbound: boolean },
): Promise<{ claimId: string } | null> {
  if (workshop.premint === null || workshop.keyExpiresAt === null) return null
  const claimId = randomUUID()
  const held = Prisma.sql`spare.committed_usd`
  const assigned = evenUnbound ? Prisma.sql`true` : isAssigned
  const taken = await tx.$queryRaw<{ mintId: string }[]>`
    with spare as (
      select s.id, s.committed_usd, k.id as key_id, k.mint_id from keymint.spares s
      join keymint.keys k on k.holder_kind = 'spare' and k.holder_id = s.id
      join keymint.accounts a on a.id = k.account and a.parked_at is null
      where s.workshop_slug = ${workshop.slug} and s.state = 'ready' and k.installation = ${ctx.installationId}
        and ${fitsFile(workshop)} and ${isSound} and ${isAtRest} and ${assigned}
      limit 1 for update of s, k skip locked),
    person as (
      select 1 from keymint.attendees where user_id = ${person.userId} and banned_at is null for key share),
    claim as (
      ${newClaim(workshop, person, { claimId, state: 'ready', committed: held, at: ctx.now() })}, spare, person
      where paused_at is null
      on conflict do nothing returning *),
    given as (
      update keymint.spares s set state = 'taken', claim_id = claim.claim_id, committed_usd = 0,
        ended_at = keymint.now()
      from spare, claim where s.id = spare.id),
    mint as (
      update keymint.mints m set holder_kind = 'claim', holder_id = claim.claim_id
      from spare, claim where m.id = spare.mint_id),
    key as (
      update keymint.keys k set holder_kind = 'claim', holder_id = claim.claim_id, version = version + 1
      from spare, claim where k.id = spare.key_id returning k.hash, k.label),
    told as (
      insert into keymint.audit_events (actor, action, subject, workshop_slug, details)
      select ${actor}, e.action, 'claim:' || claim.claim_id, claim.workshop_slug, e.details
      from claim, spare, key, lateral (values
        ('claim.made', jsonb_build_object('limitUsd', claim.limit_usd::text,
          'committedUsd', claim.committed_usd::text, 'expiresAt', ${workshop.keyExpiresAt.toISOString()}::text)),
        ('spare.taken', jsonb_build_object('spareId', spare.id, 'keyHash', key.hash, 'label', key.label))
      ) e(action, details))
    select spare.mint_id as "mintId" from spare, claim`
  if (taken.length === 0) return null
  if (workshop.keyLimitReset !== null) await beginWindows(ctx, tx, workshop, claimId, actor)
  return { claimId }
}

/** Windows that passed while the key waited cost nothing: a claim holds money from its own day on. */
async function beginWindows(
  ctx: Ctx,
  tx: Tx,
  workshop: Workshop,
  claimId: string,
  actor: AuditActor,
): Promise<void> {
  const start = windowStart('reset', workshop.keyLimitReset, ctx.now())
  await tx.$executeRaw`
    delete from keymint.key_windows w using keymint.keys k
    where k.id = w.key_id and k.holder_kind = 'claim' and k.holder_id = ${claimId}::uuid
      and w.starts_at < ${start}::timestamptz and w.used_usd = 0`
  const reserve = { caps: capsOf(workshop, ctx.settings), takeSeat: false }
  const why = 'a pre-minted key was claimed'
  if (!(await book(ctx, tx, holderOf({ claimId }), { actor, why, reserve }))) throw new PoolIsFull()
}

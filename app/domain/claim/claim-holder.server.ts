/** The claim's side of minting: what the engine does to a row of workshop_attendance. */
import type { Holder } from '../holder'
import { unendedClaim } from '../live-claim.server'
import { Prisma } from '~/adapters/db.server'
import { auditInsert } from '../audit/audit.server'
import { startClaimBulk } from './claim-actions.server'
import { setClaimCommitted } from '../money/pool.server'

const maxClaimsOfOnePerson = 1_000

/** The place a claim's key is sealed to. */
export const claimKeyPlace = (claimId: string, generation: number) => ({
  table: 'workshop_attendance',
  row: claimId,
  generation,
})

export const claimHolder: Holder = {
  place: ({ ownerId, generation }) => claimKeyPlace(ownerId, generation),

  async lock(tx, { ownerId }) {
    await tx.$executeRaw`
      select 1 from keymint.workshop_attendance where claim_id = ${ownerId}::uuid for update`
  },

  async save(tx, { ownerId, generation }, key) {
    const changed = await tx.$executeRaw`
      update keymint.workshop_attendance
      set state = 'ready', or_key_hash = ${key.hash}, or_key_plaintext = ${key.sealed},
        key_label = ${key.label}, key_saved_at = now()
      where claim_id = ${ownerId}::uuid and generation = ${generation}::int and state = 'pending'`
    return changed === 1
  },

  async refuse(tx, { ownerId, generation }, refusal) {
    const changed = await tx.$executeRaw`
      update keymint.workshop_attendance
        set state = 'refused', reason = ${refusal.reason}, reason_detail = ${refusal.detail}
      where claim_id = ${ownerId}::uuid and generation = ${generation}::int and state = 'pending'`
    if (changed === 1) await setClaimCommitted(tx, ownerId, 0n, { freeSeat: true })
  },

  async markBound(tx, hashes, guardrailId) {
    await tx.$executeRaw`
      with bound as (
        update keymint.workshop_attendance
        set or_guardrail_id = ${guardrailId}, guardrail_attached_at = now(), bind_error = null,
          bind_failed_at = null, bind_set_aside = false
        where or_key_hash = any(${hashes}) and guardrail_attached_at is null returning claim_id, workshop_slug)
      ${auditInsert({
        actor: 'worker',
        action: 'key.bound',
        subject: Prisma.sql`'claim:' || claim_id`,
        scope: Prisma.sql`workshop_slug`,
        details: { guardrailId },
        from: Prisma.sql`bound`,
      })}`
  },

  async markUnbound(tx, hashes, reason, { setAside }) {
    await tx.$executeRaw`
      update keymint.workshop_attendance
      set bind_attempts = bind_attempts + 1, bind_error = ${reason}, bind_failed_at = now(),
        bind_set_aside = bind_set_aside or ${setAside}
      where or_key_hash = any(${hashes}) and guardrail_attached_at is null`
  },

  async markMissing(tx, hashes) {
    await tx.$executeRaw`
      update keymint.workshop_attendance set upstream_missing_at = coalesce(upstream_missing_at, now())
        where or_key_hash = any(${hashes})`
  },

  async markToBind(tx, hashes) {
    await tx.$executeRaw`
      update keymint.workshop_attendance set guardrail_attached_at = null, bind_set_aside = false
        where or_key_hash = any(${hashes}) and state = 'ready'`
  },

  async endAllOf(ctx, tx, { userId, actorUserId, reason }) {
    const started = await startClaimBulk(ctx, tx, {
      action: { kind: 'revoke', mayClaimAgain: false },
      scope: null,
      actorUserId,
      reason,
      caps: null,
      selection: { person: userId },
      max: maxClaimsOfOnePerson,
      subjects: Prisma.sql`
        select 'claim:' || claim_id as subject from keymint.workshop_attendance c
        where user_id = ${userId} and ${unendedClaim} order by attended_at`,
    })
    return started.kind === 'started'
      ? { bulkId: started.bulkId, count: started.count }
      : { bulkId: null, count: 0 }
  },
}

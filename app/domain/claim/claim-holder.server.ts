/** The claim's side of the engine: what it does to a row of workshop_attendance and to the pool. */
import { Prisma } from '~/adapters/db.server'
import { nanoFromDecimalString } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Holder } from '../holder'
import { unendedClaim } from '../live-claim.server'
import { committedOf } from '../keys/windows'
import { reserveForClaim, setClaimCommitted } from '../money/pool.server'
import { startClaimBulk } from './claim-actions.server'

const maxClaimsOfOnePerson = 1_000

export const claimHolder: Holder = {
  async lock(_ctx, tx, { holderId }) {
    await tx.$executeRaw`select 1 from keymint.workshop_attendance where claim_id = ${holderId}::uuid for update`
  },

  async terms(tx, { holderId }) {
    const [claim] = await tx.$queryRaw<{ limit: string }[]>`
      select limit_usd::text as "limit" from keymint.workshop_attendance where claim_id = ${holderId}::uuid`
    return claim ? { cap: nanoFromDecimalString(claim.limit), accounting: 'reset' } : null
  },

  async lockIdle(tx, ids) {
    const claims = await tx.$queryRaw<{ holderId: string; cap: string; committed: string }[]>`
      select claim_id as "holderId", limit_usd::text as cap, committed_usd::text as committed
      from keymint.workshop_attendance where claim_id = any(${[...ids]}::uuid[]) and state = 'ready'
      order by claim_id for update skip locked`
    return claims.map(({ holderId, cap, committed }) => ({
      holderId,
      cap: nanoFromDecimalString(cap),
      committed: nanoFromDecimalString(committed),
    }))
  },

  async ready(tx, { holderId, generation }) {
    const changed = await tx.$executeRaw`
      update keymint.workshop_attendance set state = 'ready'
      where claim_id = ${holderId}::uuid and generation = ${generation}::int and state = 'pending'`
    return changed === 1
  },

  async refuse(tx, { holderId, generation }, refusal) {
    await tx.$executeRaw`
      update keymint.workshop_attendance set state = 'refused', reason = ${refusal.reason},
        reason_detail = ${refusal.detail}
      where claim_id = ${holderId}::uuid and generation = ${generation}::int and state = 'pending'`
  },

  async lowerCap(tx, { holderId }, cap) {
    await tx.$executeRaw`
      update keymint.workshop_attendance set limit_usd = least(limit_usd, ${cap}::numeric)
      where claim_id = ${holderId}::uuid`
  },

  async move(_ctx, tx, { holderId }, { keys, reserve }) {
    const total = keys.reduce((sum, key) => sum + committedOf(key.windows), 0n)
    if (reserve)
      return reserveForClaim(tx, holderId, total, reserve.caps, { takeSeat: reserve.takeSeat })
    // A seat returns when a key that was taken or given back is settled, or was never made.
    const [claim] = await tx.$queryRaw<{ returns: boolean }[]>`
      select seat_freed_at is null and (state = 'refused'
        or (state = 'ended' and reason in ('revoked', 'given-back', 'unused'))) as returns
      from keymint.workshop_attendance where claim_id = ${holderId}::uuid`
    const last = keys.at(-1)
    await setClaimCommitted(tx, holderId, total, {
      freeSeat: (claim?.returns ?? false) && (last === undefined || last.settled || last.neverMade),
    })
    return true
  },

  async expire(ctx, tx, { holderId, generation }) {
    const [ended] = await tx.$queryRaw<{ workshopSlug: string }[]>`
      update keymint.workshop_attendance set state = 'ended', reason = 'expired', ended_at = expires_at
      where claim_id = ${holderId}::uuid and generation = ${generation}::int and state = 'ready'
      returning workshop_slug as "workshopSlug"`
    if (ended)
      await recordAudit(tx, {
        actor: 'worker',
        action: 'claim.expired',
        subject: `claim:${holderId}`,
        scope: ended.workshopSlug,
      })
    return ended !== undefined
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

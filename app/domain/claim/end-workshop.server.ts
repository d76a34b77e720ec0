/**
 * Ending a workshop now. From the commit on no claim is accepted, because the pool itself is closed
 * under its own lock; a bulk action revokes every live key. Rows decide: no file and no restart
 * opens it again.
 */
import { Prisma } from '~/adapters/db.server'
import { recordAudit } from '../audit/audit.server'
import { startClaimBulk } from './claim-actions.server'
import type { Ctx } from '../ctx'
import { unendedClaim } from '../live-claim.server'

const maxClaims = 200_000

export type EndWorkshopOutcome =
  | { kind: 'ended'; bulkId: string | null; count: number }
  | { kind: 'ended-already'; endedAt: string }
  | { kind: 'refused'; reason: 'no-reason' }

export async function endWorkshop(
  ctx: Ctx,
  input: { slug: string; actorUserId: string; reason: string },
): Promise<EndWorkshopOutcome> {
  const { slug, actorUserId } = input
  const reason = input.reason.trim()
  if (reason.length === 0) return { kind: 'refused', reason: 'no-reason' }
  return ctx.db.$transaction(
    async (tx): Promise<EndWorkshopOutcome> => {
      // The lock waits for a claim that holds the pool, so that it is revoked below; a later one
      // finds the pool closed.
      await tx.$executeRaw`
      insert into keymint.pools (workshop_slug, ended_at)
        values (${slug}, now()) on conflict (workshop_slug) do update
        set ended_at = coalesce(keymint.pools.ended_at, now())`
      const ended = await tx.$executeRaw`
      insert into keymint.workshop_ends (slug, ended_by, reason)
        values (${slug}, ${`user:${actorUserId}`}, ${reason}) on conflict do nothing`
      if (ended !== 1)
        return {
          kind: 'ended-already',
          endedAt: (
            await tx.workshopEnd.findUniqueOrThrow({ where: { slug } })
          ).endedAt.toISOString(),
        }
      const started = await startClaimBulk(ctx, tx, {
        action: { kind: 'revoke', mayClaimAgain: false },
        endReason: 'closed',
        scope: slug,
        actorUserId,
        reason,
        caps: null,
        selection: { workshopEnded: slug },
        max: maxClaims,
        subjects: Prisma.sql`
          select 'claim:' || claim_id as subject from keymint.workshop_attendance c where workshop_slug = ${slug}
            and ${unendedClaim} order by attended_at, claim_id`,
      })
      const count = started.kind === 'started' ? started.count : 0
      await recordAudit(tx, {
        actor: `user:${actorUserId}`,
        action: 'workshop.ended',
        subject: `workshop:${slug}`,
        scope: slug,
        details: { reason, claims: count },
      })
      return { kind: 'ended', bulkId: started.kind === 'started' ? started.bulkId : null, count }
    },
    { maxWait: 5_000, timeout: 60_000 },
  )
}

/** How a person stands to a workshop when a claim of theirs wrote nothing, and why. */
import type { Ctx } from '../ctx'
import { mayClaimAgain, type EndedClaim } from './claim-again'

type Snapshot = {
  own: { kind: 'already-claimed'; claimId: string } | null
  paused: boolean
  ended: boolean
  mayClaim: boolean
}

export async function readSnapshot(
  ctx: Ctx,
  workshopSlug: string,
  userId: string,
): Promise<Snapshot> {
  const [row] = await ctx.db.$queryRaw<
    ({
      claimId: string | null
      expiresAt: Date
      paused: boolean
      ended: boolean
      mayClaimAgain: boolean
    } & EndedClaim)[]
  >`
    select gate.paused_at is not null as paused, c.claim_id as "claimId",
      exists (select 1 from keymint.workshop_ends where slug = ${workshopSlug}) as ended,
      c.state, c.reason, c.expires_at as "expiresAt", c.ended_at as "endedAt", c.cooldown_ms as "cooldownMs",
        c.may_claim_again as "mayClaimAgain"
    from keymint.minting gate
    left join keymint.workshop_attendance c on c.user_id = ${userId} and c.workshop_slug = ${workshopSlug}`
  if (!row?.claimId)
    return { own: null, paused: row?.paused ?? false, ended: row?.ended ?? false, mayClaim: false }
  const hasExpired = row.state === 'ready' && row.expiresAt <= ctx.now()
  const facts = hasExpired
    ? { ...row, state: 'ended', reason: 'expired', endedAt: row.expiresAt }
    : row
  return {
    own: { kind: 'already-claimed', claimId: row.claimId },
    paused: row.paused,
    ended: row.ended,
    mayClaim: mayClaimAgain(facts, ctx.now()),
  }
}

/** How many live keys one member may have at once. Owners set it; it is asked under the member's lock. */
import type { Tx } from '~/adapters/db.server'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { requireActiveOwner, requireOpenTeam, teamScope } from '../money/member-lock.server'
import type { MemberRef } from '../money/postings.server'
import { lockTeam } from './team.server'

export const keyCeilings = { min: 1, max: 1000 } as const

/** True when the member has as many keys being made or live as the team allows. */
export async function isAtKeyCeiling(tx: Tx, ref: MemberRef, now: Date): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ full: boolean }[]>`
    select (select count(*) from keymint.api_keys k where k.team_id = t.id and k.user_id = ${ref.userId}
      and k.state in ('pending', 'ready') and k.expires_at > ${now}::timestamptz) >= t.max_live_keys as full
    from keymint.teams t where t.id = ${ref.teamId}::uuid`
  return row?.full === true
}

export async function readKeyCeiling(ctx: Pick<Ctx, 'db'>, teamId: string): Promise<number> {
  const team = await ctx.db.team.findUniqueOrThrow({
    where: { id: teamId },
    select: { maxLiveKeys: true },
  })
  return team.maxLiveKeys
}

/** Sets it, for an active owner. What is above it stays: nobody gets a new key until they are below. */
export async function setKeyCeiling(
  ctx: Ctx,
  input: { teamId: string; slug: string; actorUserId: string; ceiling: number },
): Promise<void> {
  const { teamId, slug, actorUserId, ceiling } = input
  await ctx.db.$transaction(async (tx) => {
    await lockTeam(tx, teamId)
    await requireActiveOwner(tx, teamId, actorUserId)
    await requireOpenTeam(tx, teamId)
    const changed = await tx.$executeRaw`
      update keymint.teams set max_live_keys = ${ceiling}::int
      where id = ${teamId}::uuid and max_live_keys <> ${ceiling}::int`
    if (changed === 1)
      await recordAudit(tx, {
        actor: `user:${actorUserId}`,
        action: 'team.key-ceiling-set',
        subject: `team:${slug}`,
        scope: teamScope(slug),
        details: { liveKeys: ceiling },
      })
  })
}

/** A team's name. Its address stays, so that no link, export or audit entry loses it. */
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { requireActiveOwner, requireOpenTeam, teamScope } from '../money/member-lock.server'
import { isTeamName, lockTeam } from './team.server'

/** False for a name that no team may have. Throws NotAllowed and TeamClosed. */
export async function renameTeam(
  ctx: Ctx,
  input: { teamId: string; slug: string; actorUserId: string; name: string },
): Promise<boolean> {
  const { teamId, slug, actorUserId } = input
  const name = input.name.trim()
  if (!isTeamName(name)) return false
  await ctx.db.$transaction(async (tx) => {
    await lockTeam(tx, teamId)
    await requireActiveOwner(tx, teamId, actorUserId)
    await requireOpenTeam(tx, teamId)
    const [team] = await tx.$queryRaw<{ name: string }[]>`
      select name from keymint.teams where id = ${teamId}::uuid`
    if (!team || team.name === name) return
    await tx.$executeRaw`update keymint.teams set name = ${name} where id = ${teamId}::uuid`
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'team.renamed',
      subject: `team:${slug}`,
      scope: teamScope(slug),
      details: { from: team.name, to: name },
    })
  })
  return true
}

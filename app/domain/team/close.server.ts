/**
 * The end of a team, for good. Guarantee: from the moment it is closed nobody can make a key, invite
 * or add a credential there, and no key that is being made meanwhile stays: a closing either sees it
 * and ends it, or the key is refused. What a crash leaves is ended by the sweep. Books and audit stay.
 */
import type { Tx } from '~/adapters/db.server'
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import {
  openMember,
  requireActiveOwner,
  isTeamClosed,
  teamScope,
} from '../money/member-lock.server'
import type { MemberRef } from '../money/postings.server'
import { endKeysOf, returnFree } from './end-key.server'
import { lockTeam } from './team.server'

export type CloseOutcome = { kind: 'closed' } | { kind: 'refused'; reason: 'closed-already' }

/** Closes a team for one of its active owners. Throws NotAllowed for anybody else. */
export async function closeTeam(
  ctx: Ctx,
  input: { teamId: string; slug: string; actorUserId: string; reason: string },
): Promise<CloseOutcome> {
  const { teamId, slug, actorUserId } = input
  const outcome = await ctx.db.$transaction(async (tx): Promise<CloseOutcome> => {
    await lockTeam(tx, teamId)
    await requireActiveOwner(tx, teamId, actorUserId)
    if (await isTeamClosed(tx, teamId)) return { kind: 'refused', reason: 'closed-already' }
    await tx.$executeRaw`
      update keymint.teams set closed_at = ${ctx.now()}::timestamptz where id = ${teamId}::uuid`
    const invitations = await tx.$executeRaw`
      update keymint.invitations set revoked_at = ${ctx.now()}::timestamptz
      where team_id = ${teamId}::uuid and used_at is null and revoked_at is null`
    await tx.$executeRaw`
      update keymint.budget_requests set state = 'withdrawn', decided_at = ${ctx.now()}::timestamptz
      where team_id = ${teamId}::uuid and state = 'open'`
    // No month to come is allocated; what has been is in the books.
    await tx.$executeRaw`delete from keymint.budgets where team_id = ${teamId}::uuid`
    // They make no key any more. They still disable what there is, and are destroyed after that.
    await tx.$executeRaw`
      update keymint.master_keys set state = 'disabled', disabled_at = ${ctx.now()}::timestamptz
      where team_id = ${teamId}::uuid and state = 'active'`
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'team.closed',
      subject: `team:${slug}`,
      scope: teamScope(slug),
      details: { reason: input.reason, invitations },
    })
    return { kind: 'closed' }
  })
  if (outcome.kind === 'closed') await endClosedTeams(ctx, { teamId, actor: `user:${actorUserId}` })
  return outcome
}

/**
 * Ends what is live in closed teams and takes back what is free, member by member, so that a large
 * team needs no long transaction. Returns how many members had anything. Safe to run again.
 */
export async function endClosedTeams(
  ctx: Ctx,
  options: { teamId?: string; actor?: AuditActor } = {},
): Promise<number> {
  const left = await ctx.db.$queryRaw<MemberRef[]>`
    select m.team_id as "teamId", m.user_id as "userId" from keymint.team_members m
    join keymint.teams t on t.id = m.team_id
    where t.closed_at is not null and (${options.teamId ?? null}::uuid is null
        or t.id = ${options.teamId ?? null}::uuid)
      and (exists (select 1 from keymint.api_keys k where k.team_id = m.team_id and k.user_id = m.user_id
          and k.state in ('pending', 'ready'))
        or exists (select 1 from keymint.budget_months b where b.team_id = m.team_id
          and b.user_id = m.user_id and b.free_usd > 0
          and b.month >= date_trunc('month', ${ctx.now()}::timestamptz)::date))
    order by m.team_id, m.user_id`
  for (const ref of left) {
    try {
      await ctx.db.$transaction((tx) => endMember(ctx, tx, ref, options.actor ?? 'worker'))
    } catch (error) {
      // One member's keys keep nobody else's waiting; the sweep comes back.
      ctx.log.error({ error, ...ref }, 'the keys of a closed team could not be ended')
    }
  }
  return left.length
}

async function endMember(ctx: Ctx, tx: Tx, ref: MemberRef, actor: AuditActor): Promise<void> {
  const member = await openMember(ctx, tx, ref)
  if (!member) return
  await endKeysOf(ctx, tx, member, { actor, reason: 'team-closed' })
  await returnFree(ctx, tx, member, actor, 'the team is closed')
}

export type ClosingView = {
  /** When the team was closed; null while it is open. */
  closedAt: string | null
  /** Keys that can still be used, and what members have asked for. */
  liveKeys: number
  /** Ended keys that the provider has not confirmed as off. */
  notOff: number
  /** Ended keys whose final usage is not known yet. */
  notSettled: number
  invitations: number
  credentials: number
  destroyed: number
}

/** What closing would end, or what is left of a closed team. */
export async function readClosing(ctx: Ctx, teamId: string): Promise<ClosingView> {
  const [row] = await ctx.db.$queryRaw<
    (Omit<ClosingView, 'closedAt'> & { closedAt: Date | null })[]
  >`
    select t.closed_at as "closedAt",
      (select count(*)::int from keymint.api_keys k where k.team_id = t.id and k.state in ('pending', 'ready'))
        as "liveKeys",
      (select count(*)::int from keymint.keys e join keymint.api_keys k on k.id = e.holder_id
        where e.holder_kind = 'sub-key' and k.team_id = t.id and e.saved_at is not null
        and e.closed_at is null and coalesce(e.off_ended_at, e.off_replaced_at) is not null) as "notOff",
      (select count(*)::int from keymint.keys e join keymint.api_keys k on k.id = e.holder_id
        where e.holder_kind = 'sub-key' and k.team_id = t.id and e.saved_at is not null
        and e.closed_at is not null and e.settled_at is null) as "notSettled",
      (select count(*)::int from keymint.invitations i where i.team_id = t.id and i.used_at is null
        and i.revoked_at is null and i.expires_at > ${ctx.now()}::timestamptz) as invitations,
      (select count(*)::int from keymint.master_keys m where m.team_id = t.id and m.sealed is not null)
        as credentials,
      (select count(*)::int from keymint.master_keys m where m.team_id = t.id and m.sealed is null) as destroyed
    from keymint.teams t where t.id = ${teamId}::uuid`
  if (!row) throw new Error('a member looked at a team that is not there')
  return { ...row, closedAt: row.closedAt?.toISOString() ?? null }
}

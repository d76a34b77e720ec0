/**
 * Teams: who is in one, and in which role. Guarantee: an open team always has an active owner, because
 * every change that could take away the last one locks the team's row and counts first; and whoever
 * changes a member is an active owner at that moment, not only when the page was read.
 */
import type { Tx } from '~/adapters/db.server'
import { isUniqueViolation } from '~/adapters/db.server'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import {
  isTeamClosed,
  openMember,
  requireActiveOwner,
  teamScope,
  type MemberRole,
  type MemberState,
} from '../money/member-lock.server'
import type { MemberRef } from '../money/postings.server'
import { mayHoldKeys, type PersonRole } from '../money/roles'
import { endKeysOf, returnFree } from './end-key.server'

export type Membership = {
  teamId: string
  slug: string
  name: string
  role: MemberRole
  state: Exclude<MemberState, 'removed'>
  /** When the team was closed, for good; null while it is open. */
  closedAt: string | null
  waits: Waits
}

/** What waits for this person, for the marks in the navigation. */
export type Waits = {
  /** Open budget requests, for who decides them. */
  requests: number
  /** Decisions about their own requests that they have not seen. */
  decisions: number
}

export type CreateOutcome =
  | { kind: 'created'; slug: string }
  | { kind: 'refused'; reason: 'bad-name' | 'bad-slug' | 'slug-taken' | 'too-many' | 'banned' }

const maxTeamsMade = 20
const slugPattern = /^[a-z0-9]+(-[a-z0-9]+)*$/

/** 1 to 80 characters, without spaces around. */
export const isTeamName = (name: string) => name !== '' && [...name].length <= 80

/** Makes a team with `person` as its first owner. A refusal changes nothing. */
export async function createTeam(
  ctx: Ctx,
  input: {
    name: string
    slug: string
    person: { userId: string; banned: object | null }
    /** The form's own id: posted twice, it makes one team. */
    formId?: string
  },
): Promise<CreateOutcome> {
  const { slug, person } = input
  const name = input.name.trim()
  if (person.banned) return { kind: 'refused', reason: 'banned' }
  if (!isTeamName(name)) return { kind: 'refused', reason: 'bad-name' }
  if (!slugPattern.test(slug) || slug.length > 40 || slug === 'new' || slug === 'join')
    return { kind: 'refused', reason: 'bad-slug' }
  try {
    return await ctx.db.$transaction(async (tx): Promise<CreateOutcome> => {
      // One after the other, so that nobody makes more at once than they may.
      const [maker] = await tx.$queryRaw<{ banned: boolean }[]>`
        select banned_at is not null as banned from keymint.attendees where user_id = ${person.userId}
        for no key update`
      if (!maker || maker.banned) return { kind: 'refused', reason: 'banned' }
      const [posted] = await tx.$queryRaw<{ same: boolean }[]>`
        select (slug = ${slug} and name = ${name} and created_by = ${person.userId}) as same
        from keymint.teams where id = ${input.formId ?? null}::uuid`
      if (posted?.same) return { kind: 'created', slug }
      // Another wish of a form that a browser brought back is a team of its own.
      const id = posted ? null : (input.formId ?? null)
      const [made] = await tx.$queryRaw<
        { count: number }[]
      >`select count(*)::int as count from keymint.teams where created_by = ${person.userId}`
      if (made && made.count >= maxTeamsMade) return { kind: 'refused', reason: 'too-many' }
      await tx.$executeRaw`
        with team as (insert into keymint.teams (id, slug, name, created_by, created_at)
          values (coalesce(${id}::uuid, gen_random_uuid()), ${slug}, ${name},
            ${person.userId}, ${ctx.now()}::timestamptz) returning id)
        insert into keymint.team_members (team_id, user_id, role, joined_at)
          select id, ${person.userId}, 'owner', ${ctx.now()}::timestamptz from team`
      await recordAudit(tx, {
        actor: `user:${person.userId}`,
        action: 'team.created',
        subject: `team:${slug}`,
        scope: teamScope(slug),
        details: { name },
      })
      return { kind: 'created', slug }
    })
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    return { kind: 'refused', reason: 'slug-taken' }
  }
}

/** This person's membership of the team, or null when they are not in it. */
export async function findMembership(
  ctx: Pick<Ctx, 'db'>,
  slug: string,
  userId: string,
): Promise<Membership | null> {
  const [row] = await ctx.db.$queryRaw<
    (Omit<Membership, 'closedAt' | 'waits'> & Waits & { closedAt: Date | null })[]
  >`
    select t.id as "teamId", t.slug, t.name, m.role, m.state, t.closed_at as "closedAt",
      case when t.closed_at is null and m.state = 'active' and m.role in ('owner', 'finance') then
        (select count(*)::int from keymint.budget_requests r where r.team_id = t.id and r.state = 'open')
        else 0 end as requests,
      case when t.closed_at is null then
        (select count(*)::int from keymint.budget_requests r where r.team_id = t.id and r.user_id = m.user_id
          and r.state in ('approved', 'refused') and r.seen_at is null) else 0 end as decisions
    from keymint.teams t join keymint.team_members m
      on m.team_id = t.id
    where t.slug = ${slug} and m.user_id = ${userId} and m.state <> 'removed'`
  if (!row) return null
  const { requests, decisions, closedAt, ...membership } = row
  return {
    ...membership,
    closedAt: closedAt?.toISOString() ?? null,
    waits: { requests, decisions },
  }
}

/** The teams of a person, by name; 50 at most. */
export async function listTeamsOf(
  ctx: Pick<Ctx, 'db'>,
  userId: string,
): Promise<{ slug: string; name: string; role: MemberRole; closed: boolean }[]> {
  return ctx.db.$queryRaw<{ slug: string; name: string; role: MemberRole; closed: boolean }[]>`
    select t.slug, t.name, m.role, t.closed_at is not null as closed
    from keymint.team_members m join keymint.teams t on t.id = m.team_id
    where m.user_id = ${userId} and m.state <> 'removed' order by t.name, t.slug limit 50`
}

export type MemberOutcome =
  | { kind: 'done' }
  | { kind: 'refused'; reason: 'no-such-member' | 'last-owner' | 'nothing-to-do' | 'no-role' }

/**
 * Removes a member, or closes a service account: ends all their keys and takes back what is free. Done
 * by an owner or by the member. Refused for the last active owner; a refusal changes nothing.
 */
export async function removeMember(
  ctx: Ctx,
  ref: MemberRef,
  actorUserId: string,
  reason: string,
): Promise<MemberOutcome> {
  return onMember(
    ctx,
    ref,
    actorUserId,
    async (tx, member) => {
      if (member.role === 'owner' && (await isLastOwner(tx, ref)))
        return { kind: 'refused', reason: 'last-owner' }
      const actor = `user:${actorUserId}` as const
      await tx.$executeRaw`
      update keymint.team_members set state = 'removed', removed_at = ${ctx.now()}::timestamptz
        where team_id = ${ref.teamId}::uuid and user_id = ${ref.userId}`
      // A person who is invited again starts without the old budget.
      await dropBudget(ctx, tx, ref)
      await revokeInvitationsBy(ctx, tx, ref)
      const gone = { ...member, state: 'removed' as const }
      const isService = member.role === 'service'
      const left = actorUserId === ref.userId
      await recordAudit(tx, {
        actor,
        action: isService ? 'member.service-closed' : left ? 'member.left' : 'member.removed',
        subject: `user:${ref.userId}`,
        scope: teamScope(member.slug),
        details: { reason },
      })
      await endKeysOf(ctx, tx, gone, {
        actor,
        reason: isService ? 'service-closed' : 'member-removed',
      })
      await returnFree(ctx, tx, gone, actor)
      return { kind: 'done' }
    },
    { mayLeave: true },
  )
}

/** Suspends a member: ends all their keys, and they can make none until they are resumed. */
export async function suspendMember(
  ctx: Ctx,
  ref: MemberRef,
  actorUserId: string,
  reason: string,
): Promise<MemberOutcome> {
  return onMember(ctx, ref, actorUserId, async (tx, member) => {
    if (member.state !== 'active') return { kind: 'refused', reason: 'nothing-to-do' }
    if (member.role === 'owner' && (await isLastOwner(tx, ref)))
      return { kind: 'refused', reason: 'last-owner' }
    const actor = `user:${actorUserId}` as const
    await tx.$executeRaw`
      update keymint.team_members set state = 'suspended' where team_id = ${ref.teamId}::uuid
        and user_id = ${ref.userId}`
    await recordAudit(tx, {
      actor,
      action: 'member.suspended',
      subject: `user:${ref.userId}`,
      scope: teamScope(member.slug),
      details: { reason },
    })
    await revokeInvitationsBy(ctx, tx, ref)
    await endKeysOf(ctx, tx, member, { actor, reason: 'member-suspended' })
    return { kind: 'done' }
  })
}

/** Lifts a suspension. Keys that ended stay ended. */
export async function resumeMember(
  ctx: Ctx,
  ref: MemberRef,
  actorUserId: string,
  reason: string,
): Promise<MemberOutcome> {
  return onMember(ctx, ref, actorUserId, async (tx, member) => {
    if (member.state !== 'suspended') return { kind: 'refused', reason: 'nothing-to-do' }
    await tx.$executeRaw`
      update keymint.team_members set state = 'active' where team_id = ${ref.teamId}::uuid
        and user_id = ${ref.userId}`
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'member.resumed',
      subject: `user:${ref.userId}`,
      scope: teamScope(member.slug),
      details: { reason },
    })
    return { kind: 'done' }
  })
}

/**
 * Changes the role, and ends what the person can no longer do: an owner's invitations; a viewer's
 * keys, requests and budget. Refused for the last active owner.
 */
export async function setRole(
  ctx: Ctx,
  ref: MemberRef,
  role: PersonRole,
  actorUserId: string,
  reason: string,
): Promise<MemberOutcome> {
  return onMember(ctx, ref, actorUserId, async (tx, member) => {
    if (member.role === 'service') return { kind: 'refused', reason: 'no-role' }
    if (member.role === role) return { kind: 'refused', reason: 'nothing-to-do' }
    if (member.role === 'owner' && (await isLastOwner(tx, ref)))
      return { kind: 'refused', reason: 'last-owner' }
    await tx.$executeRaw`
      update keymint.team_members set role = ${role} where team_id = ${ref.teamId}::uuid
        and user_id = ${ref.userId}`
    if (role !== 'owner') await revokeInvitationsBy(ctx, tx, ref)
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'member.role-set',
      subject: `user:${ref.userId}`,
      scope: teamScope(member.slug),
      details: { from: member.role, role, reason },
    })
    if (mayHoldKeys(role)) return { kind: 'done' }
    const actor = `user:${actorUserId}` as const
    const viewer = { ...member, role }
    await dropBudget(ctx, tx, ref)
    await endKeysOf(ctx, tx, viewer, { actor, reason: 'member-viewer' })
    await returnFree(ctx, tx, viewer, actor, 'the member is a viewer')
    return { kind: 'done' }
  })
}

/**
 * Locks the team's row first, so that changes of its members run one after the other, and then asks
 * whether whoever acts may: an active owner, or a member who leaves. Throws NotAllowed.
 */
async function onMember(
  ctx: Ctx,
  ref: MemberRef,
  actorUserId: string,
  run: (
    tx: Tx,
    member: NonNullable<Awaited<ReturnType<typeof openMember>>>,
  ) => Promise<MemberOutcome>,
  { mayLeave = false } = {},
): Promise<MemberOutcome> {
  return ctx.db.$transaction(async (tx) => {
    await lockTeam(tx, ref.teamId)
    if (!(mayLeave && actorUserId === ref.userId))
      await requireActiveOwner(tx, ref.teamId, actorUserId)
    const member = await openMember(ctx, tx, ref)
    if (!member || member.state === 'removed') return { kind: 'refused', reason: 'no-such-member' }
    return run(tx, member)
  })
}

/** Locks the team's row until the end of the transaction. */
export async function lockTeam(tx: Tx, teamId: string): Promise<void> {
  await tx.$executeRaw`select 1 from keymint.teams where id = ${teamId}::uuid for update`
}

/** Without keys there is no budget: open requests are withdrawn, and no month to come allocates any. */
async function dropBudget(ctx: Ctx, tx: Tx, ref: MemberRef): Promise<void> {
  await tx.$executeRaw`
    update keymint.budget_requests set state = 'withdrawn', decided_at = ${ctx.now()}::timestamptz
    where team_id = ${ref.teamId}::uuid and user_id = ${ref.userId} and state = 'open'`
  await tx.$executeRaw`
    delete from keymint.budgets where team_id = ${ref.teamId}::uuid and user_id = ${ref.userId}`
  await tx.$executeRaw`
    delete from keymint.budget_top_ups where team_id = ${ref.teamId}::uuid and user_id = ${ref.userId}`
}

/** What somebody handed out ends with their right to hand it out. */
async function revokeInvitationsBy(ctx: Ctx, tx: Tx, ref: MemberRef): Promise<void> {
  await tx.$executeRaw`
    update keymint.invitations set revoked_at = ${ctx.now()}::timestamptz
    where team_id = ${ref.teamId}::uuid and created_by = ${ref.userId} and used_at is null
      and revoked_at is null`
}

/** Of an open team: a closed one needs none. */
/** Whether nobody else could run the team: who is its last owner may not leave it. */
export async function isLastOwner(tx: Tx, ref: MemberRef): Promise<boolean> {
  if (await isTeamClosed(tx, ref.teamId)) return false
  const [row] = await tx.$queryRaw<{ others: number }[]>`
    select count(*)::int as others from keymint.team_members m
      join keymint.attendees a on a.user_id = m.user_id
    where m.team_id = ${ref.teamId}::uuid and m.user_id <> ${ref.userId} and m.role = 'owner'
      and m.state = 'active' and a.banned_at is null`
  return row?.others === 0
}

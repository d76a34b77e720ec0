/**
 * Invitations: a link into a team. Guarantee: it works once, for a week, until it is revoked; the
 * row holds only the hash of its token (256 random bits), so no link can be read from the database.
 * It ends with the right of whoever made it. Bound to an address, it is good for a person with this
 * verified address alone.
 */
import { createHash, randomBytes } from 'node:crypto'
import { Prisma, type Tx } from '~/adapters/db.server'
import { decimalStringFromNano, nanoFromDecimalString, type NanoUsd } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { moneyView, type MoneyView } from '../money-view'
import { setBudgetIn } from '../money/budgets.server'
import {
  openMember,
  requireActiveOwner,
  requireOpenTeam,
  teamScope,
} from '../money/member-lock.server'
import { mayHoldKeys, type PersonRole } from '../money/roles'
import { lockTeam } from './team.server'

const invitationDays = 7
const maxOpen = 50

export type InviteOutcome =
  | {
      kind: 'invited'
      invitationId: string
      token: string
      expiresAt: string
      /** The form was posted before: nothing was made. */
      repeated?: true
    }
  | { kind: 'refused'; reason: 'too-many' }

/** 256 random bits, for a link. A form is shown with one, so that its second post is the same invitation. */
export const newInvitationToken = () => randomBytes(32).toString('base64url')

type InvitationInput = {
  teamId: string
  slug: string
  role: PersonRole
  email: string | null
  /** For whoever has the address alone; nothing without one. */
  bound?: boolean
  /** What whoever joins begins a month with; absent or null: the team's default. */
  budget?: NanoUsd | null
  actorUserId: string
  /** The token that the form was shown with: posted twice, it is one invitation. */
  formToken?: string
}

/** What was made with the token of this form. Asked under the team's lock. */
async function findPosted(
  tx: Tx,
  input: InvitationInput,
  token: string,
): Promise<{ id: string; expiresAt: Date; same: boolean } | null> {
  const [row] = await tx.$queryRaw<{ id: string; expiresAt: Date; same: boolean }[]>`
    select id, expires_at as "expiresAt", (team_id = ${input.teamId}::uuid and role = ${input.role}
      and email is not distinct from ${input.email} and bound = ${isBound(input)}
      and budget_usd is not distinct from ${budgetOf(input)}::numeric and created_by = ${input.actorUserId}
      and used_at is null and revoked_at is null) as same
    from keymint.invitations where token_hash = ${hashOf(token)}`
  return row ?? null
}

/** Nothing for a viewer, who has no budget. */
const budgetOf = ({ budget = null, role }: InvitationInput) =>
  budget === null || !mayHoldKeys(role) ? null : decimalStringFromNano(budget)

const isBound = ({ bound, email }: InvitationInput) => bound === true && email !== null

/** Makes an invitation. The token is returned here and stored nowhere. */
export async function invite(ctx: Ctx, input: InvitationInput): Promise<InviteOutcome> {
  const expiresAt = new Date(ctx.now().getTime() + invitationDays * 86_400_000)
  return ctx.db.$transaction(async (tx): Promise<InviteOutcome> => {
    await lockTeam(tx, input.teamId)
    await requireActiveOwner(tx, input.teamId, input.actorUserId)
    await requireOpenTeam(tx, input.teamId)
    const shown = input.formToken ?? newInvitationToken()
    const before = await findPosted(tx, input, shown)
    if (before?.same)
      return {
        kind: 'invited',
        invitationId: before.id,
        token: shown,
        expiresAt: before.expiresAt.toISOString(),
        repeated: true,
      }
    const token = before ? newInvitationToken() : shown
    const [open] = await tx.$queryRaw<{ count: number }[]>`
      select count(*)::int as count from keymint.invitations where team_id = ${input.teamId}::uuid
        and used_at is null and revoked_at is null and expires_at > ${ctx.now()}::timestamptz`
    if (open && open.count >= maxOpen) return { kind: 'refused', reason: 'too-many' }
    const [made] = await tx.$queryRaw<{ id: string }[]>`
      insert into keymint.invitations (team_id, token_hash, role, email, bound, budget_usd, created_by,
        created_at, expires_at)
      values (${input.teamId}::uuid, ${hashOf(token)}, ${input.role}, ${input.email}, ${isBound(input)},
        ${budgetOf(input)}::numeric, ${input.actorUserId}, ${ctx.now()}::timestamptz,
        ${expiresAt}::timestamptz) returning id`
    if (!made) throw new Error('an invitation was not written')
    await recordAudit(tx, {
      actor: `user:${input.actorUserId}`,
      action: 'invitation.made',
      subject: `invitation:${made.id}`,
      scope: teamScope(input.slug),
      details: {
        role: input.role,
        email: input.email,
        budgetUsd: budgetOf(input),
        bound: String(isBound(input)),
        expiresAt: expiresAt.toISOString(),
      },
    })
    return { kind: 'invited', invitationId: made.id, token, expiresAt: expiresAt.toISOString() }
  })
}

export type MailedInvitation =
  | { kind: 'invited'; token: string; expiresAt: string; mailed: 'sent' | 'failed' | 'not-asked' }
  | { kind: 'refused'; reason: 'too-many' }

/**
 * Makes an invitation and, where an address is given and mail is configured, sends it. The mail goes
 * out after the row is committed, so that its link always works; a mail that fails leaves the
 * invitation valid.
 */
export async function inviteByMail(
  ctx: Ctx,
  input: InvitationInput & {
    mailOf: (invitation: { token: string; days: number }) => { subject: string; text: string }
  },
): Promise<MailedInvitation> {
  const { mailer } = ctx
  // Without mail an address is kept only where the invitation is bound to it.
  const outcome = await invite(ctx, mailer || input.bound ? input : { ...input, email: null })
  if (outcome.kind === 'refused') return outcome
  const { token, expiresAt } = outcome
  if (!mailer || input.email === null)
    return { kind: 'invited', token, expiresAt, mailed: 'not-asked' }
  // The first post has sent it, or has said that it could not.
  if (outcome.repeated) return { kind: 'invited', token, expiresAt, mailed: 'not-asked' }
  const sent = await mailer.send({
    to: input.email,
    ...input.mailOf({ token, days: invitationDays }),
  })
  if (!sent)
    ctx.log.warn({ invitationId: outcome.invitationId }, 'an invitation could not be mailed')
  return { kind: 'invited', token, expiresAt, mailed: sent ? 'sent' : 'failed' }
}

/** Revokes an open invitation. False when it was used or revoked before, or is not the team's. */
export async function revokeInvitation(
  ctx: Ctx,
  input: { teamId: string; slug: string; invitationId: string; actorUserId: string },
): Promise<boolean> {
  return ctx.db.$transaction(async (tx) => {
    await requireActiveOwner(tx, input.teamId, input.actorUserId)
    const changed = await tx.$executeRaw`
      update keymint.invitations set revoked_at = ${ctx.now()}::timestamptz
        where id = ${input.invitationId}::uuid and team_id = ${input.teamId}::uuid and used_at is null
        and revoked_at is null`
    if (changed !== 1) return false
    await recordAudit(tx, {
      actor: `user:${input.actorUserId}`,
      action: 'invitation.revoked',
      subject: `invitation:${input.invitationId}`,
      scope: teamScope(input.slug),
    })
    return true
  })
}

/** Whether who made the invitation `i` may still invite: a link does not outlive that right. */
const issuerMayInvite = Prisma.sql`exists (select 1 from keymint.team_members o
  join keymint.attendees oa on oa.user_id = o.user_id
  join keymint.teams ot on ot.id = o.team_id and ot.closed_at is null
  where o.team_id = i.team_id and o.user_id = i.created_by and o.role = 'owner'
    and o.state = 'active' and oa.banned_at is null)`

/** Whether the invitation `i` is for anybody, or for this person's verified address. */
const addressFits = (userId: string) => Prisma.sql`(not i.bound or exists (
  select 1 from keymint.attendees ea where ea.user_id = ${userId} and lower(ea.email) = lower(i.email)))`

export type InvitationView = {
  teamName: string
  slug: string
  role: PersonRole
  invitedBy: string
  /** What whoever joins now begins a month with; null for no budget. */
  budget: MoneyView | null
  expiresAt: string
  snapshot: 'open' | 'used' | 'revoked' | 'expired'
  alreadyMember: boolean
  /** It is bound to an address that the reader has not got. */
  forAnother: boolean
}

/** The invitation behind a link. Reading does not use it up. Null for an unknown token. */
export async function findInvitation(
  ctx: Ctx,
  token: string,
  userId: string,
): Promise<InvitationView | null> {
  const [row] = await ctx.db.$queryRaw<
    (Omit<InvitationView, 'budget' | 'expiresAt' | 'snapshot'> & {
      budget: string | null
      expiresAt: Date
      usedAt: Date | null
      revokedAt: Date | null
      stillOwned: boolean
    })[]
  >`
    select t.name as "teamName", t.slug, i.role,
      case when i.role <> 'viewer' then coalesce(i.budget_usd, t.default_budget_usd)::text end as budget,
      a.display_name as "invitedBy",
      i.expires_at as "expiresAt",
      i.used_at as "usedAt", i.revoked_at as "revokedAt", ${issuerMayInvite} as "stillOwned",
      not ${addressFits(userId)} as "forAnother",
      exists (select 1 from keymint.team_members m where m.team_id = t.id and m.user_id = ${userId}
        and m.state <> 'removed') as "alreadyMember"
    from keymint.invitations i join keymint.teams t on t.id = i.team_id join keymint.attendees a
      on a.user_id = i.created_by
    where i.token_hash = ${hashOf(token)}`
  if (!row) return null
  const { usedAt, revokedAt, stillOwned, ...rest } = row
  const snapshot = usedAt
    ? 'used'
    : revokedAt || !stillOwned
      ? 'revoked'
      : row.expiresAt <= ctx.now()
        ? 'expired'
        : 'open'
  return {
    ...rest,
    budget: row.budget === null ? null : moneyView(nanoFromDecimalString(row.budget)),
    expiresAt: row.expiresAt.toISOString(),
    snapshot,
  }
}

/** Whose invitation it is, for whoever has the link and has not signed in yet; null once it is not open. */
export async function findInvitingTeam(
  ctx: Pick<Ctx, 'db'>,
  token: string,
): Promise<string | null> {
  const [row] = await ctx.db.$queryRaw<{ name: string }[]>`
    select t.name from keymint.invitations i join keymint.teams t on t.id = i.team_id
    where i.token_hash = ${hashOf(token)} and i.used_at is null and i.revoked_at is null
      and i.expires_at > keymint.now() and t.closed_at is null`
  return row?.name ?? null
}

export type AcceptOutcome =
  | { kind: 'joined'; slug: string }
  | { kind: 'already-member'; slug: string }
  | { kind: 'refused'; reason: 'not-open' | 'banned' | 'other-address' }

/** Uses the invitation. A present member keeps their role, and the link stays valid. */
export async function acceptInvitation(
  ctx: Ctx,
  token: string,
  person: { userId: string; banned: object | null },
): Promise<AcceptOutcome> {
  if (person.banned) return { kind: 'refused', reason: 'banned' }
  return ctx.db.$transaction(async (tx): Promise<AcceptOutcome> => {
    const [found] = await tx.$queryRaw<
      { teamId: string }[]
    >`select team_id as "teamId" from keymint.invitations where token_hash = ${hashOf(token)}`
    if (!found) return { kind: 'refused', reason: 'not-open' }
    await lockTeam(tx, found.teamId)
    const [barred] = await tx.$queryRaw<object[]>`
      select 1 from keymint.attendees where user_id = ${person.userId} and banned_at is not null`
    if (barred) return { kind: 'refused', reason: 'banned' }
    const ref = { teamId: found.teamId, userId: person.userId }
    const member = await openMember(ctx, tx, ref)
    if (member && member.state !== 'removed') return { kind: 'already-member', slug: member.slug }
    const [used] = await tx.$queryRaw<
      { id: string; role: PersonRole; slug: string; budget: string | null; invitedBy: string }[]
    >`
      update keymint.invitations i set used_at = ${ctx.now()}::timestamptz, used_by = ${person.userId}
        from keymint.teams t
      where i.token_hash = ${hashOf(token)} and i.used_at is null and i.revoked_at is null
        and i.expires_at > ${ctx.now()}::timestamptz and t.id = i.team_id and ${issuerMayInvite}
        and ${addressFits(person.userId)}
      returning i.id, i.role, t.slug, i.created_by as "invitedBy",
        coalesce(i.budget_usd, t.default_budget_usd)::text as budget`
    if (!used) {
      const [other] = await tx.$queryRaw<object[]>`
        select 1 from keymint.invitations i where i.token_hash = ${hashOf(token)} and i.used_at is null
          and not ${addressFits(person.userId)}`
      return { kind: 'refused', reason: other ? 'other-address' : 'not-open' }
    }
    await tx.$executeRaw`
      insert into keymint.team_members (team_id, user_id, role, joined_at)
        values (${ref.teamId}::uuid, ${ref.userId}, ${used.role}, ${ctx.now()}::timestamptz)
      on conflict (team_id, user_id) do update
        set role = excluded.role, state = 'active', joined_at = excluded.joined_at, removed_at = null`
    const joined = await openMember(ctx, tx, ref)
    await recordAudit(tx, {
      actor: `user:${person.userId}`,
      action: 'member.joined',
      subject: `user:${person.userId}`,
      scope: teamScope(used.slug),
      details: { role: used.role, invitation: used.id },
    })
    // Whoever invites gives it: their right to do so is asked above, under the team's lock.
    if (joined && used.budget !== null && mayHoldKeys(used.role))
      await setBudgetIn(
        ctx,
        tx,
        joined,
        {
          budget: nanoFromDecimalString(used.budget),
          effective: 'now',
          reason: 'with the invitation',
        },
        used.invitedBy,
      )
    return { kind: 'joined', slug: used.slug }
  })
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

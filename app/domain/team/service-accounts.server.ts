/**
 * Service accounts: members of a team that are nobody and hold keys for machines. Guarantee: one has
 * no maker in its row, so nothing that happens to a person ends its keys. Its keys are made, shown and
 * changed by the active owners of the team on its behalf, and whoever acts stands in the audit trail.
 */
import { randomUUID } from 'node:crypto'
import { isUniqueViolation, type Tx } from '~/adapters/db.server'
import type { NanoUsd } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { setBudgetIn } from '../money/budgets.server'
import {
  isActiveOwner,
  NotAllowed,
  openMember,
  requireActiveOwner,
  requireNotBanned,
  requireOpenTeam,
  teamScope,
  type OpenMember,
} from '../money/member-lock.server'
import type { MemberRef } from '../money/postings.server'
import { serviceUserId } from '../money/roles'
import { maxNameLength } from './service-name'
import { lockTeam } from './team.server'

export type ServiceAccountOutcome =
  | { kind: 'made'; userId: string }
  | { kind: 'refused'; reason: 'bad-name' | 'name-taken' | 'too-many' }

const maxServiceAccounts = 50

/**
 * Makes a service account with a budget a month of its own; null or zero for none until it is set. The
 * budget of newcomers does not count. No two that are open have one name. Throws NotAllowed unless an
 * active owner asks. A refusal changes nothing.
 */
export async function makeServiceAccount(
  ctx: Ctx,
  input: {
    teamId: string
    slug: string
    actorUserId: string
    name: string
    budget: NanoUsd | null
    /** The form's own id: posted twice, it makes one. */
    formId?: string
  },
): Promise<ServiceAccountOutcome> {
  const { teamId, slug, actorUserId, budget } = input
  const name = input.name.trim().replace(/\s+/g, ' ')
  if (name === '' || [...name].length > maxNameLength)
    return { kind: 'refused', reason: 'bad-name' }
  const make = (userId: string) =>
    ctx.db.$transaction(async (tx): Promise<ServiceAccountOutcome> => {
      await lockTeam(tx, teamId)
      await requireActiveOwner(tx, teamId, actorUserId)
      await requireOpenTeam(tx, teamId)
      const present = await tx.$queryRaw<{ userId: string; same: boolean; closed: boolean }[]>`
        select m.user_id as "userId", lower(a.display_name) = lower(${name}) as same,
          m.state = 'removed' as closed
        from keymint.team_members m join keymint.attendees a using (user_id)
        where m.team_id = ${teamId}::uuid and m.role = 'service'
          and (m.state <> 'removed' or m.user_id = ${userId})`
      // Posted twice, also where somebody has closed it since.
      if (present.some((one) => one.userId === userId && one.same)) return { kind: 'made', userId }
      const open = present.filter(({ closed }) => !closed)
      if (open.some(({ same }) => same)) return { kind: 'refused', reason: 'name-taken' }
      if (open.length >= maxServiceAccounts) return { kind: 'refused', reason: 'too-many' }
      const member = await insert(ctx, tx, { teamId, userId }, name)
      await recordAudit(tx, {
        actor: `user:${actorUserId}`,
        action: 'member.service-made',
        subject: `user:${userId}`,
        scope: teamScope(slug),
        details: { name },
      })
      if (member && budget !== null && budget > 0n)
        await setBudgetIn(
          ctx,
          tx,
          member,
          { budget, effective: 'now', reason: 'with the service account' },
          actorUserId,
        )
      return { kind: 'made', userId }
    })
  try {
    return await make(serviceUserId(input.formId ?? randomUUID()))
  } catch (error) {
    // Another name in a form that a browser brought back: another one, with an id of its own.
    if (input.formId === undefined || !isUniqueViolation(error)) throw error
    return make(serviceUserId(randomUUID()))
  }
}

/** With this month open, so that its pages have books from the first moment on. */
async function insert(ctx: Ctx, tx: Tx, ref: MemberRef, name: string): Promise<OpenMember | null> {
  await tx.$executeRaw`
    insert into keymint.attendees (user_id, display_name, auth_provider)
      values (${ref.userId}, ${name}, 'service')`
  await tx.$executeRaw`
    insert into keymint.team_members (team_id, user_id, role, joined_at)
      values (${ref.teamId}::uuid, ${ref.userId}, 'service', ${ctx.now()}::timestamptz)`
  return openMember(ctx, tx, ref)
}

export type ServiceAccount = { userId: string; name: string; state: 'active' | 'suspended' }

/** A service account of the team that is not closed, or null. */
export async function findServiceAccount(
  ctx: Pick<Ctx, 'db'>,
  ref: MemberRef,
): Promise<ServiceAccount | null> {
  if (!/^service:[0-9a-f-]{36}$/.test(ref.userId)) return null
  const [row] = await ctx.db.$queryRaw<ServiceAccount[]>`
    select m.user_id as "userId", a.display_name as name, m.state
    from keymint.team_members m join keymint.attendees a using (user_id)
    where m.team_id = ${ref.teamId}::uuid and m.user_id = ${ref.userId} and m.role = 'service'
      and m.state <> 'removed'`
  return row ?? null
}

/**
 * Locks the member whose budget pays, for whoever asks for a key: a person for themselves, or an active
 * owner for a service account. Throws NotAllowed for anybody else, and for who is banned.
 */
export async function openPayer(
  ctx: Ctx,
  tx: Tx,
  payer: MemberRef,
  actorUserId: string,
): Promise<OpenMember | null> {
  const forAnother = actorUserId !== payer.userId
  // The team's row comes before the member's, and an owner's right stays until the end.
  if (forAnother) await requireActiveOwner(tx, payer.teamId, actorUserId)
  else await requireNotBanned(tx, actorUserId)
  const member = await openMember(ctx, tx, payer)
  if (member && forAnother !== (member.role === 'service'))
    throw new NotAllowed(`${actorUserId} may not ask for a key of ${payer.userId}`)
  return member
}

/**
 * As whose this person may see the key: as their own, or that of the service account which holds it for
 * an active owner; null for nobody's. Whoever shows the key asks again, with the key locked.
 */
export async function holderShownTo(
  tx: Tx,
  { teamId, keyId, userId }: { teamId: string; keyId: string; userId: string },
): Promise<string | null> {
  const [holder] = await tx.$queryRaw<{ userId: string }[]>`
    select k.user_id as "userId" from keymint.api_keys k join keymint.team_members m
      on m.team_id = k.team_id and m.user_id = k.user_id and m.role = 'service'
    where k.id::text = ${keyId} and k.team_id = ${teamId}::uuid`
  if (!holder) return userId
  return (await isActiveOwner(tx, teamId, userId)) ? holder.userId : null
}

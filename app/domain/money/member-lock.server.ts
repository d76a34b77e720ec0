/**
 * The lock on a member's money. It comes first in the order of locks, after a team's row alone, and
 * is the only way to a month: whoever uses a month first opens it.
 */
import type { Tx } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import type { Month } from './month'
import { openMonth } from './open-month.server'
import type { MemberRef } from './postings.server'
import { mayHandleMoney, type MemberRole } from './roles'

export type { MemberRole } from './roles'
export type MemberState = 'active' | 'suspended' | 'removed'

/** A member whose row this transaction has locked, and whose month is open. */
export type OpenMember = MemberRef & {
  role: MemberRole
  state: MemberState
  slug: string
  month: Month
}

/** Thrown inside a transaction when whoever acts may not do so, or no longer. Nothing is changed. */
export class NotAllowed extends Error {
  override name = 'NotAllowed'
}

/**
 * Checks, in the transaction that acts, that the person is an active owner of the team and not
 * banned, and keeps it so until its end: changes of members lock the team's row. Throws NotAllowed.
 */
export async function requireActiveOwner(tx: Tx, teamId: string, userId: string): Promise<void> {
  if (!(await isActiveOwner(tx, teamId, userId)))
    throw new NotAllowed(`${userId} is not an active owner`)
}

/** The same as an answer. */
export const isActiveOwner = async (tx: Tx, teamId: string, userId: string): Promise<boolean> =>
  (await activeRole(tx, teamId, userId)) === 'owner'

/** The same for whoever may change budgets: owners and finance. Throws NotAllowed. */
export async function requireMoneyRole(tx: Tx, teamId: string, userId: string): Promise<void> {
  const role = await activeRole(tx, teamId, userId)
  if (role === null || !mayHandleMoney(role))
    throw new NotAllowed(`${userId} may not change budgets`)
}

/** The role of an active member who is not banned; null for anybody else. It stays so until the end. */
async function activeRole(tx: Tx, teamId: string, userId: string): Promise<MemberRole | null> {
  await tx.$executeRaw`select 1 from keymint.teams where id = ${teamId}::uuid for share`
  const [row] = await tx.$queryRaw<{ role: MemberRole }[]>`
    select m.role from keymint.team_members m join keymint.attendees a on a.user_id = m.user_id
    where m.team_id = ${teamId}::uuid and m.user_id = ${userId}
      and m.state = 'active' and a.banned_at is null`
  return row?.role ?? null
}

/** Thrown for a change that a closed team no longer takes. Nothing is changed. */
export class TeamClosed extends Error {
  override name = 'TeamClosed'
}

/**
 * Whether the team is closed. Asked in a statement of its own, after the lock that the caller waited
 * for: a closing that this transaction waited behind is seen.
 */
export async function isTeamClosed(tx: Tx, teamId: string): Promise<boolean> {
  const closed = await tx.$queryRaw<object[]>`
    select 1 from keymint.teams where id = ${teamId}::uuid and closed_at is not null`
  return closed.length > 0
}

/** Checks, after the caller's lock, that the team still takes changes. Throws TeamClosed. */
export async function requireOpenTeam(tx: Tx, teamId: string): Promise<void> {
  if (await isTeamClosed(tx, teamId)) throw new TeamClosed(`the team ${teamId} is closed`)
}

/** Checks, in the transaction that acts, that the person is not banned. Throws NotAllowed. */
export async function requireNotBanned(tx: Tx, userId: string): Promise<void> {
  const banned = await tx.$queryRaw<object[]>`
    select 1 from keymint.attendees where user_id = ${userId} and banned_at is not null`
  if (banned.length > 0) throw new NotAllowed(`${userId} is banned`)
}

/** The audit scope of a team. It never equals the slug of a workshop, which has no dot. */
export const teamScope = (slug: string) => `team.${slug}`

type LockedRow = {
  role: MemberRole
  state: MemberState
  slug: string
  latest: Month | null
  present: Month
}

/**
 * Locks the member's row until the end of the transaction. `latest` is the newest month that is open,
 * `present` the one that has begun by Postgres's clock, which does not move inside a transaction.
 */
async function lockRow(tx: Tx, ref: MemberRef): Promise<LockedRow | null> {
  const [row] = await tx.$queryRaw<LockedRow[]>`
    select m.role, m.state, t.slug,
      (select max(b.month)::text from keymint.budget_months b where b.team_id = m.team_id
      and b.user_id = m.user_id) as latest,
      date_trunc('month', keymint.now() at time zone 'UTC')::date::text as present
    from keymint.team_members m join keymint.teams t on t.id = m.team_id
    where m.team_id = ${ref.teamId}::uuid and m.user_id = ${ref.userId} for update of m`
  return row ?? null
}

/**
 * Locks the member's row until the end of the transaction and opens the present month if it is not
 * open yet. Postgres's clock says which it is, as it does for the windows of keys: on the clock of a
 * machine that is ahead, a month would be opened in which no key has set anything aside yet. The month
 * never goes back: who waited over midnight works in the latest month that was opened. Null when there
 * is no such member; one who has left has the state `removed`.
 */
export async function openMember(ctx: Ctx, tx: Tx, ref: MemberRef): Promise<OpenMember | null> {
  const row = await lockRow(tx, ref)
  if (!row) return null
  const { latest, present } = row
  const member = memberOf(ref, row, latest && latest > present ? latest : present)
  if (latest === null || latest < present) await openMonth(ctx, tx, member, latest, ctx.now())
  return member
}

/**
 * The member again, for who has read the ledger of a month that this transaction opened: that month
 * stays the one that is booked in, although another begins meanwhile, because opening one moves the
 * ledger. Null when there is no such member, or none of their months was ever opened.
 */
export async function heldMember(tx: Tx, ref: MemberRef): Promise<OpenMember | null> {
  const row = await lockRow(tx, ref)
  return row?.latest ? memberOf(ref, row, row.latest) : null
}

const memberOf = (
  { teamId, userId }: MemberRef,
  { role, state, slug }: LockedRow,
  month: Month,
): OpenMember => ({ teamId, userId, role, state, slug, month })

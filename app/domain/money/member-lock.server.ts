/**
 * The lock on a member's money. It comes first in the order of locks, after a team's row alone, and
 * is the only way to a month: whoever uses a month first opens it.
 */
import type { Tx } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import { monthOf, type Month } from './month'
import { openMonth } from './open-month.server'
import type { MemberRef } from './postings.server'

export type MemberRole = 'owner' | 'member'
export type MemberState = 'active' | 'suspended' | 'removed'

/** A member whose row this transaction has locked, and whose month is open. */
export type OpenMember = MemberRef & {
  role: MemberRole
  state: MemberState
  slug: string
  month: Month
}

/** The audit scope of a team. It never equals the slug of a workshop, which has no dot. */
export const teamScope = (slug: string) => `team.${slug}`

/**
 * Locks the member's row until the end of the transaction and opens the present month if it is not
 * open yet. The month never goes back: a machine whose clock is behind works in the latest month
 * that was opened. Null when there is no such member; one who has left has the state `removed`.
 */
export async function openMember(ctx: Ctx, tx: Tx, ref: MemberRef): Promise<OpenMember | null> {
  const [row] = await tx.$queryRaw<
    { role: MemberRole; state: MemberState; slug: string; latest: Month | null }[]
  >`
    select m.role, m.state, t.slug,
      (select max(b.month)::text from keymint.budget_months b where b.team_id = m.team_id
      and b.user_id = m.user_id) as latest
    from keymint.team_members m join keymint.teams t on t.id = m.team_id
    where m.team_id = ${ref.teamId}::uuid and m.user_id = ${ref.userId} for update of m`
  if (!row) return null
  const now = ctx.now()
  const month = monthOf(now)
  const member = {
    teamId: ref.teamId,
    userId: ref.userId,
    role: row.role,
    state: row.state,
    slug: row.slug,
    month: row.latest && row.latest > month ? row.latest : month,
  }
  if (row.latest === null || row.latest < month) await openMonth(ctx, tx, member, row.latest, now)
  return member
}

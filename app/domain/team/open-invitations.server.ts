/** The invitations of a team that can still be used, for its owners. */
import { nanoFromDecimalString } from '~/money'
import type { Ctx } from '../ctx'
import { moneyView, type MoneyView } from '../money-view'
import type { PersonRole } from '../money/roles'

export type InvitationRow = {
  id: string
  role: PersonRole
  email: string | null
  /** Null for the team's default. */
  budget: MoneyView | null
  bound: boolean
  createdBy: string
  createdAt: string
  expiresAt: string
}

/** The team's invitations that can still be used, newest first. */
export async function listOpenInvitations(ctx: Ctx, teamId: string): Promise<InvitationRow[]> {
  type Row = Omit<InvitationRow, 'budget' | 'createdAt' | 'expiresAt'> & {
    budget: string | null
    createdAt: Date
    expiresAt: Date
  }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select i.id, i.role, i.email, i.bound, i.budget_usd::text as budget, a.display_name as "createdBy",
      i.created_at as "createdAt",
      i.expires_at as "expiresAt"
    from keymint.invitations i join keymint.attendees a on a.user_id = i.created_by
    where i.team_id = ${teamId}::uuid and i.used_at is null and i.revoked_at is null
      and i.expires_at > ${ctx.now()}::timestamptz order by i.created_at desc`
  return rows.map((row) => ({
    ...row,
    budget: row.budget === null ? null : moneyView(nanoFromDecimalString(row.budget)),
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
  }))
}

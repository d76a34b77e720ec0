/** How far a new team is on its way to its first key. */
import type { Ctx } from '../ctx'
import { monthOf } from '../money/month'

export type Beginning = {
  /** An enabled credential is in the vault. */
  credential: boolean
  /** Somebody else is in the team or invited. */
  member: boolean
  /** Somebody has a budget in this month. */
  budget: boolean
}

/** Null once a key of the team was ever ready: nothing is left to begin. */
export async function readBeginning(ctx: Ctx, teamId: string): Promise<Beginning | null> {
  const [row] = await ctx.db.$queryRaw<(Beginning & { begun: boolean })[]>`
    select
      exists (select 1 from keymint.api_keys k where k.team_id = t.id and k.key_saved_at is not null) as begun,
      exists (select 1 from keymint.master_keys v where v.team_id = t.id and v.state = 'active') as credential,
      (select count(*) from keymint.team_members m where m.team_id = t.id and m.state <> 'removed'
          and m.role <> 'service') > 1
        or exists (select 1 from keymint.invitations i where i.team_id = t.id and i.used_at is null
        and i.revoked_at is null and i.expires_at > ${ctx.now()}::timestamptz) as member,
      exists (select 1 from keymint.budget_months b where b.team_id = t.id
        and b.month = ${monthOf(ctx.now())}::date and b.allocated_usd > 0) as budget
    from keymint.teams t where t.id = ${teamId}::uuid and t.closed_at is null`
  if (!row || row.begun) return null
  const { credential, member, budget } = row
  return { credential, member, budget }
}

/**
 * The ceiling of a team: the most that its members together may have spent and set aside in one
 * month. Budgets may add up to more; money is promised by whoever commits first. Guarantee: nothing
 * that reserves for a key takes the team past its ceiling, because the sum is read under a lock that
 * every reservation and every change of the ceiling holds until its transaction ends. What a provider
 * counts beyond a cap can still pass it, and is shown.
 */
import type { Tx } from '~/adapters/db.server'
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import type { Month } from './month'

/** Why a reservation was refused: what is left, and who may change the ceiling. */
export type CeilingRefusal = {
  kind: 'refused'
  reason: 'team-ceiling'
  ceiling: NanoUsd
  left: NanoUsd
  /** The names of the team's active owners. */
  owners: string[]
}

/**
 * Locks the team's sum until the end of the transaction. It is the last lock of a reservation, as a
 * pool is: whoever holds it waits for no member.
 */
export async function lockCeiling(tx: Tx, teamId: string): Promise<void> {
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`ceiling:${teamId}`}, 0))`
}

export type UnderCeiling = { ceiling: NanoUsd; left: NanoUsd }

/**
 * What is left under the ceiling in this month, less than nothing where it is passed; null without a
 * ceiling. Whoever has not opened the month yet counts with what their keys will take in it.
 */
export async function readUnderCeiling(
  db: Tx,
  teamId: string,
  month: Month,
): Promise<UnderCeiling | null> {
  const [row] = await db.$queryRaw<{ ceiling: string; used: string }[]>`
    select t.ceiling_usd::text as ceiling, (
      (select coalesce(sum(b.committed_usd + b.spent_usd), 0) from keymint.budget_months b
        where b.team_id = t.id and b.month = ${month}::date)
      + (select coalesce(sum(case when k.reset is null or k.state not in ('pending', 'ready')
          then m.committed_usd else greatest(k.cap_usd, m.committed_usd) end), 0)
        from keymint.team_members p
        cross join lateral (select max(b.month) as month from keymint.budget_months b
          where b.team_id = p.team_id and b.user_id = p.user_id) l
        join keymint.api_keys k on k.team_id = p.team_id and k.user_id = p.user_id
        join keymint.key_months m on m.api_key_id = k.id and m.user_id = k.user_id and m.month = l.month
        where p.team_id = t.id and p.state <> 'removed' and l.month < ${month}::date))::text as used
    from keymint.teams t where t.id = ${teamId}::uuid and t.ceiling_usd is not null`
  if (!row) return null
  const ceiling = nanoFromDecimalString(row.ceiling)
  return { ceiling, left: ceiling - nanoFromDecimalString(row.used) }
}

/** Asks, under the lock, whether so much more fits. Null: it does, and it stays so until the end. */
export async function whyAboveCeiling(
  tx: Tx,
  teamId: string,
  month: Month,
  more: NanoUsd,
): Promise<CeilingRefusal | null> {
  if (more <= 0n) return null
  await lockCeiling(tx, teamId)
  const under = await readUnderCeiling(tx, teamId, month)
  if (!under || more <= under.left) return null
  const owners = await tx.$queryRaw<{ name: string }[]>`
    select a.display_name as name from keymint.team_members m join keymint.attendees a using (user_id)
    where m.team_id = ${teamId}::uuid and m.role = 'owner' and m.state = 'active' and a.banned_at is null
    order by a.display_name, a.user_id`
  return {
    kind: 'refused',
    reason: 'team-ceiling',
    ...under,
    owners: owners.map(({ name }) => name),
  }
}

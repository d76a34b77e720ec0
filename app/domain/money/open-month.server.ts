/**
 * Opening a member's month: the budget is allocated, and what keys may still spend is committed
 * before anything else. Whoever uses the month first calls this under the member's lock; the job at
 * midnight does the same for all. Decision 017 says what happens to each kind of key.
 */
import type { Tx } from '~/adapters/db.server'
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import type { OpenMember } from './member-lock.server'
import { startOf, type Month } from './month'
import { commitmentChange, post, type Posting } from './postings.server'

type LiveKey = {
  id: string
  state: string
  reset: string | null
  capUsd: string
  /** Used by this key over its whole life. */
  lifeSpentUsd: string
  /** Committed in earlier months, by month. */
  committed: { month: Month; usd: string }[] | null
}

/**
 * Allocates the month's budget and commits what live keys may still spend, in nano-USD, also where
 * that leaves less than nothing free. The caller holds the member's row. Does nothing when the
 * month is open; throws only when the database fails, and then nothing of it is kept.
 */
export async function openMonth(tx: Tx, member: OpenMember, now: Date): Promise<void> {
  const { teamId, userId, month } = member
  // The caller may have looked before it got the lock; then the month may be open by now.
  if (
    (await tx.$executeRaw`
      insert into keymint.budget_months (team_id, user_id, month)
        values (${teamId}::uuid, ${userId}, ${month}::date) on conflict do nothing`) === 0
  )
    return
  const postings: Posting[] = []
  if (member.state !== 'removed')
    postings.push({
      kind: 'allocate',
      month,
      amount: await readBudget(tx, member, month),
      reason: 'the month begins',
    })

  const keys = await readLiveKeys(tx, member)
  for (const key of keys) {
    const cap = nanoFromDecimalString(key.capUsd)
    if (key.reset === 'monthly') {
      // What was used late in the old month is not known yet: it stays committed there until the
      // first reading in this one. A pending key has used nothing.
      if (key.state === 'pending') postings.push(...releases(key))
      postings.push(...commitmentChange(month, key.id, 0n, cap, 'carry'))
    } else {
      const left = cap - nanoFromDecimalString(key.lifeSpentUsd)
      postings.push(
        ...releases(key),
        ...commitmentChange(month, key.id, 0n, left > 0n ? left : 0n, 'carry'),
      )
    }
  }
  await post(tx, member, now, 'worker', postings)
  await tx.$executeRaw`
    update keymint.api_keys set carried_usd = 0, window_month = case when state = 'pending' then ${month}::date
      else window_month end
    where id = any(${keys.filter((key) => key.reset === 'monthly').map((key) => key.id)}::uuid[])`
}

/** The budget that applies in a month, in nano-USD: the latest set for it or before it, or zero. */
export async function readBudget(
  tx: Tx,
  ref: { teamId: string; userId: string },
  month: Month,
): Promise<NanoUsd> {
  const [row] = await tx.$queryRaw<{ usd: string }[]>`
    select allocated_usd::text as usd from keymint.budgets
    where team_id = ${ref.teamId}::uuid and user_id = ${ref.userId} and month <= ${month}::date
      order by month desc limit 1`
  return nanoFromDecimalString(row?.usd ?? '0')
}

/**
 * Keys that could still be used when the month began: one that has ended counts until the provider
 * has confirmed it.
 */
async function readLiveKeys(tx: Tx, member: OpenMember): Promise<LiveKey[]> {
  return tx.$queryRaw<LiveKey[]>`
    select k.id, k.state, k.reset, greatest(k.cap_usd, k.wanted_cap_usd)::text as "capUsd",
      (select coalesce(sum(m.spent_usd), 0)::text from keymint.key_months m
        where m.api_key_id = k.id) as "lifeSpentUsd",
      (select json_agg(json_build_object('month', m.month, 'usd', m.committed_usd::text) order by m.month)
        from keymint.key_months m where m.api_key_id = k.id and m.committed_usd > 0) as committed
    from keymint.api_keys k
    where k.team_id = ${member.teamId}::uuid and k.user_id = ${member.userId}
      and (k.state = 'pending'
        or ((k.state = 'ready' or (k.state = 'ended' and k.closed_upstream_at is null and k.settled_at is null))
        and k.expires_at > ${startOf(member.month)}::timestamptz))
    order by k.id for update of k`
}

function releases(key: LiveKey): Posting[] {
  return (key.committed ?? []).map(({ month, usd }): Posting => ({
    kind: 'release',
    month,
    apiKeyId: key.id,
    amount: nanoFromDecimalString(usd),
    reason: 'carried into the new month',
  }))
}

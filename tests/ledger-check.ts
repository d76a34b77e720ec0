/** The equations of the ledger, checked against the real database. */
import { expect } from 'vitest'
import type { TeamWorld } from './team-world'

/** What must hold after every step, read from the rows: of one member, or of all. */
export async function checkLedger(world: TeamWorld, member: string | null = null): Promise<void> {
  const ids = member === null ? [...world.memberIds, world.holderId] : [member]
  const wrong = await world.db.$queryRaw<{ what: string }[]>`
    with posted as (
      select user_id, month,
        sum(case when from_account = 'unallocated' then amount_usd
          when to_account = 'unallocated' then -amount_usd else 0 end) as allocated,
        sum(case when to_account = 'committed' then amount_usd when from_account = 'committed' then -amount_usd
          else 0 end) as committed,
        sum(case when to_account = 'spent' then amount_usd else 0 end) as spent,
        sum(case when to_account = 'free' then amount_usd when from_account = 'free' then -amount_usd else 0
          end) as free
      from keymint.transactions where user_id = any(${ids}) group by user_id, month),
    by_key as (
      select k.user_id, m.month, sum(m.committed_usd) as committed, sum(m.spent_usd) as spent
        from keymint.key_months m join keymint.api_keys k on k.id = m.api_key_id where k.user_id = any(${ids})
        group by 1, 2),
    latest as (select user_id, max(month) as month from keymint.budget_months where user_id = any(${ids})
      group by user_id),
    key_now as (
      select k.id, k.reset, l.month, greatest(k.cap_usd, k.wanted_cap_usd) as cap, k.window_month,
        coalesce((select sum(m.spent_usd) from keymint.key_months m where m.api_key_id = k.id
          and (k.reset is null or m.month = l.month)), 0) as spent,
        coalesce((select m.committed_usd from keymint.key_months m where m.api_key_id = k.id
          and m.month = l.month), 0) as committed,
        coalesce((select sum(m.committed_usd) from keymint.key_months m where m.api_key_id = k.id
          and m.month < l.month), 0) as earlier
      from keymint.api_keys k join latest l using (user_id) where k.state in ('pending', 'ready')
        and (k.state = 'pending' or k.expires_at > l.month at time zone 'UTC'))
    select 'equation of ' || b.user_id || ' in ' || b.month as what from keymint.budget_months b
      where b.user_id = any(${ids})
      and (b.allocated_usd <> b.committed_usd + b.spent_usd + b.free_usd
      or least(b.allocated_usd, b.committed_usd, b.spent_usd) < 0)
    union all select 'balances are not the ledger: ' || b.user_id || ' in ' || b.month
      from keymint.budget_months b left join posted p using (user_id, month)
      where b.user_id = any(${ids})
        and (b.allocated_usd, b.committed_usd, b.spent_usd,
        b.free_usd) is distinct from (coalesce(p.allocated, 0), coalesce(p.committed, 0), coalesce(p.spent, 0),
        coalesce(p.free, 0))
    union all select 'balances are not the keys: ' || b.user_id || ' in ' || b.month
      from keymint.budget_months b left join by_key k using (user_id, month)
      where b.user_id = any(${ids})
        and (b.committed_usd, b.spent_usd) is distinct from (coalesce(k.committed, 0), coalesce(k.spent, 0))
    union all select 'commitment of ' || id || ': ' || committed || ' of cap ' || cap || ' with ' || spent ||
      ' spent' from key_now where committed <> greatest(0, cap - spent)
    union all select 'a one-off key still holds money in an old month: ' || id from key_now where reset is null
      and earlier > 0
    union all select 'an old month of a monthly key was not closed: ' || id from key_now where reset = 'monthly'
      and earlier > 0 and window_month >= month
    union all select 'a settled key holds money: ' || k.id from keymint.api_keys k join keymint.key_months m
      on m.api_key_id = k.id where k.user_id = any(${ids}) and (k.settled_at is not null or k.state = 'refused')
      and m.committed_usd > 0
    union all select 'less than nothing is free without a cause: ' || b.user_id || ' in ' || b.month
      from keymint.budget_months b
      where b.user_id = any(${ids}) and b.free_usd < 0
        and not exists (select 1 from keymint.transactions t where t.user_id = b.user_id and t.month = b.month
        and t.kind in ('deallocate', 'overspend', 'carry'))
    limit 5`
  expect(wrong.map(({ what }) => what)).toEqual([])
}

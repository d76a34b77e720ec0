/** The equations of the ledger, checked against the real database. */
import { expect } from 'vitest'
import type { TeamWorld } from './team'

/** What must hold after every step, read from the rows: of one member, or of all. */
export async function checkLedger(
  world: Pick<TeamWorld, 'db'> & Partial<Pick<TeamWorld, 'memberIds' | 'ownerId'>>,
  member: string | null = null,
): Promise<void> {
  const { memberIds = [], ownerId } = world
  const ids = member === null ? [...memberIds, ...(ownerId ? [ownerId] : [])] : [member]
  expect(ids).not.toEqual([])
  const wrong = await world.db.$queryRaw<{ what: string }[]>`
    with posted as (
      select user_id, month,
        sum(case when from_account = 'unallocated' then amount_usd
          when to_account = 'unallocated' then -amount_usd else 0 end) as allocated,
        sum(case when to_account = 'committed' then amount_usd when from_account = 'committed' then -amount_usd
          else 0 end) as committed,
        sum(case when to_account = 'spent' then amount_usd when from_account = 'spent' then -amount_usd
          else 0 end) as spent,
        sum(case when to_account = 'free' then amount_usd when from_account = 'free' then -amount_usd else 0
          end) as free
      from keymint.transactions where user_id = any(${ids}) group by user_id, month),
    by_key as (
      select user_id, month, sum(committed_usd) as committed, sum(spent_usd) as spent
        from keymint.key_months where user_id = any(${ids}) group by 1, 2),
    latest as (select user_id, max(month) as month from keymint.budget_months where user_id = any(${ids})
      group by user_id),
    -- What the engine holds for a key in a month: the ledger has it to the nano-dollar.
    windows as (
      select k.user_id, k.id, least((date_trunc('month', w.starts_at at time zone 'UTC'))::date, l.month) as month,
        sum(greatest(w.reserved_usd - w.used_usd, 0)) as committed, sum(w.used_usd) as spent
      from keymint.key_windows w join keymint.keys e on e.id = w.key_id
      join keymint.api_keys k on k.id = e.holder_id and e.holder_kind = 'sub-key'
      join latest l using (user_id) where k.user_id = any(${ids}) group by 1, 2, 3),
    -- The most that may be spent with each key in the present month, by every limit that is seen, asked
    -- for or in doubt, and what its windows hold, or have used where that is more. One without a reset
    -- counts all that the key has ever used: such is the call that closes a key, which allows what was
    -- used and nothing more, and its own limit is never sent again.
    worst as (
      select e.id, e.holder_id, e.generation, l.month, e.limit_reset, k.cap_usd, k.state,
        greatest(e.limit_usd - case when (e.without_reset and e.limit_reset is not null)
            or (b.closes and e.seen_reset is null) then b.used else 0 end,
          e.seen_limit_usd - case when e.limit_reset is not null and e.seen_reset is null then b.used else 0 end,
          e.call_limit_usd - case when closes and e.call_limit_usd <= greatest(e.used_usd, 0.000001) then b.used
            else 0 end,
          e.doubt_limit_usd - case when closes and e.doubt_limit_usd <= greatest(e.used_usd, 0.000001) then b.used
            else 0 end) as most,
        coalesce((select sum(greatest(w.reserved_usd, w.used_usd)) from keymint.key_windows w where w.key_id = e.id
          and (w.starts_at at time zone 'UTC')::date >= l.month), 0) as reserved,
        b.used as used_before
      from keymint.keys e join keymint.api_keys k on k.id = e.holder_id and e.holder_kind = 'sub-key'
      join latest l using (user_id)
      cross join lateral (select coalesce(sum(w.used_usd), 0) as used,
          e.limit_reset is not null and coalesce(e.off_ended_at, e.off_replaced_at) is not null as closes
        from keymint.key_windows w where w.key_id = e.id
          and (w.starts_at at time zone 'UTC')::date < l.month) b
      where k.user_id = any(${ids}) and e.saved_at is not null and e.closed_at is null and e.expires_at > keymint.now()
        and e.expires_at > l.month at time zone 'UTC')
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
    union all select 'the ledger of ' || coalesce(w.id, m.api_key_id) || ' in ' || coalesce(w.month, m.month) ||
      ' is not its windows: ' || coalesce(m.committed_usd, 0) || ' and ' || coalesce(m.spent_usd, 0) || ', not ' ||
      coalesce(w.committed, 0) || ' and ' || coalesce(w.spent, 0)
      from windows w full join (select m.api_key_id, m.month, sum(m.committed_usd) as committed_usd,
          sum(m.spent_usd - m.corrected_usd) as spent_usd
        from keymint.key_months m join keymint.api_keys k on k.id = m.api_key_id
        where k.user_id = any(${ids}) group by 1, 2) m on m.api_key_id = w.id and m.month = w.month
      where (coalesce(m.committed_usd, 0), coalesce(m.spent_usd, 0))
        is distinct from (coalesce(w.committed, 0), coalesce(w.spent, 0))
    union all select 'the corrections of ' || m.api_key_id || ' are not those of the ledger'
      from keymint.key_months m join keymint.api_keys k on k.id = m.api_key_id
      left join lateral (select sum(case t.kind when 'correct-up' then t.amount_usd else -t.amount_usd end) as usd
        from keymint.transactions t where t.api_key_id = m.api_key_id and t.month = m.month and t.user_id = m.user_id
          and t.kind in ('correct-up', 'correct-down')) c on true
      where k.user_id = any(${ids}) and m.corrected_usd <> coalesce(c.usd, 0)
    union all select 'more is booked for ' || e.id || ' than it has used' from keymint.keys e
      join keymint.api_keys k on k.id = e.holder_id and e.holder_kind = 'sub-key'
      join keymint.key_windows w on w.key_id = e.id
      where k.user_id = any(${ids}) and e.written_off_at is null
      group by e.id having sum(w.used_usd) > e.used_usd
    union all select 'the days of ' || coalesce(d.api_key_id, t.api_key_id) || ' are not those of the ledger'
      from (select * from keymint.key_days where user_id = any(${ids})) d
      full join (select t.api_key_id, t.user_id, t.month,
          least(greatest((t.at at time zone 'UTC')::date, t.month), (t.month + interval '1 month')::date - 1) as day,
          sum(case when t.kind in ('spend', 'overspend') then t.amount_usd else 0 end) as usage,
          sum(case t.kind when 'correct-up' then t.amount_usd when 'correct-down' then -t.amount_usd else 0 end)
            as corrected,
          max(case when t.kind in ('spend', 'overspend') then t.at end) as last_at
        from keymint.transactions t where t.user_id = any(${ids}) and 'spent' in (t.from_account, t.to_account)
        group by 1, 2, 3, 4) t using (api_key_id, user_id, month, day)
      where (d.usage_usd, d.corrected_usd, d.last_used_at) is distinct from (t.usage, t.corrected, t.last_at)
    union all select 'a reservation is below a limit that may be in force: ' || id || ' holds ' || reserved ||
      ' of ' || most from worst where most > 0.000001
        and reserved < most - case when limit_reset is null then used_before else 0 end
    union all select 'the holder of ' || holder_id || ' may spend more than its cap' from (
      select w.holder_id, count(*) filter (where e.off_ended_at is null and e.off_replaced_at is null
        and not e.seen_off and not e.without_reset) as enabled
      from worst w join keymint.keys e using (id) group by 1) o where enabled > 1
    -- Side by side: all that has been used, and all that every key may still use, is within the cap,
    -- or within what was used beyond it. Counted once the provider has confirmed every limit.
    union all select 'keys of ' || holder_id || ' may spend more than their cap together: ' || may || ' and ' ||
      used || ' of ' || cap from (
      select k.id as holder_id, max(k.cap_usd) as cap, sum(u.used) as used,
        sum(case when e.closed_at is null and e.off_ended_at is null and e.off_replaced_at is null
          and e.expires_at > keymint.now() then greatest(e.limit_usd, e.seen_limit_usd) - case
          when e.seen_reset is null then e.used_usd else u.used end else 0 end) as may,
        bool_and(e.revision = e.seen_revision and e.call_sent_at is null and e.doubt_until is null) as sure,
        count(*) filter (where e.without_reset and e.closed_at is null) as side
      from keymint.keys e join keymint.api_keys k on k.id = e.holder_id and e.holder_kind = 'sub-key'
      join latest l on l.user_id = k.user_id
      cross join lateral (select coalesce(sum(w.used_usd), 0) as used from keymint.key_windows w
        where w.key_id = e.id and (k.reset is null or (w.starts_at at time zone 'UTC')::date >= l.month)) u
      where k.user_id = any(${ids}) and e.saved_at is not null group by 1) s
      where side > 0 and sure and may > 0.00001 and may + used > cap + 0.00001
    union all select 'settled before it was closed: ' || id from keymint.keys
      where settled_at is not null and closed_at is null and written_off_at is null
    union all select 'a settled key holds money: ' || w.key_id
      from keymint.key_windows w join keymint.keys e on e.id = w.key_id
      where e.settled_at is not null and w.reserved_usd > w.used_usd
    union all select 'a key that was never made holds money: ' || k.id
      from keymint.api_keys k join keymint.key_months m on m.api_key_id = k.id
      where k.user_id = any(${ids}) and k.state = 'refused' and m.committed_usd > 0
        and not exists (select 1 from keymint.keys e where e.holder_kind = 'sub-key' and e.holder_id = k.id
          and e.saved_at is not null and e.settled_at is null)
    union all select 'the copy of ' || k.id || ' is not its key' from keymint.api_keys k join keymint.keys e
      on e.holder_kind = 'sub-key' and e.holder_id = k.id and e.generation = k.generation
      where k.user_id = any(${ids}) and (k.key_hash, k.sealed, k.usage_usd, k.closed_upstream_at, k.settled_at)
        is distinct from (e.hash, e.sealed, e.used_usd, e.closed_at, e.settled_at)
    union all select 'less than nothing is free without a cause: ' || b.user_id || ' in ' || b.month
      from keymint.budget_months b
      where b.user_id = any(${ids}) and b.free_usd < 0
        and not exists (select 1 from keymint.transactions t where t.user_id = b.user_id and t.month = b.month
        and t.kind in ('deallocate', 'overspend', 'carry', 'correct-up'))
    limit 5`
  expect(wrong.map(({ what }) => what)).toEqual([])
}

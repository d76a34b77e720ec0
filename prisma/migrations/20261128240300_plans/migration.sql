-- A plan that was taken back is no row any more: one that has the amount of the month before it would come into force as
-- a plan, and undo a change that was made since.
DELETE FROM keymint.budgets b
  WHERE b.month > date_trunc('month', now() AT TIME ZONE 'UTC')
    AND b.allocated_usd = (SELECT p.allocated_usd FROM keymint.budgets p
      WHERE p.team_id = b.team_id AND p.user_id = b.user_id AND p.month < b.month ORDER BY p.month DESC LIMIT 1);

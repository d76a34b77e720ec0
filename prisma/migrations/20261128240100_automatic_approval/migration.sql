-- Budget requests up to a sum are approved at once: so much a request, and so much a member and month. Off where both
-- are null.
ALTER TABLE keymint.teams
  ADD COLUMN auto_request_usd numeric(20,9),
  ADD COLUMN auto_month_usd   numeric(20,9),
  ADD CONSTRAINT team_automatic_approval CHECK (
    (auto_request_usd IS NULL AND auto_month_usd IS NULL) OR (auto_request_usd > 0 AND auto_month_usd > 0));

-- The month that a request was granted in automatically; null where a person decided, or nobody yet.
ALTER TABLE keymint.budget_requests
  ADD COLUMN auto_month date CONSTRAINT budget_request_auto_month CHECK (
    auto_month IS NULL OR (extract(day FROM auto_month) = 1 AND state = 'approved' AND granted_once));

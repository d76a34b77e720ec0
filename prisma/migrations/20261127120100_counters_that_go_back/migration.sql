-- A counter that goes back has begun anew: what it shows from then on is on top of what was kept at that moment.
ALTER TABLE keymint.keys
  ADD COLUMN used_base_usd   numeric(20,9) NOT NULL DEFAULT 0,
  ADD COLUMN window_base_usd numeric(20,9) NOT NULL DEFAULT 0,
  ADD CONSTRAINT key_bases CHECK (used_base_usd BETWEEN 0 AND used_usd AND window_base_usd BETWEEN 0 AND window_used_usd);

-- What is assigned to guardrails is listed less often than keys are read.
ALTER TABLE keymint.accounts ADD COLUMN assignments_listed_at timestamptz(6);

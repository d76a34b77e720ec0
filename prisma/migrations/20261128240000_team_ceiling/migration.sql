-- The most that all members together may have spent and set aside in one UTC month.
ALTER TABLE keymint.teams
  ADD COLUMN ceiling_usd numeric(20,9) CONSTRAINT team_ceiling CHECK (ceiling_usd >= 0);

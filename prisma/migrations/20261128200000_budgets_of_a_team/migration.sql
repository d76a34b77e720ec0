-- What owners set once for many: a budget for newcomers, one inside an invitation, the service that the store shows
-- first. More for one month alone. A request may be granted with another amount.

ALTER TABLE keymint.teams
  ADD COLUMN default_budget_usd numeric(20,9) CONSTRAINT team_default_budget CHECK (default_budget_usd >= 0),
  ADD COLUMN default_service    text;

ALTER TABLE keymint.invitations
  ADD COLUMN budget_usd numeric(20,9) CONSTRAINT invitation_budget CHECK (budget_usd >= 0);

ALTER TABLE keymint.budget_requests
  ADD COLUMN granted_usd numeric(20,9) CONSTRAINT budget_request_grants CHECK (granted_usd > 0),
  ADD COLUMN granted_once boolean NOT NULL DEFAULT false;

-- In one month alone, beside the budget; one row a month, which another amount replaces.
CREATE TABLE keymint.budget_top_ups (
    team_id    uuid NOT NULL,
    user_id    text NOT NULL,
    month      date NOT NULL CONSTRAINT budget_top_up_month CHECK (extract(day FROM month) = 1),
    amount_usd numeric(20,9) NOT NULL CONSTRAINT budget_top_up_not_negative CHECK (amount_usd >= 0),
    reason     text NOT NULL,
    set_by     text NOT NULL,
    set_at     timestamptz(6) NOT NULL DEFAULT now(),
    form_id    uuid,
    PRIMARY KEY (team_id, user_id, month),
    FOREIGN KEY (team_id, user_id) REFERENCES keymint.team_members (team_id, user_id) ON DELETE RESTRICT ON UPDATE CASCADE
);
ALTER TABLE keymint.budget_top_ups ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON keymint.budget_top_ups FROM PUBLIC;

-- Telling people in teams: what each wants by mail, a team's webhooks, and which decisions were seen.
CREATE TABLE keymint.team_mail_choices (
    team_id uuid NOT NULL,
    user_id text NOT NULL,
    choice  text NOT NULL,
    wanted  boolean NOT NULL,
    set_at  timestamptz(6) NOT NULL DEFAULT now(),
    PRIMARY KEY (team_id, user_id, choice),
    FOREIGN KEY (team_id, user_id) REFERENCES keymint.team_members (team_id, user_id) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE keymint.team_hooks (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    team_id    uuid NOT NULL REFERENCES keymint.teams (id) ON DELETE RESTRICT ON UPDATE NO ACTION,
    channel    text NOT NULL CONSTRAINT team_hook_channel CHECK (channel IN ('webhook', 'slack')),
    host       text NOT NULL,
    sealed     text NOT NULL,
    generation integer NOT NULL DEFAULT 1,
    created_by text NOT NULL REFERENCES keymint.attendees (user_id) ON DELETE RESTRICT ON UPDATE CASCADE,
    created_at timestamptz(6) NOT NULL DEFAULT now(),
    CONSTRAINT team_hook_one UNIQUE (team_id, channel)
);
CREATE INDEX team_hooks_created_by_idx ON keymint.team_hooks (created_by);

ALTER TABLE keymint.budget_requests ADD COLUMN seen_at timestamptz(6);
-- What was decided before there was a mark is no news.
UPDATE keymint.budget_requests SET seen_at = decided_at WHERE state IN ('approved', 'refused');
CREATE INDEX budget_decision_unseen ON keymint.budget_requests (team_id, user_id) WHERE state IN ('approved', 'refused') AND seen_at IS NULL;
CREATE INDEX budget_decision_newest ON keymint.budget_requests (decided_at) WHERE state IN ('approved', 'refused');
-- Everybody's month at once, to judge whose budget is nearly spent.
CREATE INDEX budget_months_month_idx ON keymint.budget_months (month);

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['team_mail_choices', 'team_hooks'] LOOP
    EXECUTE format('ALTER TABLE keymint.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('REVOKE ALL ON keymint.%I FROM PUBLIC', t);
  END LOOP;
END $$;

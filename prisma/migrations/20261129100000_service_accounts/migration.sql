-- Service accounts of a team: holders of keys who are nobody. Their user ids begin with "service:", and
-- nothing of a person can belong to one: no address, no sign-in, no claim, and no other role or team.
ALTER TABLE keymint.attendees ADD CONSTRAINT service_account_is_nobody CHECK (
  (auth_provider = 'service') = (user_id LIKE 'service:%')
  AND (auth_provider <> 'service' OR (email IS NULL AND email_normalized IS NULL AND avatar_url IS NULL
    AND banned_at IS NULL AND erased_at IS NULL AND NOT marketing_opted_in)));
ALTER TABLE keymint.identities ADD CONSTRAINT service_account_has_no_identity CHECK (user_id NOT LIKE 'service:%');
ALTER TABLE keymint.sessions ADD CONSTRAINT service_account_has_no_session CHECK (user_id NOT LIKE 'service:%');
ALTER TABLE keymint.workshop_attendance ADD CONSTRAINT service_account_has_no_claim CHECK (user_id NOT LIKE 'service:%');

ALTER TABLE keymint.team_members DROP CONSTRAINT team_member_role,
  ADD CONSTRAINT team_member_role CHECK (role IN ('owner', 'finance', 'member', 'viewer', 'service')),
  ADD CONSTRAINT team_member_service CHECK ((role = 'service') = (user_id LIKE 'service:%'));
CREATE UNIQUE INDEX service_account_one_team ON keymint.team_members (user_id) WHERE role = 'service';

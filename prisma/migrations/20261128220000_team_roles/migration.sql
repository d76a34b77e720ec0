-- Two more roles in a team: finance, who handles budgets alone, and viewer, who sees what the team spends.
ALTER TABLE keymint.team_members DROP CONSTRAINT team_member_role,
  ADD CONSTRAINT team_member_role CHECK (role IN ('owner', 'finance', 'member', 'viewer'));
ALTER TABLE keymint.invitations DROP CONSTRAINT invitation_role,
  ADD CONSTRAINT invitation_role CHECK (role IN ('owner', 'finance', 'member', 'viewer'));

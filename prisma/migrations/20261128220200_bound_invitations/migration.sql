-- An invitation may be good for one verified address alone.
ALTER TABLE keymint.invitations
  ADD COLUMN bound boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT invitation_bound CHECK (NOT bound OR email IS NOT NULL);

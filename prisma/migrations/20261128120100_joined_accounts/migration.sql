-- Which session of another account the same browser had until this one began: the proof that one person opens both.
ALTER TABLE keymint.sessions
  ADD COLUMN earlier_token_hash text CONSTRAINT session_earlier REFERENCES keymint.sessions (token_hash) ON DELETE SET NULL,
  ADD CONSTRAINT session_not_its_own_earlier CHECK (earlier_token_hash <> token_hash);
CREATE INDEX sessions_earlier ON keymint.sessions (earlier_token_hash) WHERE earlier_token_hash IS NOT NULL;

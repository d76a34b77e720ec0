-- A key can be handed to another member. What each holder spent with it, and reserves for it, is theirs:
-- the balances of a key's month are kept for each holder.
ALTER TABLE keymint.key_months DISABLE TRIGGER key_months_hold;
ALTER TABLE keymint.key_months ADD COLUMN user_id text;
UPDATE keymint.key_months m SET user_id = k.user_id FROM keymint.api_keys k WHERE k.id = m.api_key_id;
ALTER TABLE keymint.key_months
  ALTER COLUMN user_id SET NOT NULL,
  DROP CONSTRAINT key_months_pkey,
  ADD PRIMARY KEY (api_key_id, month, user_id),
  ADD CONSTRAINT key_months_user_id_fkey FOREIGN KEY (user_id) REFERENCES keymint.attendees (user_id)
    ON DELETE RESTRICT ON UPDATE CASCADE;
CREATE INDEX key_months_user_id_idx ON keymint.key_months (user_id);
ALTER TABLE keymint.key_months ENABLE TRIGGER key_months_hold;

CREATE OR REPLACE FUNCTION keymint.post_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  left_free numeric;
  spends numeric := CASE 'spent' WHEN NEW.to_account THEN NEW.amount_usd WHEN NEW.from_account THEN -NEW.amount_usd ELSE 0 END;
BEGIN
  UPDATE keymint.budget_months b SET
    allocated_usd = allocated_usd + CASE 'unallocated' WHEN NEW.from_account THEN NEW.amount_usd WHEN NEW.to_account THEN -NEW.amount_usd ELSE 0 END,
    free_usd      = free_usd + CASE 'free' WHEN NEW.to_account THEN NEW.amount_usd WHEN NEW.from_account THEN -NEW.amount_usd ELSE 0 END,
    committed_usd = committed_usd + CASE 'committed' WHEN NEW.to_account THEN NEW.amount_usd WHEN NEW.from_account THEN -NEW.amount_usd ELSE 0 END,
    spent_usd     = spent_usd + spends
  WHERE b.team_id = NEW.team_id AND b.user_id = NEW.user_id AND b.month = NEW.month
  RETURNING free_usd INTO left_free;
  -- The code asks first; this is why two tabs cannot commit the same money even if it did not.
  IF NEW.kind = 'commit' AND left_free < 0 THEN
    RAISE EXCEPTION 'a commitment of % is more than is free', NEW.amount_usd USING ERRCODE = 'KM001';
  END IF;
  IF NEW.api_key_id IS NOT NULL THEN
    INSERT INTO keymint.key_months AS k (api_key_id, month, user_id) VALUES (NEW.api_key_id, NEW.month, NEW.user_id) ON CONFLICT DO NOTHING;
    UPDATE keymint.key_months k SET
      committed_usd = committed_usd + CASE 'committed' WHEN NEW.to_account THEN NEW.amount_usd WHEN NEW.from_account THEN -NEW.amount_usd ELSE 0 END,
      spent_usd     = spent_usd + spends,
      corrected_usd = corrected_usd + CASE WHEN NEW.kind IN ('correct-up', 'correct-down') THEN spends ELSE 0 END
    WHERE k.api_key_id = NEW.api_key_id AND k.month = NEW.month AND k.user_id = NEW.user_id;
  END IF;
  RETURN NULL;
END $$;

-- Who held the key before, and which key that was: they may have copied it, until it is replaced.
ALTER TABLE keymint.api_keys
  ADD COLUMN former_user_id text REFERENCES keymint.attendees (user_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  ADD COLUMN handed_generation integer,
  ADD CONSTRAINT sub_key_handed CHECK ((former_user_id IS NULL) = (handed_generation IS NULL));
CREATE INDEX api_keys_former_user_id_idx ON keymint.api_keys (former_user_id) WHERE former_user_id IS NOT NULL;

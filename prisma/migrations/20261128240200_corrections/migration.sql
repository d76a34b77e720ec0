-- What a provider counted wrongly is corrected by a posting, in both directions, and never below nothing: spent_usd of
-- a key's month is what was counted and what people corrected together.
ALTER TABLE keymint.transactions
  ADD COLUMN form_id uuid,
  DROP CONSTRAINT transaction_accounts,
  ADD CONSTRAINT transaction_accounts CHECK ((kind, from_account, to_account) IN (
    ('allocate', 'unallocated', 'free'), ('deallocate', 'free', 'unallocated'),
    ('commit', 'free', 'committed'), ('carry', 'free', 'committed'), ('release', 'committed', 'free'),
    ('spend', 'committed', 'spent'), ('overspend', 'free', 'spent'),
    ('correct-up', 'free', 'spent'), ('correct-down', 'spent', 'free')));
-- Posted twice, a form is one posting.
CREATE UNIQUE INDEX transactions_form_id_key ON keymint.transactions (form_id) WHERE form_id IS NOT NULL;

ALTER TABLE keymint.key_months
  ADD COLUMN corrected_usd numeric(20,9) NOT NULL DEFAULT 0;

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
    INSERT INTO keymint.key_months AS k (api_key_id, month) VALUES (NEW.api_key_id, NEW.month) ON CONFLICT DO NOTHING;
    UPDATE keymint.key_months k SET
      committed_usd = committed_usd + CASE 'committed' WHEN NEW.to_account THEN NEW.amount_usd WHEN NEW.from_account THEN -NEW.amount_usd ELSE 0 END,
      spent_usd     = spent_usd + spends,
      corrected_usd = corrected_usd + CASE WHEN NEW.kind IN ('correct-up', 'correct-down') THEN spends ELSE 0 END
    WHERE k.api_key_id = NEW.api_key_id AND k.month = NEW.month;
  END IF;
  RETURN NULL;
END $$;

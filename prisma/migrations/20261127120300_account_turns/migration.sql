-- Since when a gate is closed, for the pages that say so, until when an account shares its turns with other slow ones, and when one
-- that cannot be read is tried again.
ALTER TABLE keymint.accounts ADD COLUMN closed_since timestamptz(6), ADD COLUMN slow_until timestamptz(6),
  ADD COLUMN read_tries integer NOT NULL DEFAULT 0, ADD COLUMN read_after timestamptz(6);

-- Kept by the database: whatever opens or closes a gate need not remember it.
CREATE FUNCTION keymint.keep_closed_since() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.closed_since := CASE WHEN NEW.cooldown_until IS NULL THEN NULL ELSE coalesce(OLD.closed_since, keymint.now()) END;
  RETURN NEW;
END $$;
CREATE TRIGGER keep_closed_since BEFORE UPDATE ON keymint.accounts
  FOR EACH ROW WHEN ((NEW.cooldown_until IS NULL) <> (NEW.closed_since IS NULL)) EXECUTE FUNCTION keymint.keep_closed_since();
UPDATE keymint.accounts SET closed_since = keymint.now() WHERE cooldown_until IS NOT NULL;

-- A team ends for good: its keys end, its credentials are destroyed, its books stay. Live keys have a ceiling.
-- Credentials are sealed to their service and address (v3), and a hold says which key made its fingerprint.

ALTER TABLE keymint.teams
  ADD COLUMN closed_at     timestamptz(6),
  ADD COLUMN max_live_keys integer NOT NULL DEFAULT 20 CONSTRAINT team_max_live_keys CHECK (max_live_keys BETWEEN 1 AND 1000);
CREATE INDEX teams_closed_idx ON keymint.teams (id) WHERE closed_at IS NOT NULL;

ALTER TABLE keymint.master_keys
  ALTER COLUMN sealed DROP NOT NULL,
  ADD COLUMN destroyed_at timestamptz(6),
  DROP CONSTRAINT master_key_sealed,
  ADD CONSTRAINT master_key_sealed CHECK (sealed ~ '^v[23][.]'),
  ADD CONSTRAINT master_key_destroyed CHECK ((sealed IS NULL) = (destroyed_at IS NOT NULL)),
  ADD CONSTRAINT master_key_destroyed_is_disabled CHECK (destroyed_at IS NULL OR state = 'disabled');

-- There is no way back: not for a team, and not for a credential.
CREATE FUNCTION keymint.hold_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'what has ended in % stays ended', TG_TABLE_NAME;
END $$;
CREATE TRIGGER teams_stay_closed BEFORE UPDATE ON keymint.teams FOR EACH ROW
  WHEN (OLD.closed_at IS NOT NULL AND NEW.closed_at IS DISTINCT FROM OLD.closed_at) EXECUTE FUNCTION keymint.hold_end();
CREATE TRIGGER master_keys_stay_destroyed BEFORE UPDATE ON keymint.master_keys FOR EACH ROW
  WHEN (OLD.destroyed_at IS NOT NULL AND (NEW.destroyed_at, NEW.sealed) IS DISTINCT FROM (OLD.destroyed_at, OLD.sealed))
  EXECUTE FUNCTION keymint.hold_end();
REVOKE ALL ON FUNCTION keymint.hold_end() FROM PUBLIC;

-- The form that set it: sent twice, it sets it once.
ALTER TABLE keymint.budgets ADD COLUMN form_id uuid;

-- Null: recorded before keys were noted; it may be of any key of ENCRYPTION_KEY.
ALTER TABLE keymint.claim_holds ADD COLUMN key_id text;

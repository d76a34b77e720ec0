-- A tool on some computer asks for a person's key by a short code, which the person types on a page where they are signed in. Both codes
-- are stored as hashes; the key itself is never in here.
CREATE TABLE keymint.setup_codes (
    id          uuid NOT NULL DEFAULT gen_random_uuid(),
    code_hash   text NOT NULL,
    device_hash text NOT NULL,
    tool        text NOT NULL CONSTRAINT setup_tool_short CHECK (char_length(tool) BETWEEN 1 AND 32),
    machine     text NOT NULL CONSTRAINT setup_machine_short CHECK (char_length(machine) BETWEEN 1 AND 64),
    state       text NOT NULL DEFAULT 'waiting' CONSTRAINT setup_state CHECK (state IN ('waiting', 'approved', 'refused', 'handed-over')),
    reason      text,
    user_id     text,
    claim_id    uuid,
    created_at  timestamptz(6) NOT NULL DEFAULT now(),
    expires_at  timestamptz(6) NOT NULL,
    decided_at  timestamptz(6),
    handed_at   timestamptz(6),
    CONSTRAINT setup_codes_pkey PRIMARY KEY (id),
    CONSTRAINT setup_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES keymint.attendees (user_id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT setup_codes_claim_id_fkey FOREIGN KEY (claim_id) REFERENCES keymint.workshop_attendance (claim_id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT setup_refused_why CHECK ((state = 'refused') = (reason IS NOT NULL)),
    CONSTRAINT setup_decided CHECK ((state = 'waiting') = (decided_at IS NULL)),
    CONSTRAINT setup_approved_for CHECK (state NOT IN ('approved', 'handed-over') OR num_nulls(user_id, claim_id) = 0),
    CONSTRAINT setup_handed CHECK ((state = 'handed-over') = (handed_at IS NOT NULL)),
    CONSTRAINT setup_ends CHECK (expires_at > created_at)
);
CREATE UNIQUE INDEX setup_codes_code_hash_key ON keymint.setup_codes (code_hash);
CREATE UNIQUE INDEX setup_codes_device_hash_key ON keymint.setup_codes (device_hash);
CREATE INDEX setup_codes_expires_at_idx ON keymint.setup_codes (expires_at);
CREATE INDEX setup_codes_user_id_idx ON keymint.setup_codes (user_id);

-- A code counts once: it never comes back from refused or handed over, and once approved it stays with its claim.
CREATE FUNCTION keymint.hold_setup_code() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT (OLD.state = NEW.state
      OR (OLD.state = 'waiting' AND NEW.state IN ('approved', 'refused'))
      OR (OLD.state = 'approved' AND NEW.state IN ('handed-over', 'refused'))) THEN
    RAISE EXCEPTION 'setup code % may not go from % to %', OLD.id, OLD.state, NEW.state;
  END IF;
  IF (OLD.code_hash, OLD.device_hash, OLD.tool, OLD.machine, OLD.expires_at)
      IS DISTINCT FROM (NEW.code_hash, NEW.device_hash, NEW.tool, NEW.machine, NEW.expires_at)
    OR (OLD.claim_id IS NOT NULL AND NEW.claim_id IS DISTINCT FROM OLD.claim_id) THEN
    RAISE EXCEPTION 'setup code % stays what was asked for', OLD.id;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER hold_setup_code BEFORE UPDATE ON keymint.setup_codes FOR EACH ROW EXECUTE FUNCTION keymint.hold_setup_code();

ALTER TABLE keymint.setup_codes ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON keymint.setup_codes FROM PUBLIC;
REVOKE ALL ON FUNCTION keymint.hold_setup_code() FROM PUBLIC;

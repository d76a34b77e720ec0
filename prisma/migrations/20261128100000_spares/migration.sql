-- Keys that are made before anybody asks (`premint` in a workshop's file). A spare holds its key and the money of it until a claim takes both.
CREATE TABLE keymint.spares (
    id             uuid PRIMARY KEY,
    workshop_slug  text NOT NULL,
    state          text NOT NULL DEFAULT 'pending' CONSTRAINT spare_state CHECK (state IN ('pending', 'ready', 'taken', 'ended', 'refused')),
    reason         text,
    reason_detail  text,
    limit_usd      numeric(20,9) NOT NULL,
    limit_reset    text CONSTRAINT spare_reset CHECK (limit_reset IN ('daily', 'weekly', 'monthly')),
    expires_at     timestamptz(6) NOT NULL,
    allowed_models text[] NOT NULL,
    committed_usd  numeric(20,9) NOT NULL DEFAULT 0,
    claim_id       uuid UNIQUE,
    requested_at   timestamptz(6) NOT NULL DEFAULT keymint.now(),
    ended_at       timestamptz(6),
    CONSTRAINT spare_money CHECK (limit_usd > 0 AND committed_usd >= 0),
    -- What a claim took is the claim's: key, money and all.
    CONSTRAINT spare_taken CHECK ((state = 'taken') = (claim_id IS NOT NULL) AND (claim_id IS NULL OR committed_usd = 0)),
    CONSTRAINT spare_over CHECK ((state IN ('pending', 'ready')) = (ended_at IS NULL))
);
CREATE INDEX spares_live ON keymint.spares (workshop_slug, state) WHERE state IN ('pending', 'ready');
CREATE INDEX spares_held ON keymint.spares (workshop_slug) WHERE committed_usd > 0;
CREATE INDEX spares_over ON keymint.spares (workshop_slug, ended_at) WHERE state IN ('ended', 'refused');
ALTER TABLE keymint.spares ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON keymint.spares FROM PUBLIC;

-- A spare goes one way, and what is over stays over.
CREATE FUNCTION keymint.hold_spare_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state IN ('taken', 'ended', 'refused') OR (OLD.state = 'ready' AND NEW.state = 'pending') OR (OLD.state = 'pending' AND NEW.state = 'taken') THEN
    RAISE EXCEPTION 'spare % cannot go from % to %', OLD.id, OLD.state, NEW.state;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER hold_spare_transition BEFORE UPDATE OF state ON keymint.spares
  FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION keymint.hold_spare_transition();
REVOKE ALL ON FUNCTION keymint.hold_spare_transition() FROM PUBLIC;

ALTER TABLE keymint.keys DROP CONSTRAINT key_holder_kind,
  ADD CONSTRAINT key_holder_kind CHECK (holder_kind IN ('claim', 'sub-key', 'spare'));
ALTER TABLE keymint.mints DROP CONSTRAINT mint_holder_kind,
  ADD CONSTRAINT mint_holder_kind CHECK (holder_kind IN ('claim', 'sub-key', 'spare'));

-- The key of a spare has no copy beside it: the row of keys is read.
CREATE OR REPLACE VIEW keymint.key_holders AS
  SELECT 'claim'::text AS holder_kind, c.claim_id AS holder_id, c.generation, c.state = 'pending' AS waiting, a.banned_at IS NOT NULL AS barred
  FROM keymint.workshop_attendance c JOIN keymint.attendees a USING (user_id)
  UNION ALL
  SELECT 'sub-key'::text, k.id, k.generation, k.state = 'pending', a.banned_at IS NOT NULL
  FROM keymint.api_keys k JOIN keymint.attendees a USING (user_id)
  UNION ALL
  SELECT 'spare'::text, s.id, 1, s.state = 'pending', false FROM keymint.spares s;

-- A key that was made before its claim counts when it was claimed, and was waited for not at all.
CREATE OR REPLACE FUNCTION keymint.claim_moments(state text, generation integer, attended_at timestamptz, key_saved_at timestamptz,
  was_state text, was_attended_at timestamptz, was_key_saved_at timestamptz, refused_at timestamptz)
RETURNS TABLE (facet text, minute timestamptz) LANGUAGE sql STABLE AS $$
  SELECT m.name, date_trunc('minute', m.at) FROM (VALUES
    ('claims', $3, $3 IS DISTINCT FROM $6),
    ('keys', greatest($3, $4), $4 IS NOT NULL AND $4 IS DISTINCT FROM $7),
    ('refused', $8, $1 = 'refused' AND $5 IS DISTINCT FROM 'refused'),
    ('time-to-key/' || keymint.time_to_key_step(extract(epoch FROM greatest($3, $4) - $3)::float8), greatest($3, $4),
      $2 = 1 AND $4 IS NOT NULL AND $4 IS DISTINCT FROM $7)
  ) m(name, at, happened) WHERE m.happened
$$;

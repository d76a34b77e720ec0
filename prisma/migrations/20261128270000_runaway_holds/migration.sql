-- A key that spends so fast that its whole limit would be gone within minutes: what was read of it, and the hold that it gets.
ALTER TABLE keymint.keys ADD COLUMN off_runaway_at timestamptz(6);

CREATE TABLE keymint.spend_readings (
    key_id   uuid NOT NULL CONSTRAINT spend_readings_key_id_fkey REFERENCES keymint.keys (id)
               ON DELETE RESTRICT ON UPDATE NO ACTION,
    read_at  timestamptz(6) NOT NULL,
    used_usd numeric(20,9) NOT NULL,
    CONSTRAINT spend_readings_pkey PRIMARY KEY (key_id, read_at)
);
CREATE INDEX spend_readings_read_at_idx ON keymint.spend_readings (read_at);

CREATE TABLE keymint.runaway_holds (
    id             uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT runaway_holds_pkey PRIMARY KEY,
    claim_id       uuid NOT NULL CONSTRAINT runaway_holds_claim_id_fkey REFERENCES keymint.workshop_attendance (claim_id)
                     ON DELETE RESTRICT ON UPDATE CASCADE,
    generation     integer NOT NULL,
    per_minute_usd numeric(20,9) NOT NULL CONSTRAINT runaway_hold_rate CHECK (per_minute_usd > 0),
    held_at        timestamptz(6) NOT NULL DEFAULT keymint.now(),
    lifted_at      timestamptz(6),
    lifted_by      text CONSTRAINT runaway_hold_lifted_by CHECK (lifted_by IN ('holder', 'staff')),
    quiet_until    timestamptz(6),
    mailed_at      timestamptz(6),
    CONSTRAINT runaway_hold_lifted CHECK ((lifted_at IS NULL) = (lifted_by IS NULL)
      AND (lifted_at IS NULL) = (quiet_until IS NULL))
);
CREATE UNIQUE INDEX runaway_hold_one_open ON keymint.runaway_holds (claim_id, generation) WHERE lifted_at IS NULL;
CREATE INDEX runaway_holds_claim_id_generation_idx ON keymint.runaway_holds (claim_id, generation, held_at);
CREATE INDEX runaway_hold_unmailed ON keymint.runaway_holds (held_at) WHERE lifted_at IS NULL AND mailed_at IS NULL;

ALTER TABLE keymint.spend_readings ENABLE ROW LEVEL SECURITY;
ALTER TABLE keymint.runaway_holds ENABLE ROW LEVEL SECURITY;

-- A hold is wanted off like every other cause.
CREATE OR REPLACE VIEW keymint.held_keys AS
  SELECT k.id AS key_id, k.holder_kind, k.holder_id, k.generation, k.scope, k.account, k.hash AS key_hash,
    k.off_ended_at IS NULL AND k.off_replaced_at IS NULL AND NOT k.without_reset AS live,
    k.off_staff_at IS NOT NULL OR k.off_cap_at IS NOT NULL OR k.off_person_at IS NOT NULL OR k.off_runaway_at IS NOT NULL
      OR k.off_replaced_at IS NOT NULL
      OR (k.off_ended_at IS NOT NULL AND k.off_ended_at < k.expires_at) AS wanted_disabled,
    k.limit_usd AS wanted_limit_usd, CASE WHEN k.without_reset THEN NULL ELSE k.limit_reset END AS limit_reset,
    k.expires_at, k.saved_at AS key_saved_at, coalesce(k.off_replaced_at, k.off_ended_at) AS ended_at, k.settled_at,
    k.guardrail_id, k.guardrail_at AS guardrail_attached_at, k.bind_set_aside, k.bind_error, k.missing_at AS upstream_missing_at,
    (k.revision <> k.seen_revision OR k.call_sent_at IS NOT NULL OR (k.off_ended_at IS NOT NULL AND k.closed_at IS NULL))
      AND k.apply_failed_at IS NULL AS changing,
    k.off_replaced_at IS NOT NULL OR k.without_reset AS retired, k.used_usd AS usage_usd, k.wants_guardrail
  FROM keymint.keys k JOIN keymint.installation i ON i.id = k.installation WHERE k.saved_at IS NOT NULL AND k.deleted_at IS NULL;

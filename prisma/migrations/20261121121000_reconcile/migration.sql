-- Reconcile keeps what it found, so that its page reads rows; usage keeps what the account has left and what went past its cap.

-- Every key of ours that a row holds, live, ended or retired: what sync and reconcile read. The one place that says what we want of
-- each upstream (wanted_disabled, wanted_limit_usd), and whether a change is under way (changing): then it is not judged.
CREATE OR REPLACE VIEW keymint.held_keys AS
  SELECT 'claim'::text AS owner_kind, c.claim_id AS owner_id, c.generation, c.workshop_slug AS scope, c.or_key_hash AS key_hash,
         c.state = 'ready' AS live, c.limit_usd, c.limit_reset, c.expires_at, c.key_saved_at, c.or_guardrail_id AS guardrail_id, c.guardrail_attached_at,
         c.bind_set_aside, c.ended_at, c.settled_at,
         (c.disabled_at IS NOT NULL OR (c.state = 'ended' AND c.reason <> 'expired')) AS wanted_disabled,
         (CASE WHEN c.limit_carry_until IS NULL THEN c.limit_usd ELSE c.limit_usd - c.limit_carry_usd END)::numeric(20,9) AS wanted_limit_usd,
         EXISTS (SELECT 1 FROM keymint.claim_changes h WHERE h.claim_id = c.claim_id) AS changing,
         false AS retired, c.usage_usd, c.bind_error, c.upstream_missing_at
  FROM keymint.workshop_attendance c WHERE c.or_key_hash IS NOT NULL
  UNION ALL
  SELECT r.owner_kind, r.owner_id, r.generation, r.scope, r.key_hash,
         false, r.limit_usd, NULL, r.expires_at, r.key_saved_at, NULL, NULL::timestamptz(6), false, coalesce(r.disabled_at, r.retired_at), r.settled_at,
         (r.disabled_at IS NOT NULL OR r.grace_seconds IS NULL), r.limit_usd, r.disabled_at IS NULL,
         true, r.usage_usd, NULL, r.upstream_missing_at
  FROM keymint.retired_keys r;

-- Keys that are still read: not settled, or settled so lately that a late spend may come.
CREATE INDEX claim_settled ON keymint.workshop_attendance (settled_at) WHERE or_key_hash IS NOT NULL;
CREATE INDEX retired_key_settled ON keymint.retired_keys (settled_at);

CREATE TABLE keymint.reconcile_runs (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind          text NOT NULL CONSTRAINT reconcile_run_kind CHECK (kind IN ('check', 'fix')),
    check_id      uuid REFERENCES keymint.reconcile_runs (id) ON DELETE RESTRICT,
    actor         text NOT NULL,
    state         text NOT NULL DEFAULT 'waiting' CONSTRAINT reconcile_run_state CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    asked_at      timestamptz(6) NOT NULL DEFAULT now(),
    started_at    timestamptz(6),
    finished_at   timestamptz(6),
    as_of         timestamptz(6),
    upstream_keys integer,
    our_keys      integer,
    unverified    integer NOT NULL DEFAULT 0,
    total         integer NOT NULL DEFAULT 0,
    fixed         integer NOT NULL DEFAULT 0,
    failed        integer NOT NULL DEFAULT 0,
    moot          integer NOT NULL DEFAULT 0,
    error         text
);
CREATE INDEX reconcile_runs_asked_at_idx ON keymint.reconcile_runs (asked_at DESC);
CREATE INDEX reconcile_run_check ON keymint.reconcile_runs (check_id) WHERE check_id IS NOT NULL;
-- One of each kind at a time: a second press joins the first.
CREATE UNIQUE INDEX reconcile_run_active ON keymint.reconcile_runs (kind) WHERE state IN ('waiting', 'running');

CREATE TABLE keymint.reconcile_drifts (
    run_id        uuid NOT NULL REFERENCES keymint.reconcile_runs (id) ON DELETE CASCADE,
    id            text NOT NULL,
    position      integer NOT NULL,
    kind          text NOT NULL,
    subject       text NOT NULL,
    claim_id      uuid,
    key_hash      text,
    workshop_slug text,
    what          text NOT NULL,
    fix           text,
    state         text NOT NULL DEFAULT 'open' CONSTRAINT reconcile_drift_state CHECK (state IN ('open', 'asked', 'fixed', 'failed', 'moot')),
    detail        text,
    fix_run_id    uuid REFERENCES keymint.reconcile_runs (id) ON DELETE SET NULL,
    settled_at    timestamptz(6),
    PRIMARY KEY (run_id, id)
);
CREATE INDEX reconcile_drift_asked ON keymint.reconcile_drifts (fix_run_id, position) WHERE state = 'asked';
CREATE INDEX reconcile_drift_fix_run ON keymint.reconcile_drifts (fix_run_id) WHERE fix_run_id IS NOT NULL;

-- What went past a cap, kept with each sample, so that a banner reads one row and counts nothing.
ALTER TABLE keymint.usage_samples
  ADD COLUMN over_keys integer NOT NULL DEFAULT 0,
  ADD COLUMN over_usd numeric(20,9) NOT NULL DEFAULT 0;

-- One row: what the account at the provider has bought and used, as last read, and why the last try failed if it did.
CREATE TABLE keymint.account_readings (
    singleton     boolean PRIMARY KEY DEFAULT true CONSTRAINT account_readings_one_row CHECK (singleton),
    credits_total numeric(20,9),
    credits_used  numeric(20,9),
    read_at       timestamptz(6),
    error         text,
    failed_at     timestamptz(6)
);
INSERT INTO keymint.account_readings DEFAULT VALUES;

-- One row: when usage was last read, of how many keys, and how often it is read just now.
CREATE TABLE keymint.usage_syncs (
    singleton     boolean PRIMARY KEY DEFAULT true CONSTRAINT usage_syncs_one_row CHECK (singleton),
    synced_at     timestamptz(6),
    keys          integer NOT NULL DEFAULT 0,
    every_seconds integer,
    error         text,
    failed_at     timestamptz(6)
);
INSERT INTO keymint.usage_syncs DEFAULT VALUES;

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['reconcile_runs', 'reconcile_drifts', 'account_readings', 'usage_syncs'] LOOP
    EXECUTE format('ALTER TABLE keymint.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('REVOKE ALL ON keymint.%I FROM PUBLIC', t);
  END LOOP;
END $$;

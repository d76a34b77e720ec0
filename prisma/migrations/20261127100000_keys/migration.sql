-- One row for each key, whoever holds it, and its money by window. Accounts of providers with one gate table.

-- Engine time. Production leaves it as now(); a test or the demo replaces the body in its own database to move time.
CREATE FUNCTION keymint.now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT pg_catalog.now() $$;

-- Every credential that makes keys. The deployment's own OpenRouter account is the row without a master key.
CREATE TABLE keymint.accounts (
    id             uuid PRIMARY KEY,
    service        text NOT NULL,
    master_key_id  uuid UNIQUE REFERENCES keymint.master_keys (id) ON DELETE RESTRICT,
    -- The gate in front of creating and raising: closed until, why, and how many failures in a row.
    cooldown_until timestamptz(6),
    reason         text,
    cause          jsonb,
    failures       integer NOT NULL DEFAULT 0,
    probe_at       timestamptz(6),
    -- A parked account runs no job until a person opens it: it is not the account that made our keys, or makes other ones than asked.
    parked_at      timestamptz(6),
    parked_reason  text,
    -- Keys in a row that the provider made on other terms than asked.
    mismatches     integer NOT NULL DEFAULT 0,
    -- The last whole list: when it was asked for, what stood in the way of a later one.
    listed_at      timestamptz(6),
    full_listed_at timestamptz(6),
    read_error     jsonb,
    read_failed_at timestamptz(6),
    -- The last answer that only this account's own credential gets.
    confirmed_at   timestamptz(6)
);
INSERT INTO keymint.accounts (id, service) VALUES ('00000000-0000-4000-8000-000000000000', 'openrouter');
INSERT INTO keymint.accounts (id, service, master_key_id) SELECT id, service, id FROM keymint.master_keys;
-- A deposited credential is an account from the first moment on.
CREATE FUNCTION keymint.open_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO keymint.accounts (id, service, master_key_id) VALUES (NEW.id, NEW.service, NEW.id) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER open_account AFTER INSERT ON keymint.master_keys FOR EACH ROW EXECUTE FUNCTION keymint.open_account();
DROP TABLE keymint.service_gates;

-- A pause stops creating and raising at every account.
ALTER TABLE keymint.mint_gate DROP COLUMN cooldown_until, DROP COLUMN reason, DROP COLUMN cause, DROP COLUMN failures, DROP COLUMN probe_at;
ALTER TABLE keymint.mint_gate RENAME TO minting;

ALTER TABLE keymint.mints DROP CONSTRAINT mint_account, DROP CONSTRAINT mints_account_fkey;
UPDATE keymint.mints SET account = '00000000-0000-4000-8000-000000000000' WHERE account IS NULL;
ALTER TABLE keymint.mints
  ALTER COLUMN account SET NOT NULL,
  ADD CONSTRAINT mints_account_fkey FOREIGN KEY (account) REFERENCES keymint.accounts (id) ON DELETE RESTRICT;
DROP INDEX keymint.mints_account_idx;
CREATE INDEX mints_account_idx ON keymint.mints (account) WHERE state = 'pending';

CREATE TABLE keymint.keys (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- Identity. A row is written with its mint; it is a key from `saved_at` on.
    installation text NOT NULL,
    holder_kind  text NOT NULL CONSTRAINT key_holder_kind CHECK (holder_kind IN ('claim', 'sub-key')),
    holder_id    uuid NOT NULL,
    generation   integer NOT NULL,
    -- Keys of one grant share the holder's cap; a new grant begins it afresh.
    grant_no     integer NOT NULL DEFAULT 1,
    account      uuid NOT NULL REFERENCES keymint.accounts (id) ON DELETE RESTRICT,
    scope        text NOT NULL,
    mint_id      uuid NOT NULL UNIQUE REFERENCES keymint.mints (id) ON DELETE RESTRICT,
    attempt_id   uuid UNIQUE REFERENCES keymint.mint_attempts (id) ON DELETE RESTRICT,
    hash         text,
    label        text,
    sealed       text,
    requested_at timestamptz(6) NOT NULL DEFAULT now(),
    saved_at     timestamptz(6),
    -- The end: what was asked for. Echoed: the provider itself said so and ends the key.
    expires_at     timestamptz(6) NOT NULL,
    expiry_echoed  boolean NOT NULL DEFAULT false,

    -- Wanted upstream. Absolute values, so that a call sent twice is harmless.
    limit_usd      numeric(20,9) NOT NULL,
    limit_reset    text CONSTRAINT key_reset CHECK (limit_reset IN ('daily', 'weekly', 'monthly')),
    -- When the wanted limit changes by itself: a window in which former keys have spent is over.
    limit_due_at   timestamptz(6),
    -- The cap is a sum for life from now on: an old key that works on for a while starts no new window.
    without_reset  boolean NOT NULL DEFAULT false,
    include_byok   boolean NOT NULL DEFAULT true,
    wants_guardrail boolean NOT NULL DEFAULT false,
    delete_wanted  boolean NOT NULL DEFAULT false,
    -- Off as a set of causes, each set and cleared by its own actor; the last two are never cleared.
    off_staff_at    timestamptz(6),
    off_cap_at      timestamptz(6),
    off_person_at   timestamptz(6),
    off_ended_at    timestamptz(6),
    off_replaced_at timestamptz(6),
    -- The old key of an extension works until here, with what `grace_usd` leaves it.
    grace_until     timestamptz(6),
    grace_usd       numeric(20,9),
    -- Moved by people alone: a raise is refused when it was asked for on an older one.
    version         integer NOT NULL DEFAULT 1,
    -- Moved by every change of what is wanted.
    revision        integer NOT NULL DEFAULT 1,

    -- Seen upstream, and when it was confirmed, at which revision. Null limit with seen_at: no cap there.
    seen_limit_usd numeric(20,9),
    seen_reset     text,
    seen_off       boolean NOT NULL DEFAULT false,
    seen_byok      boolean,
    seen_at        timestamptz(6),
    seen_revision  integer NOT NULL DEFAULT 0,
    missing_at     timestamptz(6),
    guardrail_id   text,
    guardrail_at   timestamptz(6),
    bind_tries     integer NOT NULL DEFAULT 0,
    bind_error     text,
    bind_failed_at timestamptz(6),
    bind_set_aside boolean NOT NULL DEFAULT false,

    -- The one call that is out, written before it is sent: what it sets, at which revision.
    call_sent_at   timestamptz(6),
    call_token     uuid,
    call_revision  integer,
    call_limit_usd numeric(20,9),
    call_on        boolean,
    -- Calls without an answer that may still land: until when, and the most they would allow.
    doubt_until     timestamptz(6),
    doubt_limit_usd numeric(20,9),
    doubt_on        boolean NOT NULL DEFAULT false,

    -- Patience of the loop.
    apply_at     timestamptz(6),
    apply_tries  integer NOT NULL DEFAULT 0,
    apply_error  jsonb,
    apply_failed_at timestamptz(6),

    -- Use, as last read: the largest of all, and of the window it was read in.
    used_usd          numeric(20,9) NOT NULL DEFAULT 0,
    window_used_usd   numeric(20,9) NOT NULL DEFAULT 0,
    window_started_at timestamptz(6),
    read_at           timestamptz(6),
    -- The end of its money: off for certain; two equal readings; settled; given up on.
    closed_at      timestamptz(6),
    own_read_at    timestamptz(6),
    own_reads      integer NOT NULL DEFAULT 0,
    grown_at       timestamptz(6),
    next_read_at   timestamptz(6),
    read_tries     integer NOT NULL DEFAULT 0,
    read_error     jsonb,
    stable_at      timestamptz(6),
    settled_at     timestamptz(6),
    written_off_at timestamptz(6),
    deleted_at     timestamptz(6),

    UNIQUE (holder_kind, holder_id, generation),
    UNIQUE (account, hash),
    CONSTRAINT key_saved CHECK ((saved_at IS NULL) = (hash IS NULL)),
    CONSTRAINT key_secret CHECK (sealed IS NULL OR (saved_at IS NOT NULL AND off_ended_at IS NULL AND off_replaced_at IS NULL)),
    CONSTRAINT key_money CHECK (limit_usd > 0 AND used_usd >= 0 AND window_used_usd >= 0),
    CONSTRAINT key_settled CHECK (settled_at IS NULL OR closed_at IS NOT NULL OR written_off_at IS NOT NULL)
);
CREATE INDEX keys_holder ON keymint.keys (holder_kind, holder_id);
CREATE INDEX keys_hash ON keymint.keys (hash);
CREATE INDEX keys_reading ON keymint.keys (next_read_at) WHERE next_read_at IS NOT NULL;
CREATE INDEX keys_open ON keymint.keys (account) WHERE saved_at IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX keys_unsettled ON keymint.keys (scope) WHERE saved_at IS NOT NULL AND settled_at IS NULL;
CREATE INDEX keys_unbound ON keymint.keys (saved_at) WHERE wants_guardrail AND guardrail_at IS NULL AND settled_at IS NULL;
CREATE INDEX keys_due ON keymint.keys (limit_due_at) WHERE limit_due_at IS NOT NULL;
CREATE INDEX keys_grace ON keymint.keys (grace_until) WHERE grace_until IS NOT NULL AND off_replaced_at IS NULL;
-- What the loop still has to do: the sweep finds it by this index alone.
CREATE INDEX keys_to_apply ON keymint.keys (account, apply_at) WHERE saved_at IS NOT NULL AND deleted_at IS NULL
  AND (revision <> seen_revision OR delete_wanted);

-- What a key may cost in a window, and has: the pool of a workshop is the sum of greatest(reserved, used). Windows that have not
-- begun stand together in the row of the year 9999; a key whose cap never starts afresh has the one of 1970.
CREATE TABLE keymint.key_windows (
    key_id       uuid NOT NULL REFERENCES keymint.keys (id) ON DELETE RESTRICT,
    starts_at    timestamptz(6) NOT NULL,
    reserved_usd numeric(20,9) NOT NULL CONSTRAINT window_reserved CHECK (reserved_usd >= 0),
    used_usd     numeric(20,9) NOT NULL DEFAULT 0 CONSTRAINT window_used CHECK (used_usd >= 0),
    PRIMARY KEY (key_id, starts_at)
);

-- The holder's copy of the key that counts now. The given tables keep their columns; this trigger alone writes them.
ALTER TABLE keymint.workshop_attendance
  DROP CONSTRAINT claim_ready_has_key,
  DROP CONSTRAINT claim_pending_has_no_key,
  DROP CONSTRAINT claim_secret_lives_with_ready,
  DROP CONSTRAINT claim_prior;
DROP VIEW keymint.counted_figures;
DROP VIEW keymint.held_keys;
DROP VIEW keymint.mint_owners;
DROP INDEX keymint.claim_list_over_limit, keymint.claim_carry, keymint.claim_unconfirmed_end, keymint.claim_unsettled, keymint.claim_settled;
ALTER TABLE keymint.workshop_attendance
  DROP COLUMN prior_committed_usd, DROP COLUMN limit_carry_usd, DROP COLUMN limit_carry_until,
  -- The cap upstream now: limit_usd less what former keys took of the window.
  ADD COLUMN limit_now_usd numeric(20,9),
  -- Until when the key before this one works beside it, and what it may still spend.
  ADD COLUMN former_until timestamptz(6),
  ADD CONSTRAINT claim_prior CHECK (prior_usage_usd >= 0);
CREATE INDEX claim_list_over_limit ON keymint.workshop_attendance (workshop_slug, attended_at)
  WHERE state = 'ready' AND window_used_usd >= coalesce(limit_now_usd, limit_usd);
DROP TABLE keymint.claim_changes;
DROP TABLE keymint.retired_keys CASCADE;
DROP FUNCTION keymint.note_retired_figures();

CREATE FUNCTION keymint.project_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  -- A row that has just been written beside a new claim says nothing that the claim does not say.
  IF TG_OP = 'INSERT' AND NEW.generation = 1 AND NEW.saved_at IS NULL THEN RETURN NULL; END IF;
  IF NEW.holder_kind = 'claim' THEN
    UPDATE keymint.workshop_attendance c SET
      or_key_hash = NEW.hash, or_key_plaintext = NEW.sealed, key_label = NEW.label, key_saved_at = NEW.saved_at,
      or_guardrail_id = NEW.guardrail_id, guardrail_attached_at = NEW.guardrail_at, bind_attempts = NEW.bind_tries,
      bind_error = NEW.bind_error, bind_failed_at = NEW.bind_failed_at, bind_set_aside = NEW.bind_set_aside,
      usage_usd = NEW.used_usd, window_used_usd = NEW.window_used_usd, window_started_at = NEW.window_started_at,
      usage_synced_at = NEW.read_at, upstream_disabled = NEW.seen_off, upstream_missing_at = NEW.missing_at,
      disabled_at = NEW.off_staff_at, disable_confirmed_at = NEW.closed_at, settled_at = NEW.settled_at,
      limit_now_usd = NEW.limit_usd
    WHERE c.claim_id = NEW.holder_id AND c.generation = NEW.generation
      AND (c.or_key_hash, c.or_key_plaintext, c.key_label, c.key_saved_at, c.or_guardrail_id, c.guardrail_attached_at, c.bind_attempts,
        c.bind_error, c.bind_failed_at, c.bind_set_aside, c.usage_usd, c.window_used_usd, c.window_started_at, c.usage_synced_at,
        c.upstream_disabled, c.upstream_missing_at, c.disabled_at, c.disable_confirmed_at, c.settled_at, c.limit_now_usd)
      IS DISTINCT FROM
        (NEW.hash, NEW.sealed, NEW.label, NEW.saved_at, NEW.guardrail_id, NEW.guardrail_at, NEW.bind_tries,
        NEW.bind_error, NEW.bind_failed_at, NEW.bind_set_aside, NEW.used_usd, NEW.window_used_usd, NEW.window_started_at, NEW.read_at,
        NEW.seen_off, NEW.missing_at, NEW.off_staff_at, NEW.closed_at, NEW.settled_at, NEW.limit_usd);
    IF TG_OP = 'INSERT' OR NEW.used_usd <> OLD.used_usd OR NEW.grace_until IS DISTINCT FROM OLD.grace_until
      OR NEW.off_replaced_at IS DISTINCT FROM OLD.off_replaced_at THEN
      UPDATE keymint.workshop_attendance c SET prior_usage_usd = former.used, former_until = former.until
      FROM (SELECT coalesce(sum(k.used_usd), 0) AS used,
              max(k.grace_until) FILTER (WHERE k.off_replaced_at IS NULL AND k.off_ended_at IS NULL) AS until
            FROM keymint.keys k JOIN keymint.workshop_attendance o ON o.claim_id = k.holder_id
            WHERE k.holder_kind = 'claim' AND k.holder_id = NEW.holder_id AND k.generation < o.generation) former
      WHERE c.claim_id = NEW.holder_id AND (c.prior_usage_usd <> former.used OR c.former_until IS DISTINCT FROM former.until);
    END IF;
  ELSE
    UPDATE keymint.api_keys a SET
      key_hash = NEW.hash, sealed = NEW.sealed, key_label = NEW.label, key_saved_at = NEW.saved_at,
      upstream_cap_usd = NEW.seen_limit_usd, usage_usd = NEW.used_usd, window_used_usd = NEW.window_used_usd,
      usage_synced_at = NEW.read_at, upstream_disabled = NEW.seen_off, upstream_missing_at = NEW.missing_at,
      closed_upstream_at = NEW.closed_at, settled_at = NEW.settled_at, deleted_upstream_at = NEW.deleted_at
    WHERE a.id = NEW.holder_id AND a.generation = NEW.generation
      AND (a.key_hash, a.sealed, a.key_label, a.key_saved_at, a.upstream_cap_usd, a.usage_usd, a.window_used_usd,
        a.usage_synced_at, a.upstream_disabled, a.upstream_missing_at, a.closed_upstream_at, a.settled_at, a.deleted_upstream_at)
      IS DISTINCT FROM
        (NEW.hash, NEW.sealed, NEW.label, NEW.saved_at, NEW.seen_limit_usd, NEW.used_usd, NEW.window_used_usd,
        NEW.read_at, NEW.seen_off, NEW.missing_at, NEW.closed_at, NEW.settled_at, NEW.deleted_at);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER project_key AFTER INSERT OR UPDATE ON keymint.keys FOR EACH ROW EXECUTE FUNCTION keymint.project_key();

CREATE FUNCTION keymint.hold_copy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'what % says of its key is a copy: change the row of keys', TG_TABLE_NAME;
END $$;
CREATE TRIGGER claim_copy_holds BEFORE UPDATE OF or_key_hash, or_key_plaintext, key_label, key_saved_at, or_guardrail_id, guardrail_attached_at,
    usage_usd, usage_synced_at, window_used_usd, upstream_disabled, upstream_missing_at, disabled_at, disable_confirmed_at, settled_at
  ON keymint.workshop_attendance FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION keymint.hold_copy();

-- A claim that is ready has a key, and its secret lives no longer than that. Asked at the end of the transaction: row and copy change in turn.
CREATE FUNCTION keymint.hold_claim_key() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c keymint.workshop_attendance;
BEGIN
  SELECT * INTO c FROM keymint.workshop_attendance WHERE claim_id = NEW.claim_id;
  IF (c.state = 'ready' AND (c.or_key_hash IS NULL OR c.key_saved_at IS NULL)) OR (c.state <> 'ready' AND c.or_key_plaintext IS NOT NULL)
    OR (c.state = 'pending' AND c.or_key_hash IS NOT NULL) THEN
    RAISE EXCEPTION 'claim % is % and its key does not fit that', c.claim_id, c.state;
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER hold_claim_key AFTER UPDATE OF state ON keymint.workshop_attendance DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION keymint.hold_claim_key();

-- What the engine asks of every kind of holder before it makes a key.
CREATE VIEW keymint.key_holders AS
  SELECT 'claim'::text AS holder_kind, c.claim_id AS holder_id, c.generation, c.state = 'pending' AS waiting, a.banned_at IS NOT NULL AS barred
  FROM keymint.workshop_attendance c JOIN keymint.attendees a USING (user_id)
  UNION ALL
  SELECT 'sub-key'::text, k.id, k.generation, k.state = 'pending', a.banned_at IS NOT NULL
  FROM keymint.api_keys k JOIN keymint.attendees a USING (user_id);

ALTER TABLE keymint.mints RENAME COLUMN owner_kind TO holder_kind;
ALTER TABLE keymint.mints RENAME COLUMN owner_id TO holder_id;
ALTER TABLE keymint.mints RENAME CONSTRAINT mint_owner_kind TO mint_holder_kind;
ALTER INDEX keymint.mints_owner_kind_owner_id_generation_key RENAME TO mints_holder_kind_holder_id_generation_key;

CREATE OR REPLACE FUNCTION keymint.claim_facets(state text, bound boolean, set_aside boolean, disabled boolean, missing boolean,
  window_used numeric, cap numeric, usage numeric, prior_usage numeric, committed numeric)
RETURNS TABLE (facet text, n bigint, usd numeric) LANGUAGE sql IMMUTABLE AS $$
  SELECT f.name, f.times::bigint, f.amount FROM (VALUES
    ('total', 1, 0::numeric),
    ($1, 1, 0),
    ('unbound', ($1 = 'ready' AND NOT $2)::int, 0),
    ('set-aside', ($1 = 'ready' AND NOT $2 AND $3)::int, 0),
    ('disabled', ($1 = 'ready' AND $4)::int, 0),
    ('missing', ($1 = 'ready' AND $5)::int, 0),
    ('over-limit', ($1 = 'ready' AND $6 >= $7)::int, 0),
    ('active', ($8 + $9 > 0)::int, 0),
    ('usage', 0, $8),
    ('retired', 0, $9),
    ('overrun', ($1 = 'ready' AND $6 > $7)::int, CASE WHEN $1 = 'ready' THEN greatest($6 - $7, 0) ELSE 0 END)
  ) f(name, times, amount) WHERE f.times <> 0 OR f.amount <> 0
$$;

-- As before, by the cap upstream now. What former keys used is spent too: it stands on the claim.
CREATE OR REPLACE FUNCTION keymint.note_claim_figures() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO keymint.figure_deltas (scope, minute, facet, n, usd)
    SELECT c.workshop_slug, NULL, f.facet, sum(f.n), sum(f.usd) FROM new_rows c
      CROSS JOIN LATERAL keymint.claim_facets(c.state, c.guardrail_attached_at IS NOT NULL, c.bind_set_aside, c.disabled_at IS NOT NULL OR c.upstream_disabled, c.upstream_missing_at IS NOT NULL,
        c.window_used_usd, coalesce(c.limit_now_usd, c.limit_usd), c.usage_usd, c.prior_usage_usd, c.committed_usd) f
      GROUP BY c.workshop_slug, f.facet
    UNION ALL
    SELECT c.workshop_slug, m.minute, m.facet, count(*), 0 FROM new_rows c
      CROSS JOIN LATERAL keymint.claim_moments(c.state, c.generation, c.attended_at, c.key_saved_at, NULL, NULL, NULL, now()) m
      GROUP BY c.workshop_slug, m.minute, m.facet;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO keymint.figure_deltas (scope, minute, facet, n, usd)
    SELECT moved.scope, NULL, moved.facet, sum(moved.n), sum(moved.usd) FROM (
      SELECT c.workshop_slug AS scope, f.facet, f.n, f.usd FROM new_rows c
        CROSS JOIN LATERAL keymint.claim_facets(c.state, c.guardrail_attached_at IS NOT NULL, c.bind_set_aside, c.disabled_at IS NOT NULL OR c.upstream_disabled, c.upstream_missing_at IS NOT NULL,
          c.window_used_usd, coalesce(c.limit_now_usd, c.limit_usd), c.usage_usd, c.prior_usage_usd, c.committed_usd) f
      UNION ALL
      SELECT c.workshop_slug, f.facet, -f.n, -f.usd FROM old_rows c
        CROSS JOIN LATERAL keymint.claim_facets(c.state, c.guardrail_attached_at IS NOT NULL, c.bind_set_aside, c.disabled_at IS NOT NULL OR c.upstream_disabled, c.upstream_missing_at IS NOT NULL,
          c.window_used_usd, coalesce(c.limit_now_usd, c.limit_usd), c.usage_usd, c.prior_usage_usd, c.committed_usd) f) moved
      GROUP BY moved.scope, moved.facet HAVING sum(moved.n) <> 0 OR sum(moved.usd) <> 0
    UNION ALL
    SELECT c.workshop_slug, m.minute, m.facet, count(*), 0 FROM new_rows c
      JOIN old_rows o ON o.user_id = c.user_id AND o.workshop_slug = c.workshop_slug
      CROSS JOIN LATERAL keymint.claim_moments(c.state, c.generation, c.attended_at, c.key_saved_at, o.state, o.attended_at, o.key_saved_at, now()) m
      GROUP BY c.workshop_slug, m.minute, m.facet;
  ELSE
    INSERT INTO keymint.figure_deltas (scope, minute, facet, n, usd)
    SELECT c.workshop_slug, NULL, f.facet, -sum(f.n), -sum(f.usd) FROM old_rows c
      CROSS JOIN LATERAL keymint.claim_facets(c.state, c.guardrail_attached_at IS NOT NULL, c.bind_set_aside, c.disabled_at IS NOT NULL OR c.upstream_disabled, c.upstream_missing_at IS NOT NULL,
        c.window_used_usd, coalesce(c.limit_now_usd, c.limit_usd), c.usage_usd, c.prior_usage_usd, c.committed_usd) f
      GROUP BY c.workshop_slug, f.facet;
  END IF;
  RETURN NULL;
END $$;
CREATE VIEW keymint.counted_figures AS
  SELECT c.workshop_slug AS scope, f.facet, sum(f.n)::bigint AS n, sum(f.usd)::numeric(20,9) AS usd FROM keymint.workshop_attendance c
    CROSS JOIN LATERAL keymint.claim_facets(c.state, c.guardrail_attached_at IS NOT NULL, c.bind_set_aside, c.disabled_at IS NOT NULL OR c.upstream_disabled, c.upstream_missing_at IS NOT NULL,
      c.window_used_usd, coalesce(c.limit_now_usd, c.limit_usd), c.usage_usd, c.prior_usage_usd, c.committed_usd) f
    GROUP BY c.workshop_slug, f.facet;


DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['accounts', 'keys', 'key_windows'] LOOP
    EXECUTE format('ALTER TABLE keymint.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('REVOKE ALL ON keymint.%I FROM PUBLIC', t);
  END LOOP;
END $$;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA keymint FROM PUBLIC;

-- What an item asked of a key is wanted since then; it is done when the provider has confirmed it.
ALTER TABLE keymint.bulk_action_items ADD COLUMN asked_at timestamptz(6);

-- A whole list, asked for after the call was over, did not show its name: it counts as resolved, and is looked for all the same.
ALTER TABLE keymint.mint_attempts ADD COLUMN resolved_at timestamptz(6);
CREATE INDEX attempt_unresolved ON keymint.mint_attempts (mint_id) WHERE state = 'unknown' AND resolved_at IS NULL AND deleted_at IS NULL;

-- Every saved key as reconcile compares it: what is wanted of it, and whether a change is under way, which is not judged meanwhile; one
-- that the provider refuses is.
CREATE VIEW keymint.held_keys AS
  SELECT k.id AS key_id, k.holder_kind, k.holder_id, k.generation, k.scope, k.account, k.hash AS key_hash,
    k.off_ended_at IS NULL AND k.off_replaced_at IS NULL AND NOT k.without_reset AS live,
    k.off_staff_at IS NOT NULL OR k.off_cap_at IS NOT NULL OR k.off_person_at IS NOT NULL OR k.off_replaced_at IS NOT NULL
      OR (k.off_ended_at IS NOT NULL AND k.off_ended_at < k.expires_at) AS wanted_disabled,
    k.limit_usd AS wanted_limit_usd, CASE WHEN k.without_reset THEN NULL ELSE k.limit_reset END AS limit_reset,
    k.expires_at, k.saved_at AS key_saved_at, coalesce(k.off_replaced_at, k.off_ended_at) AS ended_at, k.settled_at,
    k.guardrail_id, k.guardrail_at AS guardrail_attached_at, k.bind_set_aside, k.bind_error, k.missing_at AS upstream_missing_at,
    (k.revision <> k.seen_revision OR k.call_sent_at IS NOT NULL OR (k.off_ended_at IS NOT NULL AND k.closed_at IS NULL))
      AND k.apply_failed_at IS NULL AS changing,
    k.off_replaced_at IS NOT NULL OR k.without_reset AS retired, k.used_usd AS usage_usd, k.wants_guardrail
  FROM keymint.keys k JOIN keymint.installation i ON i.id = k.installation WHERE k.saved_at IS NOT NULL AND k.deleted_at IS NULL;

-- A sub-key's row says what it is for and what it may cost; its keys are rows of their own.
ALTER TABLE keymint.api_keys
  DROP CONSTRAINT sub_key_money, DROP CONSTRAINT sub_key_ready_has_key, DROP CONSTRAINT sub_key_secret_lives_with_ready,
  DROP CONSTRAINT sub_key_pending_has_no_key,
  DROP COLUMN wanted_cap_usd, DROP COLUMN carried_usd, DROP COLUMN rotate_requested_at, DROP COLUMN window_month, DROP COLUMN window_base_usd,
  ADD CONSTRAINT sub_key_money CHECK (cap_usd > 0 AND usage_usd >= 0);
DROP INDEX IF EXISTS keymint.sub_key_unsettled;
DROP TABLE keymint.retired_sub_keys;
CREATE TRIGGER sub_key_copy_holds BEFORE UPDATE OF key_hash, sealed, key_label, key_saved_at, upstream_cap_usd, usage_usd, window_used_usd,
    usage_synced_at, upstream_disabled, upstream_missing_at, closed_upstream_at, settled_at, deleted_upstream_at
  ON keymint.api_keys FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION keymint.hold_copy();

-- When the keys of an account were last read stands on the account.
DROP TABLE keymint.usage_syncs;

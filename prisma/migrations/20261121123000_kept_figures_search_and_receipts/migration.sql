-- Kept figures: what pages for staff show of all claims, without counting them.
--
-- A transaction that changes claims appends what it changed to figure_deltas: inserts only, so that claims made at
-- once wait for nobody and no deadlock can come of it. The sweep folds the deltas; readers add up both.

CREATE TABLE keymint.figure_deltas (
    id     bigserial PRIMARY KEY,
    scope  text NOT NULL,
    -- Null: a standing figure of the scope. Else what happened in this minute.
    minute timestamptz,
    facet  text NOT NULL,
    n      bigint NOT NULL,
    usd    numeric(20,9) NOT NULL DEFAULT 0
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE keymint.figures (
    scope text NOT NULL,
    facet text NOT NULL,
    n     bigint NOT NULL,
    usd   numeric(20,9) NOT NULL,
    PRIMARY KEY (scope, facet)
);

-- What happened, by steps of a minute, of twenty minutes and of three hours: a chart of a week reads as little as one of an hour.
CREATE TABLE keymint.figure_steps (
    scope     text NOT NULL,
    width     integer NOT NULL,
    starts_at timestamptz NOT NULL,
    facet     text NOT NULL,
    n         bigint NOT NULL,
    PRIMARY KEY (scope, width, starts_at, facet)
);
CREATE INDEX figure_steps_width_starts_at_idx ON keymint.figure_steps (width, starts_at);

-- The standing figures that one claim counts in. Its state is one of them.
CREATE FUNCTION keymint.claim_facets(state text, bound boolean, set_aside boolean, disabled boolean, missing boolean,
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
    ('overrun', ($8 + $9 > $10)::int, greatest($8 + $9 - $10, 0))
  ) f(name, times, amount) WHERE f.times <> 0 OR f.amount <> 0
$$;

-- Seconds on a scale where each step is a quarter longer than the one before: step b ends at 0.1 s times 1.25 to the b.
CREATE FUNCTION keymint.time_to_key_step(seconds double precision) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
  SELECT greatest(0, least(99, ceil(ln(greatest($1, 0.1) / 0.1) / ln(1.25))))::int
$$;

-- What happened to one claim, by the minute. The time to a key is that of the person's first one; later generations are staff's work.
CREATE FUNCTION keymint.claim_moments(state text, generation integer, attended_at timestamptz, key_saved_at timestamptz,
  was_state text, was_attended_at timestamptz, was_key_saved_at timestamptz, refused_at timestamptz)
RETURNS TABLE (facet text, minute timestamptz) LANGUAGE sql STABLE AS $$
  SELECT m.name, date_trunc('minute', m.at) FROM (VALUES
    ('claims', $3, $3 IS DISTINCT FROM $6),
    ('keys', $4, $4 IS NOT NULL AND $4 IS DISTINCT FROM $7),
    ('refused', $8, $1 = 'refused' AND $5 IS DISTINCT FROM 'refused'),
    ('time-to-key/' || keymint.time_to_key_step(extract(epoch FROM $4 - $3)::float8), $4, $2 = 1 AND $4 IS NOT NULL AND $4 IS DISTINCT FROM $7)
  ) m(name, at, happened) WHERE m.happened
$$;

-- With its owner's rights: figures are kept whoever writes a claim.
CREATE FUNCTION keymint.note_claim_figures() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO keymint.figure_deltas (scope, minute, facet, n, usd)
    SELECT c.workshop_slug, NULL, f.facet, sum(f.n), sum(f.usd) FROM new_rows c
      CROSS JOIN LATERAL keymint.claim_facets(c.state, c.guardrail_attached_at IS NOT NULL, c.bind_set_aside, c.disabled_at IS NOT NULL OR c.upstream_disabled, c.upstream_missing_at IS NOT NULL,
        c.window_used_usd, c.limit_usd - CASE WHEN c.limit_carry_until IS NULL THEN 0 ELSE c.limit_carry_usd END, c.usage_usd, c.prior_usage_usd, c.committed_usd) f
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
          c.window_used_usd, c.limit_usd - CASE WHEN c.limit_carry_until IS NULL THEN 0 ELSE c.limit_carry_usd END, c.usage_usd, c.prior_usage_usd, c.committed_usd) f
      UNION ALL
      SELECT c.workshop_slug, f.facet, -f.n, -f.usd FROM old_rows c
        CROSS JOIN LATERAL keymint.claim_facets(c.state, c.guardrail_attached_at IS NOT NULL, c.bind_set_aside, c.disabled_at IS NOT NULL OR c.upstream_disabled, c.upstream_missing_at IS NOT NULL,
          c.window_used_usd, c.limit_usd - CASE WHEN c.limit_carry_until IS NULL THEN 0 ELSE c.limit_carry_usd END, c.usage_usd, c.prior_usage_usd, c.committed_usd) f) moved
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
        c.window_used_usd, c.limit_usd - CASE WHEN c.limit_carry_until IS NULL THEN 0 ELSE c.limit_carry_usd END, c.usage_usd, c.prior_usage_usd, c.committed_usd) f
      GROUP BY c.workshop_slug, f.facet;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER note_claims_made AFTER INSERT ON keymint.workshop_attendance REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keymint.note_claim_figures();
CREATE TRIGGER note_claims_changed AFTER UPDATE ON keymint.workshop_attendance REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keymint.note_claim_figures();
CREATE TRIGGER note_claims_deleted AFTER DELETE ON keymint.workshop_attendance REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keymint.note_claim_figures();

-- What the keys before the present one have used is spent too.
CREATE FUNCTION keymint.note_retired_figures() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO keymint.figure_deltas (scope, facet, n, usd) SELECT scope, 'retired', count(*), sum(usage_usd) FROM new_rows GROUP BY scope;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO keymint.figure_deltas (scope, facet, n, usd)
    SELECT scope, 'retired', sum(n), sum(usd) FROM (SELECT scope, 1 AS n, usage_usd AS usd FROM new_rows UNION ALL SELECT scope, -1, -usage_usd FROM old_rows) moved
    GROUP BY scope HAVING sum(n) <> 0 OR sum(usd) <> 0;
  ELSE
    INSERT INTO keymint.figure_deltas (scope, facet, n, usd) SELECT scope, 'retired', -count(*), -sum(usage_usd) FROM old_rows GROUP BY scope;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER note_keys_retired AFTER INSERT ON keymint.retired_keys REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keymint.note_retired_figures();
CREATE TRIGGER note_retired_changed AFTER UPDATE ON keymint.retired_keys REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keymint.note_retired_figures();
CREATE TRIGGER note_retired_deleted AFTER DELETE ON keymint.retired_keys REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keymint.note_retired_figures();

-- What a full count gives: where the kept figures start, and what they are checked against.
CREATE VIEW keymint.counted_figures AS
  SELECT c.workshop_slug AS scope, f.facet, sum(f.n)::bigint AS n, sum(f.usd)::numeric(20,9) AS usd FROM keymint.workshop_attendance c
    CROSS JOIN LATERAL keymint.claim_facets(c.state, c.guardrail_attached_at IS NOT NULL, c.bind_set_aside, c.disabled_at IS NOT NULL OR c.upstream_disabled, c.upstream_missing_at IS NOT NULL,
      c.window_used_usd, c.limit_usd - CASE WHEN c.limit_carry_until IS NULL THEN 0 ELSE c.limit_carry_usd END, c.usage_usd, c.prior_usage_usd, c.committed_usd) f
    GROUP BY c.workshop_slug, f.facet
  UNION ALL
  SELECT scope, 'retired', count(*), sum(usage_usd) FROM keymint.retired_keys GROUP BY scope;

INSERT INTO keymint.figures (scope, facet, n, usd) SELECT scope, facet, n, usd FROM keymint.counted_figures;
INSERT INTO keymint.figure_steps (scope, width, starts_at, facet, n)
  SELECT c.workshop_slug, w.width, date_bin(make_interval(secs => w.width), m.minute, 'epoch'), m.facet, count(*) FROM keymint.workshop_attendance c
    CROSS JOIN LATERAL keymint.claim_moments(c.state, c.generation, c.attended_at, c.key_saved_at, NULL, NULL, NULL, c.attended_at) m
    CROSS JOIN (VALUES (60), (1200), (10800)) w(width)
    GROUP BY 1, 2, 3, 4;

-- What staff search a person by: letters without their accents, in lower case, whatever the database's locale.
-- Attendees get two generated columns that only SQL reads, so Prisma's schema does not know them.
DO $$ DECLARE folding text := ''; BEGIN
  IF EXISTS (SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu' AND collnamespace = 'pg_catalog'::regnamespace) THEN folding := 'COLLATE "und-x-icu"'; END IF;
  EXECUTE format($f$
    CREATE FUNCTION keymint.search_fold(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $body$
      SELECT lower(regexp_replace(normalize($1, NFKD), U&'[\0300-\036F]', '', 'g') %s) COLLATE "C"
    $body$ $f$, folding);
END $$;
CREATE FUNCTION keymint.search_pattern(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT '%' || regexp_replace(keymint.search_fold($1), '([\\%_])', '\\\1', 'g') || '%'
$$;
ALTER TABLE keymint.attendees
  ADD COLUMN name_key text COLLATE "C" GENERATED ALWAYS AS (keymint.search_fold(display_name)) STORED,
  ADD COLUMN search_text text COLLATE "C" GENERATED ALWAYS AS (keymint.search_fold(display_name || ' ' || coalesce(email, ''))) STORED;

-- A page of claims in each order of the list, and in each of its rare groups.
CREATE INDEX attendees_name_key_idx ON keymint.attendees (name_key, user_id);
CREATE INDEX claim_state_attended_at ON keymint.workshop_attendance (workshop_slug, state, attended_at, claim_id);
CREATE INDEX claim_usage ON keymint.workshop_attendance (workshop_slug, usage_usd, claim_id);
CREATE INDEX claim_list_unbound ON keymint.workshop_attendance (workshop_slug, attended_at) WHERE state = 'ready' AND guardrail_attached_at IS NULL;
CREATE INDEX claim_list_disabled ON keymint.workshop_attendance (workshop_slug, attended_at) WHERE state = 'ready' AND (disabled_at IS NOT NULL OR upstream_disabled);
CREATE INDEX claim_list_missing ON keymint.workshop_attendance (workshop_slug, attended_at) WHERE state = 'ready' AND upstream_missing_at IS NOT NULL;
CREATE INDEX claim_list_over_limit ON keymint.workshop_attendance (workshop_slug, attended_at) 
  WHERE state = 'ready' AND window_used_usd >= limit_usd - CASE WHEN limit_carry_until IS NULL THEN 0 ELSE limit_carry_usd END;
CREATE INDEX claim_key_hash_prefix ON keymint.workshop_attendance (or_key_hash text_pattern_ops);
CREATE INDEX mint_waiting_scope ON keymint.mints (scope, queued_at) WHERE state = 'pending';
CREATE INDEX mint_attempts_sent_at_idx ON keymint.mint_attempts (sent_at, state);

-- Parts of words are found through trigrams. pg_trgm is a trusted extension, so the owner of the database may install it; where a host does not
-- let us, search reads every row instead, and the page says so. It may stand in any schema already: the operator class is named with it.
DO $$ DECLARE home text; BEGIN
  BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA keymint;
  EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE NOTICE 'pg_trgm could not be installed (%): search will read every row', SQLERRM;
  END;
  SELECT n.nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
  IF home IS NOT NULL THEN
    EXECUTE format('CREATE INDEX attendees_search_trigrams ON keymint.attendees USING gin (search_text %I.gin_trgm_ops)', home);
    EXECUTE format('CREATE INDEX claim_label_trigrams ON keymint.workshop_attendance USING gin (key_label %I.gin_trgm_ops) WHERE key_label IS NOT NULL', home);
  END IF;
END $$;

-- The receipt of a workshop: asked for once, made when the books are closed, and never changed after.
CREATE TABLE keymint.receipt_requests (
    workshop_slug text PRIMARY KEY,
    asked_by      text NOT NULL,
    asked_at      timestamptz(6) NOT NULL DEFAULT now(),
    -- Why it could not be made when last tried, as codes with numbers; null when nothing is known to be missing.
    missing       jsonb,
    looked_at     timestamptz(6)
);
CREATE TABLE keymint.receipts (
    workshop_slug text PRIMARY KEY,
    made_at       timestamptz(6) NOT NULL DEFAULT now(),
    made_by       text NOT NULL,
    body          jsonb NOT NULL
);
CREATE TRIGGER receipts_are_frozen BEFORE UPDATE OR DELETE ON keymint.receipts FOR EACH ROW EXECUTE FUNCTION keymint.refuse_change();
CREATE TRIGGER receipts_are_kept BEFORE TRUNCATE ON keymint.receipts FOR EACH STATEMENT EXECUTE FUNCTION keymint.refuse_change();

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['figure_deltas', 'figures', 'figure_steps', 'receipt_requests', 'receipts'] LOOP
    EXECUTE format('ALTER TABLE keymint.%I ENABLE ROW LEVEL SECURITY', t);
  END LOOP;
END $$;
REVOKE ALL ON ALL TABLES IN SCHEMA keymint FROM PUBLIC;
REVOKE ALL ON FUNCTION keymint.claim_facets, keymint.time_to_key_step, keymint.claim_moments, keymint.note_claim_figures, keymint.note_retired_figures,
  keymint.search_fold, keymint.search_pattern FROM PUBLIC;

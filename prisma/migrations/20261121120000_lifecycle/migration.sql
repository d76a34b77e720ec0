-- What staff and owners do to keys after they were made: limits, ends, replacements, and the actions that carry them out.

-- Bulk actions: how far apart, what they wait for, and which items were begun (a begun item is always finished).
ALTER TABLE keymint.bulk_actions
  ADD COLUMN stagger_ms     integer NOT NULL DEFAULT 0,
  ADD COLUMN troubles       integer NOT NULL DEFAULT 0,
  ADD COLUMN waiting_reason text,
  ADD COLUMN waiting_until  timestamptz(6);
ALTER TABLE keymint.bulk_action_items
  ADD COLUMN started_at timestamptz(6),
  ADD COLUMN not_before timestamptz(6),
  ADD COLUMN attempts   integer NOT NULL DEFAULT 0,
  ADD COLUMN errors     integer NOT NULL DEFAULT 0;
CREATE INDEX bulk_action_unfinished ON keymint.bulk_actions (created_at) WHERE finished_at IS NULL;

ALTER TABLE keymint.workshop_attendance
  -- Wanted by staff; upstream_disabled is what the provider says.
  ADD COLUMN disabled_at          timestamptz(6),
  -- When the provider confirmed that the key of an ended claim is disabled or gone.
  ADD COLUMN disable_confirmed_at timestamptz(6),
  ADD COLUMN may_claim_again      boolean NOT NULL DEFAULT false,
  -- The part of committed_usd and the use that belong to retired keys of this claim.
  ADD COLUMN prior_committed_usd  numeric(20,9) NOT NULL DEFAULT 0,
  ADD COLUMN prior_usage_usd      numeric(20,9) NOT NULL DEFAULT 0,
  -- What former keys took of the present window: until then the key's cap upstream is limit_usd less this.
  ADD COLUMN limit_carry_usd      numeric(20,9) NOT NULL DEFAULT 0,
  ADD COLUMN limit_carry_until    timestamptz(6),
  ADD COLUMN replaced_at          timestamptz(6),
  ADD CONSTRAINT claim_prior CHECK (prior_committed_usd >= 0 AND prior_usage_usd >= 0 AND limit_carry_usd >= 0 AND limit_carry_usd < limit_usd);
CREATE INDEX claim_unconfirmed_end ON keymint.workshop_attendance (ended_at)
  WHERE state = 'ended' AND reason <> 'expired' AND or_key_hash IS NOT NULL AND disable_confirmed_at IS NULL;
CREATE INDEX claim_unsettled ON keymint.workshop_attendance (ended_at) WHERE state = 'ended' AND settled_at IS NULL;
CREATE INDEX claim_carry ON keymint.workshop_attendance (limit_carry_until) WHERE state = 'ready' AND limit_carry_until IS NOT NULL;
CREATE INDEX claim_largest_limit ON keymint.workshop_attendance (workshop_slug, limit_usd DESC) WHERE state IN ('pending', 'ready');

ALTER TABLE keymint.retired_keys
  ADD COLUMN key_label           text,
  -- The last cap: a lifetime one (no reset), so that a new window gives nothing more.
  ADD COLUMN limit_usd           numeric(20,9),
  ADD COLUMN expires_at          timestamptz(6),
  ADD COLUMN key_saved_at        timestamptz(6),
  ADD COLUMN committed_usd       numeric(20,9) NOT NULL DEFAULT 0,
  -- Usable for so long after the next key is ready; null means it must be disabled at once.
  ADD COLUMN grace_seconds       integer,
  ADD COLUMN usage_synced_at     timestamptz(6),
  ADD COLUMN upstream_missing_at timestamptz(6),
  ADD CONSTRAINT retired_money CHECK (committed_usd >= 0 AND usage_usd >= 0);
CREATE INDEX retired_unsettled ON keymint.retired_keys (retired_at) WHERE settled_at IS NULL;

-- A change under way at the provider: one for each claim at a time. It is written before the call, so that a crash knows what was meant.
CREATE TABLE keymint.claim_changes (
    claim_id   uuid PRIMARY KEY REFERENCES keymint.workshop_attendance (claim_id) ON DELETE RESTRICT,
    bulk_id    uuid NOT NULL REFERENCES keymint.bulk_actions (id) ON DELETE RESTRICT,
    scope      text NOT NULL,
    kind       text NOT NULL,
    generation integer NOT NULL,
    -- Wanted of the key, and what was reserved for it before the call.
    limit_usd      numeric(20,9),
    reserved_usd   numeric(20,9) NOT NULL DEFAULT 0,
    -- Of a key that is replaced: its use in all and in the window when it was read, and the cap it is lowered to.
    old_usage_usd  numeric(20,9),
    old_window_usd numeric(20,9),
    old_cap_usd    numeric(20,9),
    old_read_at    timestamptz(6),
    started_at     timestamptz(6) NOT NULL DEFAULT now()
);
CREATE INDEX claim_changes_scope_limit_usd_idx ON keymint.claim_changes (scope, limit_usd DESC);

-- A workshop that staff have ended. The pool's own column closes it to reservations under the pool's lock; this row says who and why.
CREATE TABLE keymint.workshop_ends (
    slug     text PRIMARY KEY,
    ended_at timestamptz(6) NOT NULL DEFAULT now(),
    ended_by text NOT NULL,
    reason   text
);
ALTER TABLE keymint.pools ADD COLUMN ended_at timestamptz(6);

-- A claim may also be taken back before its key was made.
CREATE OR REPLACE FUNCTION keymint.hold_claim_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT (
    (OLD.state = NEW.state AND OLD.generation = NEW.generation)
    OR (OLD.state = 'pending' AND NEW.state IN ('ready', 'refused', 'ended') AND OLD.generation = NEW.generation)
    OR (OLD.state = 'ready' AND NEW.state = 'ended' AND OLD.generation = NEW.generation)
    OR (OLD.state IN ('refused', 'ended') AND NEW.state = 'pending' AND NEW.generation = OLD.generation + 1)
  ) THEN
    RAISE EXCEPTION 'claim % may not go from % (generation %) to % (generation %)', OLD.claim_id, OLD.state, OLD.generation, NEW.state, NEW.generation;
  END IF;
  RETURN NEW;
END $$;

-- Every key of ours that a row holds, live, ended or retired. The last three columns are what we want of it upstream.
CREATE OR REPLACE VIEW keymint.held_keys AS
  SELECT 'claim'::text AS owner_kind, c.claim_id AS owner_id, c.generation, c.workshop_slug AS scope, c.or_key_hash AS key_hash,
         c.state = 'ready' AS live, c.limit_usd, c.limit_reset, c.expires_at, c.key_saved_at, c.or_guardrail_id AS guardrail_id, c.guardrail_attached_at,
         c.bind_set_aside, c.ended_at, c.settled_at,
         (c.disabled_at IS NOT NULL OR (c.state = 'ended' AND c.reason <> 'expired')) AS wanted_disabled,
         (CASE WHEN c.limit_carry_until IS NULL THEN c.limit_usd ELSE c.limit_usd - c.limit_carry_usd END)::numeric(20,9) AS wanted_limit_usd,
         EXISTS (SELECT 1 FROM keymint.claim_changes h WHERE h.claim_id = c.claim_id) AS changing
  FROM keymint.workshop_attendance c WHERE c.or_key_hash IS NOT NULL
  UNION ALL
  SELECT r.owner_kind, r.owner_id, r.generation, r.scope, r.key_hash,
         false, r.limit_usd, NULL, r.expires_at, r.key_saved_at, NULL, NULL::timestamptz(6), false, coalesce(r.disabled_at, r.retired_at), r.settled_at,
         (r.disabled_at IS NOT NULL OR r.grace_seconds IS NULL), r.limit_usd, r.disabled_at IS NULL
  FROM keymint.retired_keys r;

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['claim_changes', 'workshop_ends'] LOOP
    EXECUTE format('ALTER TABLE keymint.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('REVOKE ALL ON keymint.%I FROM PUBLIC', t);
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION keymint.hold_claim_transition() FROM PUBLIC;

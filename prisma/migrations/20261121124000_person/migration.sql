-- The audit chain: an order of its own, filled in after the fact. `xid` says which transaction wrote an event, so that
-- only events of finished transactions are chained: one that commits late can then never belong before the head.
ALTER TABLE keymint.audit_events
  ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  ADD COLUMN chain_seq bigint,
  ADD CONSTRAINT audit_chained_whole CHECK (num_nulls(chain_seq, prev_hash, hash) IN (0, 3));
CREATE UNIQUE INDEX audit_events_chain_seq_key ON keymint.audit_events (chain_seq);
CREATE INDEX audit_unchained ON keymint.audit_events (id) WHERE chain_seq IS NULL;
CREATE INDEX audit_events_actor_id_idx ON keymint.audit_events (actor, id);
CREATE INDEX audit_events_action_id_idx ON keymint.audit_events (action, id);
CREATE INDEX audit_events_at_idx ON keymint.audit_events (at);

-- Everything but the chain's own columns stays as it was written, also columns that are added later.
CREATE OR REPLACE FUNCTION keymint.hold_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.chain_seq IS NULL AND OLD.prev_hash IS NULL AND OLD.hash IS NULL
    AND NEW.chain_seq IS NOT NULL AND NEW.prev_hash IS NOT NULL AND NEW.hash IS NOT NULL
    AND to_jsonb(OLD) - ARRAY['chain_seq', 'prev_hash', 'hash'] = to_jsonb(NEW) - ARRAY['chain_seq', 'prev_hash', 'hash'] THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'audit_events is append-only';
END $$;
-- An event enters unchained and under its own transaction.
CREATE TRIGGER audit_enters_unchained BEFORE INSERT ON keymint.audit_events FOR EACH ROW
  WHEN (num_nonnulls(NEW.chain_seq, NEW.prev_hash, NEW.hash) > 0 OR NEW.xid <> pg_current_xact_id())
  EXECUTE FUNCTION keymint.refuse_change();

-- Erasure: the row stays for the sums of its workshops, under a name that says nothing.
ALTER TABLE keymint.attendees
  ADD COLUMN erased_at timestamptz(6),
  ADD CONSTRAINT attendee_erased_is_empty CHECK (
    (erased_at IS NULL) = (user_id NOT LIKE 'erased:%')
    AND (erased_at IS NULL OR (num_nonnulls(email, avatar_url, marketing_opted_in_at, marketing_opted_in_workshop, ban_reason) = 0 AND NOT marketing_opted_in)));
CREATE INDEX attendees_last_seen ON keymint.attendees (last_seen_at) WHERE erased_at IS NULL;

-- One claim a person, also when the person's rows no longer say who it was: keyed fingerprints, and nothing readable.
-- A ban belongs to no workshop: its slug is empty.
CREATE TABLE keymint.claim_holds (
    workshop_slug text NOT NULL,
    fingerprint   text NOT NULL,
    reason        text NOT NULL CONSTRAINT claim_hold_reason CHECK (reason IN ('erased', 'unlinked', 'banned')),
    held_until    timestamptz(6),
    created_at    timestamptz(6) NOT NULL DEFAULT now(),
    PRIMARY KEY (workshop_slug, fingerprint),
    CONSTRAINT claim_hold_ban CHECK ((reason = 'banned') = (workshop_slug = ''))
);

-- Counts of requests by person and address. A crash of Postgres may forget them; a restart does not.
CREATE UNLOGGED TABLE keymint.rate_limits (
    key    varchar(255) PRIMARY KEY,
    points integer NOT NULL DEFAULT 0,
    expire bigint
);

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['claim_holds', 'rate_limits'] LOOP
    EXECUTE format('ALTER TABLE keymint.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('REVOKE ALL ON keymint.%I FROM PUBLIC', t);
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION keymint.hold_audit() FROM PUBLIC;

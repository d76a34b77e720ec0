-- Teams: people, monthly budgets, a double-entry ledger, and the keys that members make against it.

CREATE TABLE keymint.teams (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    slug       text NOT NULL UNIQUE CONSTRAINT team_slug CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 40 AND slug NOT IN ('new', 'join')),
    name       text NOT NULL CONSTRAINT team_name CHECK (length(btrim(name)) BETWEEN 1 AND 80),
    created_by text NOT NULL REFERENCES keymint.attendees (user_id) ON DELETE RESTRICT ON UPDATE CASCADE,
    created_at timestamptz(6) NOT NULL DEFAULT now()
);
CREATE INDEX teams_created_by_idx ON keymint.teams (created_by);

-- A member's row is the lock in front of all of that member's money.
CREATE TABLE keymint.team_members (
    team_id    uuid NOT NULL REFERENCES keymint.teams (id) ON DELETE RESTRICT,
    user_id    text NOT NULL REFERENCES keymint.attendees (user_id) ON DELETE RESTRICT ON UPDATE CASCADE,
    role       text NOT NULL CONSTRAINT team_member_role CHECK (role IN ('owner', 'member')),
    state      text NOT NULL DEFAULT 'active' CONSTRAINT team_member_state CHECK (state IN ('active', 'suspended', 'removed')),
    joined_at  timestamptz(6) NOT NULL DEFAULT now(),
    removed_at timestamptz(6),
    PRIMARY KEY (team_id, user_id),
    CONSTRAINT team_member_removed CHECK ((state = 'removed') = (removed_at IS NOT NULL))
);
CREATE INDEX team_members_user_id_idx ON keymint.team_members (user_id);

CREATE TABLE keymint.invitations (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    team_id    uuid NOT NULL REFERENCES keymint.teams (id) ON DELETE RESTRICT,
    token_hash text NOT NULL UNIQUE,
    role       text NOT NULL CONSTRAINT invitation_role CHECK (role IN ('owner', 'member')),
    email      text,
    created_by text NOT NULL REFERENCES keymint.attendees (user_id) ON DELETE RESTRICT ON UPDATE CASCADE,
    created_at timestamptz(6) NOT NULL DEFAULT now(),
    expires_at timestamptz(6) NOT NULL,
    used_at    timestamptz(6),
    used_by    text REFERENCES keymint.attendees (user_id) ON DELETE RESTRICT ON UPDATE CASCADE,
    revoked_at timestamptz(6),
    CONSTRAINT invitation_used CHECK ((used_at IS NULL) = (used_by IS NULL)),
    CONSTRAINT invitation_ends_once CHECK (used_at IS NULL OR revoked_at IS NULL)
);
CREATE INDEX invitations_team_id_idx ON keymint.invitations (team_id, created_at);

-- What a member may use a month, from this month on until a later row says otherwise.
CREATE TABLE keymint.budgets (
    team_id       uuid NOT NULL,
    user_id       text NOT NULL,
    month         date NOT NULL CONSTRAINT budget_month CHECK (extract(day FROM month) = 1),
    allocated_usd numeric(20,9) NOT NULL CONSTRAINT budget_not_negative CHECK (allocated_usd >= 0),
    reason        text,
    set_by        text NOT NULL,
    set_at        timestamptz(6) NOT NULL DEFAULT now(),
    PRIMARY KEY (team_id, user_id, month),
    FOREIGN KEY (team_id, user_id) REFERENCES keymint.team_members (team_id, user_id) ON DELETE RESTRICT ON UPDATE CASCADE
);

CREATE TABLE keymint.budget_requests (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    team_id         uuid NOT NULL,
    user_id         text NOT NULL,
    more_usd        numeric(20,9) NOT NULL CONSTRAINT budget_request_asks CHECK (more_usd > 0),
    reason          text NOT NULL,
    state           text NOT NULL DEFAULT 'open' CONSTRAINT budget_request_state CHECK (state IN ('open', 'approved', 'refused', 'withdrawn')),
    created_at      timestamptz(6) NOT NULL DEFAULT now(),
    decided_at      timestamptz(6),
    decided_by      text,
    decision_reason text,
    FOREIGN KEY (team_id, user_id) REFERENCES keymint.team_members (team_id, user_id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX budget_requests_team_id_idx ON keymint.budget_requests (team_id, created_at);
CREATE UNIQUE INDEX budget_request_one_open ON keymint.budget_requests (team_id, user_id) WHERE state = 'open';

-- Kept balances of one member in one UTC month. Only a posting changes them: see post_transaction.
CREATE TABLE keymint.budget_months (
    team_id       uuid NOT NULL,
    user_id       text NOT NULL,
    month         date NOT NULL CONSTRAINT budget_months_month CHECK (extract(day FROM month) = 1),
    allocated_usd numeric(20,9) NOT NULL DEFAULT 0,
    committed_usd numeric(20,9) NOT NULL DEFAULT 0,
    spent_usd     numeric(20,9) NOT NULL DEFAULT 0,
    free_usd      numeric(20,9) NOT NULL DEFAULT 0,
    opened_at     timestamptz(6) NOT NULL DEFAULT now(),
    PRIMARY KEY (team_id, user_id, month),
    FOREIGN KEY (team_id, user_id) REFERENCES keymint.team_members (team_id, user_id) ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT ledger_equation CHECK (allocated_usd = committed_usd + spent_usd + free_usd),
    CONSTRAINT ledger_not_negative CHECK (allocated_usd >= 0 AND committed_usd >= 0 AND spent_usd >= 0)
);

-- A sub-key: what a member made against the budget, and the key that counts now.
CREATE TABLE keymint.api_keys (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    team_id              uuid NOT NULL,
    user_id              text NOT NULL,
    master_key_id        uuid NOT NULL,
    service              text NOT NULL,
    purpose              text NOT NULL,
    cap_usd              numeric(20,9) NOT NULL,
    wanted_cap_usd       numeric(20,9),
    carried_usd          numeric(20,9) NOT NULL DEFAULT 0,
    reset                text,
    expires_at           timestamptz(6) NOT NULL,
    models               text[] NOT NULL DEFAULT '{}',
    state                text NOT NULL DEFAULT 'pending',
    reason               text,
    reason_detail        text,
    generation           integer NOT NULL DEFAULT 1,
    key_hash             text UNIQUE,
    sealed               text,
    key_label            text,
    key_saved_at         timestamptz(6),
    upstream_cap_usd     numeric(20,9),
    change_error         text,
    rotate_requested_at  timestamptz(6),
    usage_usd            numeric(20,9) NOT NULL DEFAULT 0,
    window_month         date NOT NULL,
    window_base_usd      numeric(20,9) NOT NULL DEFAULT 0,
    window_used_usd      numeric(20,9) NOT NULL DEFAULT 0,
    usage_synced_at      timestamptz(6),
    upstream_disabled    boolean NOT NULL DEFAULT false,
    upstream_missing_at  timestamptz(6),
    revealed_at          timestamptz(6),
    created_at           timestamptz(6) NOT NULL DEFAULT now(),
    ended_at             timestamptz(6),
    closed_upstream_at   timestamptz(6),
    settled_at           timestamptz(6),
    deleted_upstream_at  timestamptz(6),
    FOREIGN KEY (team_id, user_id) REFERENCES keymint.team_members (team_id, user_id) ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT sub_key_state CHECK (state IN ('pending', 'ready', 'ended', 'refused')),
    CONSTRAINT sub_key_reason CHECK ((state IN ('ended', 'refused')) = (reason IS NOT NULL)),
    CONSTRAINT sub_key_ended CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
    CONSTRAINT sub_key_reset CHECK (reset IS NULL OR reset = 'monthly'),
    CONSTRAINT sub_key_money CHECK (cap_usd > 0 AND (wanted_cap_usd IS NULL OR wanted_cap_usd > 0) AND carried_usd >= 0 AND usage_usd >= 0),
    CONSTRAINT sub_key_ready_has_key CHECK (state <> 'ready' OR (key_hash IS NOT NULL AND sealed IS NOT NULL)),
    CONSTRAINT sub_key_secret_lives_with_ready CHECK (sealed IS NULL OR state = 'ready'),
    CONSTRAINT sub_key_pending_has_no_key CHECK (state <> 'pending' OR key_hash IS NULL)
);
CREATE INDEX api_keys_team_id_idx ON keymint.api_keys (team_id, user_id, created_at);
CREATE INDEX api_keys_master_key_id_idx ON keymint.api_keys (master_key_id);
CREATE INDEX sub_key_unsettled ON keymint.api_keys (state, expires_at) WHERE state IN ('pending', 'ready') OR (state = 'ended' AND deleted_upstream_at IS NULL);

CREATE FUNCTION keymint.hold_sub_key_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT (
    (OLD.state = NEW.state AND OLD.generation = NEW.generation)
    OR (OLD.state = 'pending' AND NEW.state IN ('ready', 'refused', 'ended') AND OLD.generation = NEW.generation)
    OR (OLD.state = 'ready' AND NEW.state = 'ended' AND OLD.generation = NEW.generation)
    -- Rotation: the same key by name and budget, anew at the provider.
    OR (OLD.state = 'ready' AND NEW.state = 'pending' AND NEW.generation = OLD.generation + 1)
  ) THEN
    RAISE EXCEPTION 'sub-key % may not go from % (generation %) to % (generation %)', OLD.id, OLD.state, OLD.generation, NEW.state, NEW.generation;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER hold_sub_key_transition BEFORE UPDATE OF state, generation ON keymint.api_keys
  FOR EACH ROW EXECUTE FUNCTION keymint.hold_sub_key_transition();

-- Keys that a rotation has replaced: disabled, read once more after the last requests have been counted, then deleted.
CREATE TABLE keymint.retired_sub_keys (
    key_hash        text PRIMARY KEY,
    api_key_id      uuid NOT NULL REFERENCES keymint.api_keys (id) ON DELETE RESTRICT,
    generation      integer NOT NULL,
    usage_usd       numeric(20,9) NOT NULL,
    usage_synced_at timestamptz(6),
    missing_at      timestamptz(6),
    retired_at      timestamptz(6) NOT NULL,
    settled_at      timestamptz(6),
    deleted_at      timestamptz(6),
    UNIQUE (api_key_id, generation)
);
CREATE INDEX retired_sub_key_open ON keymint.retired_sub_keys (retired_at) WHERE deleted_at IS NULL;

-- What one key has committed and spent in one month: the budget_months of its member, taken apart.
CREATE TABLE keymint.key_months (
    api_key_id    uuid NOT NULL REFERENCES keymint.api_keys (id) ON DELETE RESTRICT,
    month         date NOT NULL,
    committed_usd numeric(20,9) NOT NULL DEFAULT 0 CONSTRAINT key_month_committed CHECK (committed_usd >= 0),
    spent_usd     numeric(20,9) NOT NULL DEFAULT 0 CONSTRAINT key_month_spent CHECK (spent_usd >= 0),
    PRIMARY KEY (api_key_id, month)
);
CREATE INDEX key_month_committed_idx ON keymint.key_months (api_key_id) WHERE committed_usd > 0;

-- The ledger: every row takes an amount from one account of a member's month and adds it to another, so the sum of
-- all accounts never changes. `unallocated` is the outside; what came from it is what is allocated.
CREATE TABLE keymint.transactions (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz(6) NOT NULL,
    team_id      uuid NOT NULL,
    user_id      text NOT NULL,
    month        date NOT NULL,
    kind         text NOT NULL,
    from_account text NOT NULL,
    to_account   text NOT NULL,
    amount_usd   numeric(20,9) NOT NULL CONSTRAINT transaction_amount CHECK (amount_usd > 0),
    api_key_id   uuid REFERENCES keymint.api_keys (id) ON DELETE RESTRICT,
    actor        text NOT NULL,
    reason       text,
    FOREIGN KEY (team_id, user_id, month) REFERENCES keymint.budget_months (team_id, user_id, month) ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT transaction_accounts CHECK ((kind, from_account, to_account) IN (
      ('allocate', 'unallocated', 'free'), ('deallocate', 'free', 'unallocated'),
      ('commit', 'free', 'committed'), ('carry', 'free', 'committed'), ('release', 'committed', 'free'),
      ('spend', 'committed', 'spent'), ('overspend', 'free', 'spent'))),
    CONSTRAINT transaction_of_a_key CHECK ((kind IN ('allocate', 'deallocate')) = (api_key_id IS NULL))
);
CREATE INDEX transactions_team_id_idx ON keymint.transactions (team_id, month, at);
CREATE INDEX transactions_api_key_id_idx ON keymint.transactions (api_key_id, id) WHERE api_key_id IS NOT NULL;
-- A posting never changes. The one exception is the name of a person who was erased: it follows the person's own row.
CREATE FUNCTION keymint.hold_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.user_id LIKE 'erased:%' AND pg_trigger_depth() > 1 AND to_jsonb(NEW) - 'user_id' = to_jsonb(OLD) - 'user_id' THEN RETURN NEW; END IF;
  RAISE EXCEPTION 'transactions is append-only';
END $$;
CREATE TRIGGER transactions_hold BEFORE UPDATE ON keymint.transactions FOR EACH ROW EXECUTE FUNCTION keymint.hold_transaction();
CREATE TRIGGER transactions_are_kept BEFORE DELETE OR TRUNCATE ON keymint.transactions
  FOR EACH STATEMENT EXECUTE FUNCTION keymint.refuse_change();

CREATE FUNCTION keymint.post_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE left_free numeric;
BEGIN
  UPDATE keymint.budget_months b SET
    allocated_usd = allocated_usd + CASE 'unallocated' WHEN NEW.from_account THEN NEW.amount_usd WHEN NEW.to_account THEN -NEW.amount_usd ELSE 0 END,
    free_usd      = free_usd + CASE 'free' WHEN NEW.to_account THEN NEW.amount_usd WHEN NEW.from_account THEN -NEW.amount_usd ELSE 0 END,
    committed_usd = committed_usd + CASE 'committed' WHEN NEW.to_account THEN NEW.amount_usd WHEN NEW.from_account THEN -NEW.amount_usd ELSE 0 END,
    spent_usd     = spent_usd + CASE 'spent' WHEN NEW.to_account THEN NEW.amount_usd ELSE 0 END
  WHERE b.team_id = NEW.team_id AND b.user_id = NEW.user_id AND b.month = NEW.month
  RETURNING free_usd INTO left_free;
  -- The code asks first; this is why two tabs cannot commit the same money even if it did not.
  IF NEW.kind = 'commit' AND left_free < 0 THEN
    RAISE EXCEPTION 'a commitment of % is more than is free', NEW.amount_usd USING ERRCODE = 'KM001';
  END IF;
  IF NEW.api_key_id IS NOT NULL THEN
    INSERT INTO keymint.key_months AS k (api_key_id, month) VALUES (NEW.api_key_id, NEW.month) ON CONFLICT DO NOTHING;
    UPDATE keymint.key_months k SET
      committed_usd = committed_usd + CASE 'committed' WHEN NEW.to_account THEN NEW.amount_usd WHEN NEW.from_account THEN -NEW.amount_usd ELSE 0 END,
      spent_usd     = spent_usd + CASE 'spent' WHEN NEW.to_account THEN NEW.amount_usd ELSE 0 END
    WHERE k.api_key_id = NEW.api_key_id AND k.month = NEW.month;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER post_transaction AFTER INSERT ON keymint.transactions FOR EACH ROW EXECUTE FUNCTION keymint.post_transaction();

-- Balances begin at nothing and are moved by postings alone, so that they are the sum of the ledger at every moment.
CREATE FUNCTION keymint.hold_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND pg_trigger_depth() > 1 THEN RETURN NEW; END IF;
  IF TG_OP = 'INSERT' AND TG_TABLE_NAME = 'budget_months' THEN
    IF (to_jsonb(NEW) ->> 'allocated_usd')::numeric = 0 AND (to_jsonb(NEW) ->> 'committed_usd')::numeric = 0
      AND (to_jsonb(NEW) ->> 'spent_usd')::numeric = 0 AND (to_jsonb(NEW) ->> 'free_usd')::numeric = 0 THEN RETURN NEW; END IF;
  ELSIF TG_OP = 'INSERT' AND pg_trigger_depth() > 1 THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'this violates the ledger: the balances of % change by postings alone', TG_TABLE_NAME;
END $$;
CREATE TRIGGER budget_months_hold BEFORE INSERT OR UPDATE OR DELETE ON keymint.budget_months FOR EACH ROW EXECUTE FUNCTION keymint.hold_balances();
CREATE TRIGGER key_months_hold BEFORE INSERT OR UPDATE OR DELETE ON keymint.key_months FOR EACH ROW EXECUTE FUNCTION keymint.hold_balances();
CREATE TRIGGER budget_months_are_kept BEFORE TRUNCATE ON keymint.budget_months FOR EACH STATEMENT EXECUTE FUNCTION keymint.refuse_change();
CREATE TRIGGER key_months_are_kept BEFORE TRUNCATE ON keymint.key_months FOR EACH STATEMENT EXECUTE FUNCTION keymint.refuse_change();

-- The mint engine works for sub-keys too.
ALTER TABLE keymint.mints DROP CONSTRAINT mint_owner_kind;
ALTER TABLE keymint.mints ADD CONSTRAINT mint_owner_kind CHECK (owner_kind IN ('claim', 'sub-key'));
CREATE OR REPLACE VIEW keymint.mint_owners AS
  SELECT 'claim'::text AS owner_kind, c.claim_id AS owner_id, c.generation, c.state = 'pending' AS waiting, a.banned_at IS NOT NULL AS barred
  FROM keymint.workshop_attendance c JOIN keymint.attendees a USING (user_id)
  UNION ALL
  SELECT 'sub-key'::text, k.id, k.generation, k.state = 'pending', a.banned_at IS NOT NULL
  FROM keymint.api_keys k JOIN keymint.attendees a USING (user_id);

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['teams', 'team_members', 'invitations', 'budgets', 'budget_requests', 'budget_months', 'api_keys', 'retired_sub_keys', 'key_months', 'transactions'] LOOP
    EXECUTE format('ALTER TABLE keymint.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('REVOKE ALL ON keymint.%I FROM PUBLIC', t);
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION keymint.hold_transaction(), keymint.hold_sub_key_transition(), keymint.post_transaction(), keymint.hold_balances() FROM PUBLIC;

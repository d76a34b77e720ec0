
CREATE SCHEMA IF NOT EXISTS "keymint";

CREATE TABLE "keymint"."installation" (
    "singleton" BOOLEAN NOT NULL DEFAULT true,
    "id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "installation_pkey" PRIMARY KEY ("singleton")
);

CREATE TABLE "keymint"."attendees" (
    "user_id" TEXT NOT NULL,
    "email" TEXT,
    "email_normalized" TEXT,
    "display_name" TEXT NOT NULL,
    "avatar_url" TEXT,
    "auth_provider" TEXT NOT NULL,
    "marketing_opted_in" BOOLEAN NOT NULL DEFAULT false,
    "marketing_opted_in_at" TIMESTAMPTZ(6),
    "marketing_opted_in_workshop" TEXT,
    "banned_at" TIMESTAMPTZ(6),
    "ban_reason" TEXT,
    "first_seen_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "attendees_pkey" PRIMARY KEY ("user_id")
);

CREATE TABLE "keymint"."identities" (
    "provider" TEXT NOT NULL,
    "provider_user_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "login" TEXT,
    "email" TEXT,
    "email_normalized" TEXT,
    "display_name" TEXT NOT NULL,
    "avatar_url" TEXT,
    "account_created_at" TIMESTAMPTZ(6),
    "linked_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_used_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "identities_pkey" PRIMARY KEY ("provider","provider_user_id")
);

CREATE TABLE "keymint"."sessions" (
    "token_hash" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "user_agent" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(6) NOT NULL,
    "ended_at" TIMESTAMPTZ(6),

    CONSTRAINT "sessions_pkey" PRIMARY KEY ("token_hash")
);

CREATE TABLE "keymint"."workshop_attendance" (
    "user_id" TEXT NOT NULL,
    "workshop_slug" TEXT NOT NULL,
    "claim_id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "email_normalized" TEXT,
    "provider" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'pending',
    "reason" TEXT,
    "reason_detail" TEXT,
    "generation" INTEGER NOT NULL DEFAULT 1,
    "committed_usd" DECIMAL(20,9) NOT NULL DEFAULT 0,
    "limit_usd" DECIMAL(20,9) NOT NULL,
    "limit_reset" TEXT,
    "expires_at" TIMESTAMPTZ(6) NOT NULL,
    "allowed_models" TEXT[],
    "or_key_hash" TEXT,
    "or_key_plaintext" TEXT,
    "key_label" TEXT,
    "key_saved_at" TIMESTAMPTZ(6),
    "or_guardrail_id" TEXT,
    "guardrail_attached_at" TIMESTAMPTZ(6),
    "bind_attempts" INTEGER NOT NULL DEFAULT 0,
    "bind_error" TEXT,
    "bind_failed_at" TIMESTAMPTZ(6),
    "bind_set_aside" BOOLEAN NOT NULL DEFAULT false,
    "usage_usd" DECIMAL(20,9) NOT NULL DEFAULT 0,
    "window_used_usd" DECIMAL(20,9) NOT NULL DEFAULT 0,
    "window_started_at" TIMESTAMPTZ(6),
    "usage_synced_at" TIMESTAMPTZ(6),
    "upstream_disabled" BOOLEAN NOT NULL DEFAULT false,
    "upstream_missing_at" TIMESTAMPTZ(6),
    "revealed_at" TIMESTAMPTZ(6),
    "ended_at" TIMESTAMPTZ(6),
    "settled_at" TIMESTAMPTZ(6),
    "attended_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "workshop_attendance_pkey" PRIMARY KEY ("user_id","workshop_slug")
);

CREATE TABLE "keymint"."mints" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "owner_kind" TEXT NOT NULL,
    "owner_id" UUID NOT NULL,
    "generation" INTEGER NOT NULL,
    "scope" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'pending',
    "limit_usd" DECIMAL(20,9) NOT NULL,
    "limit_reset" TEXT,
    "expires_at" TIMESTAMPTZ(6) NOT NULL,
    "allowed_models" TEXT[],
    "fencing_token" UUID,
    "taken_at" TIMESTAMPTZ(6),
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "not_before" TIMESTAMPTZ(6),
    "delay_reason" TEXT,
    "queued_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "done_at" TIMESTAMPTZ(6),

    CONSTRAINT "mints_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "keymint"."mint_attempts" (
    "id" UUID NOT NULL,
    "mint_id" UUID NOT NULL,
    "token" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'sent',
    "outcome" TEXT,
    "http_status" INTEGER,
    "key_hash" TEXT,
    "sent_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "settled_at" TIMESTAMPTZ(6),
    "deleted_at" TIMESTAMPTZ(6),

    CONSTRAINT "mint_attempts_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "keymint"."pools" (
    "workshop_slug" TEXT NOT NULL,
    "committed_usd" DECIMAL(20,9) NOT NULL DEFAULT 0,
    "seats" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "pools_pkey" PRIMARY KEY ("workshop_slug")
);

CREATE TABLE "keymint"."guardrails" (
    "workshop_slug" TEXT NOT NULL,
    "guardrail_id" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "ensured_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "guardrails_pkey" PRIMARY KEY ("workshop_slug")
);

CREATE TABLE "keymint"."retired_keys" (
    "key_hash" TEXT NOT NULL,
    "owner_kind" TEXT NOT NULL,
    "owner_id" UUID NOT NULL,
    "generation" INTEGER NOT NULL,
    "scope" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "usage_usd" DECIMAL(20,9) NOT NULL DEFAULT 0,
    "retired_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "disabled_at" TIMESTAMPTZ(6),
    "settled_at" TIMESTAMPTZ(6),

    CONSTRAINT "retired_keys_pkey" PRIMARY KEY ("key_hash")
);

CREATE TABLE "keymint"."mint_gate" (
    "singleton" BOOLEAN NOT NULL DEFAULT true,
    "cooldown_until" TIMESTAMPTZ(6),
    "reason" TEXT,
    "failures" INTEGER NOT NULL DEFAULT 0,
    "probe_at" TIMESTAMPTZ(6),
    "paused_at" TIMESTAMPTZ(6),
    "pause_reason" TEXT,

    CONSTRAINT "mint_gate_pkey" PRIMARY KEY ("singleton")
);

CREATE TABLE "keymint"."workers" (
    "id" TEXT NOT NULL,
    "slots" INTEGER NOT NULL,
    "started_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "workers_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "keymint"."audit_events" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "actor" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "workshop_slug" TEXT,
    "details" JSONB NOT NULL DEFAULT '{}',
    "prev_hash" TEXT,
    "hash" TEXT,

    CONSTRAINT "audit_events_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "installation_id_key" ON "keymint"."installation"("id");

CREATE INDEX "attendees_email_normalized_idx" ON "keymint"."attendees"("email_normalized");

CREATE UNIQUE INDEX "identities_user_id_provider_key" ON "keymint"."identities"("user_id", "provider");

CREATE INDEX "identities_email_normalized_idx" ON "keymint"."identities"("email_normalized");

CREATE INDEX "sessions_user_id_idx" ON "keymint"."sessions"("user_id");

CREATE UNIQUE INDEX "workshop_attendance_claim_id_key" ON "keymint"."workshop_attendance"("claim_id");

CREATE UNIQUE INDEX "workshop_attendance_or_key_hash_key" ON "keymint"."workshop_attendance"("or_key_hash");

CREATE INDEX "workshop_attendance_workshop_slug_attended_at_idx" ON "keymint"."workshop_attendance"("workshop_slug", "attended_at");

CREATE UNIQUE INDEX "workshop_attendance_workshop_slug_email_normalized_key" ON "keymint"."workshop_attendance"("workshop_slug", "email_normalized");

CREATE UNIQUE INDEX "mints_owner_kind_owner_id_generation_key" ON "keymint"."mints"("owner_kind", "owner_id", "generation");

CREATE UNIQUE INDEX "mint_attempts_name_key" ON "keymint"."mint_attempts"("name");

CREATE INDEX "mint_attempts_mint_id_idx" ON "keymint"."mint_attempts"("mint_id");

CREATE INDEX "retired_keys_owner_kind_owner_id_idx" ON "keymint"."retired_keys"("owner_kind", "owner_id");

CREATE INDEX "audit_events_subject_id_idx" ON "keymint"."audit_events"("subject", "id");

CREATE INDEX "audit_events_workshop_slug_id_idx" ON "keymint"."audit_events"("workshop_slug", "id");

ALTER TABLE "keymint"."identities" ADD CONSTRAINT "identities_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "keymint"."attendees"("user_id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE "keymint"."sessions" ADD CONSTRAINT "sessions_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "keymint"."attendees"("user_id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE "keymint"."workshop_attendance" ADD CONSTRAINT "workshop_attendance_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "keymint"."attendees"("user_id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE "keymint"."mint_attempts" ADD CONSTRAINT "mint_attempts_mint_id_fkey" FOREIGN KEY ("mint_id") REFERENCES "keymint"."mints"("id") ON DELETE RESTRICT ON UPDATE CASCADE;


-- What Prisma's schema cannot say: checks, partial indexes, legal transitions, append-only audit, isolation.

ALTER TABLE keymint.installation ADD CONSTRAINT installation_one_row CHECK (singleton);
ALTER TABLE keymint.mint_gate ADD CONSTRAINT mint_gate_one_row CHECK (singleton);
INSERT INTO keymint.mint_gate DEFAULT VALUES;

ALTER TABLE keymint.attendees
  ADD CONSTRAINT attendees_email_pair CHECK ((email IS NULL) = (email_normalized IS NULL));

ALTER TABLE keymint.workshop_attendance
  ADD CONSTRAINT claim_state CHECK (state IN ('pending', 'ready', 'ended', 'refused')),
  ADD CONSTRAINT claim_reason CHECK ((state IN ('ended', 'refused')) = (reason IS NOT NULL)),
  ADD CONSTRAINT claim_money CHECK (committed_usd >= 0 AND limit_usd > 0 AND usage_usd >= 0),
  ADD CONSTRAINT claim_ready_has_key CHECK (state <> 'ready' OR (or_key_hash IS NOT NULL AND key_saved_at IS NOT NULL)),
  ADD CONSTRAINT claim_secret_lives_with_ready CHECK (or_key_plaintext IS NULL OR state = 'ready'),
  ADD CONSTRAINT claim_pending_has_no_key CHECK (state <> 'pending' OR or_key_hash IS NULL),
  ADD CONSTRAINT claim_reset CHECK (limit_reset IS NULL OR limit_reset IN ('daily', 'weekly', 'monthly'));
CREATE INDEX claim_unbound ON keymint.workshop_attendance (key_saved_at) WHERE state = 'ready' AND guardrail_attached_at IS NULL;
CREATE INDEX claim_live ON keymint.workshop_attendance (expires_at) WHERE state = 'ready';

ALTER TABLE keymint.mints
  ADD CONSTRAINT mint_owner_kind CHECK (owner_kind IN ('claim')),
  ADD CONSTRAINT mint_state CHECK (state IN ('pending', 'done', 'refused', 'cancelled')),
  ADD CONSTRAINT mint_limit CHECK (limit_usd > 0);
CREATE INDEX mint_waiting ON keymint.mints (queued_at) WHERE state = 'pending';
CREATE INDEX mint_finished ON keymint.mints (done_at DESC) WHERE state = 'done';

ALTER TABLE keymint.mint_attempts
  ADD CONSTRAINT attempt_state CHECK (state IN ('sent', 'saved', 'unknown', 'refused', 'condemned'));
-- The guarantee of one key per mint: of all its attempts, one at most is ever saved.
CREATE UNIQUE INDEX attempt_one_saved ON keymint.mint_attempts (mint_id) WHERE state = 'saved';
CREATE INDEX attempt_open ON keymint.mint_attempts (sent_at) WHERE state IN ('sent', 'unknown', 'condemned') AND deleted_at IS NULL;

ALTER TABLE keymint.pools ADD CONSTRAINT pool_not_negative CHECK (committed_usd >= 0 AND seats >= 0);

CREATE FUNCTION keymint.hold_claim_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT (
    (OLD.state = NEW.state AND OLD.generation = NEW.generation)
    OR (OLD.state = 'pending' AND NEW.state IN ('ready', 'refused') AND OLD.generation = NEW.generation)
    OR (OLD.state = 'ready' AND NEW.state = 'ended' AND OLD.generation = NEW.generation)
    OR (OLD.state IN ('refused', 'ended') AND NEW.state = 'pending' AND NEW.generation = OLD.generation + 1)
  ) THEN
    RAISE EXCEPTION 'claim % may not go from % (generation %) to % (generation %)', OLD.claim_id, OLD.state, OLD.generation, NEW.state, NEW.generation;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER hold_claim_transition BEFORE UPDATE OF state, generation ON keymint.workshop_attendance
  FOR EACH ROW EXECUTE FUNCTION keymint.hold_claim_transition();

-- An attempt never leaves saved or condemned: whoever reached it first has won.
CREATE FUNCTION keymint.hold_attempt_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state IN ('saved', 'condemned') AND NEW.state <> OLD.state THEN
    RAISE EXCEPTION 'attempt % is % and stays so', OLD.id, OLD.state;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER hold_attempt_transition BEFORE UPDATE OF state ON keymint.mint_attempts
  FOR EACH ROW EXECUTE FUNCTION keymint.hold_attempt_transition();

CREATE FUNCTION keymint.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER attempts_are_never_deleted BEFORE DELETE OR TRUNCATE ON keymint.mint_attempts
  FOR EACH STATEMENT EXECUTE FUNCTION keymint.refuse_change();

CREATE FUNCTION keymint.hold_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- The chain is filled in once, by a job, after the fact; nothing else about an event may change.
  IF OLD.hash IS NULL AND NEW.hash IS NOT NULL
    AND (OLD.id, OLD.at, OLD.actor, OLD.action, OLD.subject, OLD.details)
      IS NOT DISTINCT FROM (NEW.id, NEW.at, NEW.actor, NEW.action, NEW.subject, NEW.details)
    AND OLD.workshop_slug IS NOT DISTINCT FROM NEW.workshop_slug THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'audit_events is append-only';
END $$;
CREATE TRIGGER audit_holds BEFORE UPDATE ON keymint.audit_events FOR EACH ROW EXECUTE FUNCTION keymint.hold_audit();
CREATE TRIGGER audit_is_kept BEFORE DELETE OR TRUNCATE ON keymint.audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION keymint.refuse_change();

-- What the mint engine asks of every kind of owner; a new kind adds a branch here and a port in the domain.
CREATE VIEW keymint.mint_owners AS
  SELECT 'claim'::text AS owner_kind, c.claim_id AS owner_id, c.generation, c.state = 'pending' AS waiting, a.banned_at IS NOT NULL AS barred
  FROM keymint.workshop_attendance c JOIN keymint.attendees a USING (user_id);

-- Every key of ours that a row holds, live or ended: what sync and reconcile read.
CREATE VIEW keymint.held_keys AS
  SELECT 'claim'::text AS owner_kind, c.claim_id AS owner_id, c.generation, c.workshop_slug AS scope, c.or_key_hash AS key_hash,
         c.state = 'ready' AS live, c.limit_usd, c.limit_reset, c.expires_at, c.key_saved_at, c.or_guardrail_id AS guardrail_id, c.guardrail_attached_at,
         c.bind_set_aside, c.ended_at, c.settled_at
  FROM keymint.workshop_attendance c WHERE c.or_key_hash IS NOT NULL;

-- Row level security on, no policies, no grants: a role that is not the owner sees nothing.
DO $$ DECLARE t record; BEGIN
  FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'keymint' LOOP
    EXECUTE format('ALTER TABLE keymint.%I ENABLE ROW LEVEL SECURITY', t.tablename);
  END LOOP;
END $$;
REVOKE ALL ON SCHEMA keymint FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA keymint FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA keymint FROM PUBLIC;

-- What pg-boss does not keep: every run of a job, the errors grouped, and figures per minute, so that no page counts jobs.
CREATE TABLE keymint.job_runs (
    id          bigserial PRIMARY KEY,
    job_id      uuid NOT NULL,
    job_name    text NOT NULL,
    subject     text,
    run         integer NOT NULL,
    worker_id   text,
    started_at  timestamptz(6) NOT NULL,
    ended_at    timestamptz(6) NOT NULL,
    outcome     text NOT NULL CONSTRAINT job_run_outcome CHECK (outcome IN ('done', 'retry', 'snooze', 'failed')),
    reason      text,
    fingerprint text,
    http_status integer,
    next_run_at timestamptz(6)
);
CREATE INDEX job_runs_job_id_idx ON keymint.job_runs (job_id, id);

-- One error, however many jobs it hits: "the provider could not be reached" is one row in an outage.
CREATE TABLE keymint.error_groups (
    fingerprint   text PRIMARY KEY,
    class         text NOT NULL,
    message       text,
    http_status   integer,
    job_names     text[] NOT NULL,
    count         bigint NOT NULL,
    first_seen    timestamptz(6) NOT NULL,
    last_seen     timestamptz(6) NOT NULL,
    sample_job_id uuid NOT NULL,
    sample_words  text NOT NULL
);
CREATE INDEX error_groups_last_seen_idx ON keymint.error_groups (last_seen DESC);

CREATE TABLE keymint.job_minutes (
    name      text NOT NULL,
    minute    timestamptz(0) NOT NULL,
    done      integer NOT NULL DEFAULT 0,
    failed    integer NOT NULL DEFAULT 0,
    put_off   integer NOT NULL DEFAULT 0,
    errors    integer NOT NULL DEFAULT 0,
    wait_bins integer[] NOT NULL,
    run_bins  integer[] NOT NULL,
    PRIMARY KEY (name, minute)
);

CREATE FUNCTION keymint.add_bins(integer[], integer[]) RETURNS integer[] LANGUAGE sql IMMUTABLE
  RETURN (SELECT array_agg(coalesce(a, 0) + coalesce(b, 0) ORDER BY i) FROM unnest($1, $2) WITH ORDINALITY AS bins (a, b, i));

-- Who pressed pause, and the very error that closed the gate: what waits behind it waits because of that one.
ALTER TABLE keymint.mint_gate ADD COLUMN paused_by text, ADD COLUMN cause jsonb;
ALTER TABLE keymint.workers ADD COLUMN version text, ADD COLUMN region text, ADD COLUMN current_jobs jsonb NOT NULL DEFAULT '[]';

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['job_runs', 'error_groups', 'job_minutes'] LOOP
    EXECUTE format('ALTER TABLE keymint.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('REVOKE ALL ON keymint.%I FROM PUBLIC', t);
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION keymint.add_bins(integer[], integer[]) FROM PUBLIC;
REVOKE ALL ON SEQUENCE keymint.job_runs_id_seq FROM PUBLIC;

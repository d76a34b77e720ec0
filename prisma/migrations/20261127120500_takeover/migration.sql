-- A worker that holds its session lock can be seen to be gone the moment its process ends.
ALTER TABLE keymint.workers
  ADD COLUMN locked boolean NOT NULL DEFAULT false,
  ADD COLUMN gone_at timestamptz(6),
  ADD COLUMN taken_over_by text,
  ADD COLUMN jobs_taken_over integer,
  ADD CONSTRAINT worker_gone_is_unlocked CHECK (gone_at IS NULL OR NOT locked);

-- Which worker holds a job, written by the fetch itself, so that no job is held by nobody. Unlogged: a crash of Postgres ends every
-- session, and what was held then is found by its heartbeat.
CREATE UNLOGGED TABLE keymint.job_holders (
  job_id uuid PRIMARY KEY,
  job_name text NOT NULL,
  retry_count integer NOT NULL,
  worker text NOT NULL,
  fetched_at timestamptz(6) NOT NULL DEFAULT now()
);
CREATE INDEX job_holders_worker ON keymint.job_holders (worker);

-- The session says which worker it belongs to. The trigger itself stands on pg-boss's table: prisma/migrate.ts.
CREATE FUNCTION keymint.note_job_holder() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE holder text := current_setting('keymint.worker', true);
BEGIN
  IF holder IS NULL OR holder = '' THEN RETURN NULL; END IF;
  INSERT INTO keymint.job_holders (job_id, job_name, retry_count, worker) VALUES (new.id, new.name, new.retry_count, holder)
    ON CONFLICT (job_id) DO UPDATE
      SET job_name = excluded.job_name, retry_count = excluded.retry_count, worker = excluded.worker, fetched_at = excluded.fetched_at;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION keymint.note_job_holder() FROM PUBLIC;
ALTER TABLE keymint.job_holders ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON TABLE keymint.job_holders FROM PUBLIC;

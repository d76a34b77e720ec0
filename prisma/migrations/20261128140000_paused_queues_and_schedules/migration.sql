-- A queue that staff have paused: its row is the pause.
CREATE TABLE keymint.paused_queues (
  name text PRIMARY KEY,
  paused_at timestamptz(6) NOT NULL DEFAULT now(),
  paused_by text NOT NULL,
  reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500)
);
ALTER TABLE keymint.paused_queues ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON TABLE keymint.paused_queues FROM PUBLIC;

-- How the last run of each schedule ended. Runs are kept for a week, and some schedules run less often than they are looked at.
CREATE TABLE keymint.schedule_results (
  name text PRIMARY KEY,
  job_id uuid NOT NULL,
  started_at timestamptz(6) NOT NULL,
  ended_at timestamptz(6) NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('done', 'retry', 'snooze', 'failed')),
  reason text,
  counts jsonb NOT NULL DEFAULT '{}'
);
ALTER TABLE keymint.schedule_results ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON TABLE keymint.schedule_results FROM PUBLIC;

-- A fetch gets no job of a paused queue, whichever worker fetches. The trigger itself stands on pg-boss's table: prisma/migrate.ts.
CREATE FUNCTION keymint.hold_paused_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM keymint.paused_queues WHERE name = new.name) THEN RETURN NULL; END IF;
  RETURN new;
END $$;
REVOKE ALL ON FUNCTION keymint.hold_paused_job() FROM PUBLIC;

-- pg-boss deletes jobs that have waited for two weeks; a pause may last longer.
CREATE FUNCTION keymint.keep_paused_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM keymint.paused_queues WHERE name = old.name) THEN RETURN NULL; END IF;
  RETURN old;
END $$;
REVOKE ALL ON FUNCTION keymint.keep_paused_job() FROM PUBLIC;

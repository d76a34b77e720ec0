-- What was read of each key on each day, so that a page about a month of a million readings adds up days and not
-- readings. Postings alone write it: it is the ledger in another shape, and nothing of it is new.
CREATE TABLE keymint.key_days (
    api_key_id     uuid NOT NULL REFERENCES keymint.api_keys (id) ON DELETE RESTRICT,
    team_id        uuid NOT NULL,
    user_id        text NOT NULL,
    month          date NOT NULL,
    day            date NOT NULL,
    usage_usd      numeric(20,9) NOT NULL DEFAULT 0 CONSTRAINT key_day_usage CHECK (usage_usd >= 0),
    corrected_usd  numeric(20,9) NOT NULL DEFAULT 0,
    last_used_at   timestamptz(6),
    PRIMARY KEY (api_key_id, month, day, user_id),
    FOREIGN KEY (team_id, user_id, month) REFERENCES keymint.budget_months (team_id, user_id, month) ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT key_day_of_its_month CHECK (day >= month AND day < month + interval '1 month')
);
CREATE INDEX key_days_team_id_idx ON keymint.key_days (team_id, month, day);

-- The day that a posting is shown at, in UTC. What is read after a month's end belongs to that month, and to its last
-- day; what is posted ahead of one, to its first.
CREATE FUNCTION keymint.day_of_posting(at timestamptz, month date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN least(greatest((at AT TIME ZONE 'UTC')::date, month), (month + interval '1 month')::date - 1);

CREATE FUNCTION keymint.add_to_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO keymint.key_days AS d (api_key_id, team_id, user_id, month, day, usage_usd, corrected_usd, last_used_at)
  SELECT n.api_key_id, n.team_id, n.user_id, n.month, keymint.day_of_posting(n.at, n.month),
    coalesce(sum(n.amount_usd) FILTER (WHERE n.kind IN ('spend', 'overspend')), 0),
    coalesce(sum(CASE n.kind WHEN 'correct-up' THEN n.amount_usd WHEN 'correct-down' THEN -n.amount_usd END), 0),
    max(n.at) FILTER (WHERE n.kind IN ('spend', 'overspend'))
  FROM posted n WHERE 'spent' IN (n.from_account, n.to_account) GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 4, 5
  ON CONFLICT (api_key_id, month, day, user_id) DO UPDATE SET
    usage_usd = d.usage_usd + excluded.usage_usd, corrected_usd = d.corrected_usd + excluded.corrected_usd,
    last_used_at = greatest(d.last_used_at, excluded.last_used_at);
  RETURN NULL;
END $$;
-- Once for each statement: a reading of a thousand keys posts them together.
CREATE TRIGGER add_to_day AFTER INSERT ON keymint.transactions REFERENCING NEW TABLE AS posted
  FOR EACH STATEMENT EXECUTE FUNCTION keymint.add_to_day();

INSERT INTO keymint.key_days (api_key_id, team_id, user_id, month, day, usage_usd, corrected_usd, last_used_at)
SELECT n.api_key_id, n.team_id, n.user_id, n.month, keymint.day_of_posting(n.at, n.month),
  coalesce(sum(n.amount_usd) FILTER (WHERE n.kind IN ('spend', 'overspend')), 0),
  coalesce(sum(CASE n.kind WHEN 'correct-up' THEN n.amount_usd WHEN 'correct-down' THEN -n.amount_usd END), 0),
  max(n.at) FILTER (WHERE n.kind IN ('spend', 'overspend'))
FROM keymint.transactions n WHERE 'spent' IN (n.from_account, n.to_account) GROUP BY 1, 2, 3, 4, 5;

CREATE FUNCTION keymint.hold_key_days() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'DELETE' AND pg_trigger_depth() > 1 THEN RETURN NEW; END IF;
  RAISE EXCEPTION 'this violates the ledger: key_days changes by postings alone';
END $$;
CREATE TRIGGER key_days_hold BEFORE INSERT OR UPDATE OR DELETE ON keymint.key_days FOR EACH ROW EXECUTE FUNCTION keymint.hold_key_days();
CREATE TRIGGER key_days_are_kept BEFORE TRUNCATE ON keymint.key_days FOR EACH STATEMENT EXECUTE FUNCTION keymint.refuse_change();
ALTER TABLE keymint.key_days ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON keymint.key_days FROM PUBLIC;
REVOKE ALL ON FUNCTION keymint.add_to_day(), keymint.hold_key_days() FROM PUBLIC;

-- A team that has ended 200,000 keys is read as fast as a new one: live keys apart, lists in their order, months by month.
CREATE INDEX api_keys_live ON keymint.api_keys (team_id, user_id) WHERE state IN ('pending', 'ready');
CREATE INDEX api_keys_listed ON keymint.api_keys (team_id, (state IN ('ended', 'refused')), created_at DESC, id);
CREATE INDEX api_keys_listed_of_one ON keymint.api_keys (team_id, user_id, (state IN ('ended', 'refused')), created_at DESC, id);
CREATE INDEX key_months_month_idx ON keymint.key_months (month);

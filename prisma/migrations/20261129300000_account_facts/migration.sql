-- What a provider tells of an account besides its keys: what is left on it, and what each key spent by model. Neither
-- decides anything: pages show both with their age.
CREATE TABLE keymint.account_facts (
    account           uuid NOT NULL CONSTRAINT account_facts_pkey PRIMARY KEY
                        CONSTRAINT account_facts_account_fkey REFERENCES keymint.accounts (id) ON DELETE CASCADE ON UPDATE NO ACTION,
    balance_usd       numeric(20,9),
    balance_read_at   timestamptz(6),
    failed_at         timestamptz(6),
    error             jsonb,
    tries             integer NOT NULL DEFAULT 0,
    next_read_at      timestamptz(6) NOT NULL DEFAULT keymint.now(),
    CONSTRAINT account_fact_balance CHECK ((balance_usd IS NULL) = (balance_read_at IS NULL)),
    CONSTRAINT account_fact_failure CHECK ((failed_at IS NULL) = (error IS NULL))
);

-- One completed UTC day of one key, as its provider tells it: a later answer for the same day replaces it.
CREATE TABLE keymint.model_days (
    key_id    uuid NOT NULL CONSTRAINT model_days_key_id_fkey REFERENCES keymint.keys (id) ON DELETE RESTRICT ON UPDATE NO ACTION,
    day       date NOT NULL,
    model     text NOT NULL CONSTRAINT model_day_model CHECK (length(model) BETWEEN 1 AND 200),
    usage_usd numeric(20,9) NOT NULL CONSTRAINT model_day_usage CHECK (usage_usd >= 0),
    requests  bigint NOT NULL CONSTRAINT model_day_requests CHECK (requests >= 0),
    CONSTRAINT model_days_pkey PRIMARY KEY (key_id, day, model)
);
CREATE INDEX model_days_day_idx ON keymint.model_days (day);

-- On which UTC day the models of a key were last asked for.
CREATE TABLE keymint.model_reads (
    key_id  uuid NOT NULL CONSTRAINT model_reads_pkey PRIMARY KEY
              CONSTRAINT model_reads_key_id_fkey REFERENCES keymint.keys (id) ON DELETE RESTRICT ON UPDATE NO ACTION,
    read_on date NOT NULL
);

ALTER TABLE keymint.account_facts ENABLE ROW LEVEL SECURITY;
ALTER TABLE keymint.model_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE keymint.model_reads ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON keymint.account_facts, keymint.model_days, keymint.model_reads FROM PUBLIC;

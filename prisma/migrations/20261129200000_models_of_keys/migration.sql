-- Which models a member's key may use. What owners set stands once for each service; what is in force for a key
-- follows from it and from what its member chose, and is brought to the provider by the loop of its row.
CREATE TABLE keymint.team_models (
    team_id      uuid NOT NULL REFERENCES keymint.teams (id) ON DELETE CASCADE,
    service      text NOT NULL,
    models       text[] NOT NULL DEFAULT '{}',
    bound        boolean NOT NULL DEFAULT false,
    version      integer NOT NULL DEFAULT 1,
    followed_at  timestamptz(6),
    PRIMARY KEY (team_id, service),
    CONSTRAINT team_models_bound CHECK (NOT bound OR cardinality(models) > 0),
    CONSTRAINT team_models_few CHECK (cardinality(models) <= 50)
);
CREATE INDEX team_models_not_followed ON keymint.team_models (team_id) WHERE followed_at IS NULL;

-- Never more than the limit: what of a choice stands outside of it falls away, and where nothing is left of a choice
-- the whole limit counts. Without a limit the choice counts; none of it is every model. In one order, so that two
-- lists are the same list.
CREATE FUNCTION keymint.models_in_force(chosen text[], bound text[]) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT coalesce(array_agg(m ORDER BY m COLLATE "C"), '{}') FROM (SELECT DISTINCT m FROM unnest(
  CASE WHEN cardinality(bound) = 0 THEN chosen
    WHEN NOT chosen && bound THEN bound
    ELSE ARRAY(SELECT unnest(chosen) INTERSECT SELECT unnest(bound)) END) m) s);

-- Of members' keys alone: a workshop's guardrail has columns of its own. `models_open`: the provider has not confirmed
-- this list.
ALTER TABLE keymint.keys
    ADD COLUMN models text[] NOT NULL DEFAULT '{}',
    ADD COLUMN models_open boolean NOT NULL DEFAULT false,
    ADD COLUMN models_at timestamptz(6),
    ADD COLUMN models_guardrail_id text,
    ADD COLUMN models_token uuid,
    ADD COLUMN models_sent_at timestamptz(6),
    ADD COLUMN models_tries integer NOT NULL DEFAULT 0,
    ADD COLUMN models_error jsonb,
    ADD COLUMN models_due_at timestamptz(6);
CREATE INDEX keys_models_open ON keymint.keys (models_due_at) WHERE models_open;

-- Keys that were made on a list have it: the service limited them in the request that made them.
UPDATE keymint.keys k SET models = keymint.models_in_force(a.models, '{}'), models_at = k.saved_at
FROM keymint.api_keys a WHERE k.holder_kind = 'sub-key' AND k.holder_id = a.id AND cardinality(a.models) > 0;

-- The guardrail of one list at one account, as last ensured. Nothing: the provider's answer is authoritative.
CREATE TABLE keymint.model_guardrails (
    account       uuid NOT NULL REFERENCES keymint.accounts (id) ON DELETE CASCADE,
    list          text NOT NULL,
    models        text[] NOT NULL,
    guardrail_id  text NOT NULL,
    fingerprint   text NOT NULL,
    ensured_at    timestamptz(6) NOT NULL DEFAULT now(),
    PRIMARY KEY (account, list)
);

-- The list of models of a service or of one account, as last read.
CREATE TABLE keymint.model_catalogs (
    place      text PRIMARY KEY,
    models     jsonb NOT NULL DEFAULT '[]',
    read_at    timestamptz(6),
    asked_at   timestamptz(6) NOT NULL,
    failed_at  timestamptz(6)
);

ALTER TABLE keymint.team_models ENABLE ROW LEVEL SECURITY;
ALTER TABLE keymint.model_guardrails ENABLE ROW LEVEL SECURITY;
ALTER TABLE keymint.model_catalogs ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON FUNCTION keymint.models_in_force(text[], text[]) FROM PUBLIC;

-- A team's master credentials, sealed; the work of making keys with them; and a gate for each, so that one team's trouble stops nobody else.

CREATE TABLE keymint.master_keys (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    team_id     uuid NOT NULL,
    service     text NOT NULL,
    label       text NOT NULL,
    base_url    text,
    sealed      text NOT NULL CONSTRAINT master_key_sealed CHECK (sealed LIKE 'v2.%'),
    generation  integer NOT NULL DEFAULT 1,
    state       text NOT NULL DEFAULT 'active' CONSTRAINT master_key_state CHECK (state IN ('active', 'disabled')),
    verified_at timestamptz(6) NOT NULL,
    created_by  text NOT NULL REFERENCES keymint.attendees (user_id) ON DELETE RESTRICT ON UPDATE CASCADE,
    created_at  timestamptz(6) NOT NULL DEFAULT now(),
    replaced_at timestamptz(6),
    disabled_at timestamptz(6),
    CONSTRAINT master_key_disabled CHECK ((state = 'disabled') = (disabled_at IS NOT NULL))
);
CREATE INDEX master_keys_team_id_idx ON keymint.master_keys (team_id, created_at);

-- As mint_gate, for one master key each. `paused_at` stays where it is: a pause stops everybody.
CREATE TABLE keymint.service_gates (
    account        uuid PRIMARY KEY REFERENCES keymint.master_keys (id) ON DELETE RESTRICT,
    cooldown_until timestamptz(6),
    reason         text,
    cause          jsonb,
    failures       integer NOT NULL DEFAULT 0,
    probe_at       timestamptz(6)
);

-- Whose credential makes the key: null is the deployment's own. Claims never have one, everything else does.
ALTER TABLE keymint.mints ADD COLUMN account uuid REFERENCES keymint.master_keys (id) ON DELETE RESTRICT;
ALTER TABLE keymint.mints DROP CONSTRAINT mint_owner_kind;
ALTER TABLE keymint.mints
  ADD CONSTRAINT mint_owner_kind CHECK (owner_kind IN ('claim', 'sub-key')),
  ADD CONSTRAINT mint_account CHECK ((owner_kind = 'claim') = (account IS NULL));
CREATE INDEX mints_account_idx ON keymint.mints (account) WHERE account IS NOT NULL;

ALTER TABLE keymint.master_keys ADD CONSTRAINT master_keys_team_id_fkey FOREIGN KEY (team_id) REFERENCES keymint.teams (id) ON DELETE RESTRICT;
ALTER TABLE keymint.api_keys ADD CONSTRAINT api_keys_master_key_id_fkey FOREIGN KEY (master_key_id) REFERENCES keymint.master_keys (id) ON DELETE RESTRICT;

ALTER TABLE keymint.master_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE keymint.service_gates ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON keymint.master_keys, keymint.service_gates FROM PUBLIC;

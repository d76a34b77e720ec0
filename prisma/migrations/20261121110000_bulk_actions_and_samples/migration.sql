-- Work that staff ask for, to one or to many: what was asked, the frozen list of subjects, and what became of each.
CREATE TABLE keymint.bulk_actions (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind        text NOT NULL,
    params      jsonb NOT NULL DEFAULT '{}',
    scope       text,
    selection   jsonb NOT NULL DEFAULT '{}',
    reason      text,
    actor       text NOT NULL,
    state       text NOT NULL DEFAULT 'running' CONSTRAINT bulk_action_state CHECK (state IN ('running', 'done', 'aborted')),
    total       integer NOT NULL DEFAULT 0,
    done        integer NOT NULL DEFAULT 0,
    failed      integer NOT NULL DEFAULT 0,
    skipped     integer NOT NULL DEFAULT 0,
    created_at  timestamptz(6) NOT NULL DEFAULT now(),
    finished_at timestamptz(6),
    aborted_by  text
);
CREATE INDEX bulk_actions_scope_created_at_idx ON keymint.bulk_actions (scope, created_at DESC);
CREATE INDEX bulk_action_running ON keymint.bulk_actions (created_at) WHERE state = 'running';

CREATE TABLE keymint.bulk_action_items (
    bulk_id     uuid NOT NULL REFERENCES keymint.bulk_actions (id) ON DELETE RESTRICT,
    subject     text NOT NULL,
    position    integer NOT NULL,
    state       text NOT NULL DEFAULT 'pending' CONSTRAINT bulk_item_state CHECK (state IN ('pending', 'done', 'failed', 'skipped')),
    detail      text,
    finished_at timestamptz(6),
    PRIMARY KEY (bulk_id, subject)
);
CREATE INDEX bulk_item_pending ON keymint.bulk_action_items (bulk_id, position) WHERE state = 'pending';
CREATE INDEX bulk_action_items_subject_idx ON keymint.bulk_action_items (subject);

-- What all keys of a workshop had used at a moment, for the charts.
CREATE TABLE keymint.usage_samples (
    scope       text NOT NULL,
    sampled_at  timestamptz(6) NOT NULL,
    usage_usd   numeric(20,9) NOT NULL,
    live_keys   integer NOT NULL,
    active_keys integer NOT NULL,
    PRIMARY KEY (scope, sampled_at)
);

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['bulk_actions', 'bulk_action_items', 'usage_samples'] LOOP
    EXECUTE format('ALTER TABLE keymint.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('REVOKE ALL ON keymint.%I FROM PUBLIC', t);
  END LOOP;
END $$;

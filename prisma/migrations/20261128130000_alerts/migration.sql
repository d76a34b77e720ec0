-- Alerts that leave Keymint: what is wrong, once per subject and threshold, and each message about it with the receiver's answer.
CREATE TABLE keymint.alerts (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    audience      text NOT NULL,
    kind          text NOT NULL,
    subject       text NOT NULL,
    threshold     text NOT NULL,
    rank          integer NOT NULL,
    severity      text NOT NULL CONSTRAINT alert_severity CHECK (severity IN ('ok', 'warning', 'error')),
    state         text NOT NULL CONSTRAINT alert_state CHECK (state IN ('pending', 'open', 'resolved')),
    facts         jsonb NOT NULL,
    clear_seconds integer NOT NULL,
    seen_at       timestamptz(6) NOT NULL,
    opened_at     timestamptz(6),
    gone_at       timestamptz(6),
    resolved_at   timestamptz(6),
    CONSTRAINT alert_times CHECK ((state = 'pending') = (opened_at IS NULL) AND (state = 'resolved') = (resolved_at IS NOT NULL))
);
-- Two processes at once raise one alert.
CREATE UNIQUE INDEX alert_live ON keymint.alerts (audience, kind, subject) WHERE state <> 'resolved';
CREATE INDEX alert_history ON keymint.alerts (audience, kind, subject, opened_at DESC) WHERE state = 'resolved';

CREATE TABLE keymint.alert_deliveries (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    alert_id    uuid REFERENCES keymint.alerts (id) ON DELETE CASCADE ON UPDATE NO ACTION,
    digest_id   uuid REFERENCES keymint.alert_deliveries (id) ON DELETE SET NULL ON UPDATE NO ACTION,
    audience    text NOT NULL,
    event       text NOT NULL CONSTRAINT alert_event CHECK (event IN ('raised', 'worse', 'resolved', 'digest', 'test')),
    channel     text NOT NULL CONSTRAINT alert_channel CHECK (channel IN ('webhook', 'slack', 'mail')),
    address     text NOT NULL,
    severity    text NOT NULL CONSTRAINT alert_delivery_severity CHECK (severity IN ('ok', 'warning', 'error')),
    threshold   text NOT NULL,
    notice      jsonb NOT NULL,
    state       text NOT NULL CONSTRAINT alert_delivery_state CHECK (state IN ('held', 'waiting', 'sent', 'failed', 'digested')),
    tries       integer NOT NULL DEFAULT 0,
    max_tries   integer NOT NULL,
    created_at  timestamptz(6) NOT NULL,
    next_at     timestamptz(6) NOT NULL,
    lease_until timestamptz(6),
    answered_at timestamptz(6),
    status      integer,
    reason      text,
    answer      text CONSTRAINT alert_answer_short CHECK (length(answer) <= 500),
    ran_ms      integer,
    CONSTRAINT alert_delivery_of CHECK ((alert_id IS NULL) = (event IN ('digest', 'test')))
);
-- One message for each step of an alert and each receiver, whatever crashes.
CREATE UNIQUE INDEX alert_delivery_once ON keymint.alert_deliveries (alert_id, event, threshold, channel, address) WHERE alert_id IS NOT NULL;
CREATE INDEX alert_delivery_open ON keymint.alert_deliveries (next_at) WHERE state = 'waiting';
CREATE INDEX alert_delivery_held ON keymint.alert_deliveries (audience, created_at) WHERE state = 'held';
CREATE INDEX alert_delivery_newest ON keymint.alert_deliveries (audience, created_at DESC);
CREATE INDEX alert_delivery_digest ON keymint.alert_deliveries (digest_id) WHERE digest_id IS NOT NULL;

-- When an audience was last judged: several processes share the work.
CREATE TABLE keymint.alert_watches (
    audience  text PRIMARY KEY,
    judged_at timestamptz(6) NOT NULL
);

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['alerts', 'alert_deliveries', 'alert_watches'] LOOP
    EXECUTE format('ALTER TABLE keymint.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('REVOKE ALL ON keymint.%I FROM PUBLIC', t);
  END LOOP;
END $$;

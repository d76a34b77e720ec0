-- What the doctor found, as the page shows it. A row without a verdict was asked for and is being made.
CREATE TABLE keymint.doctor_reports (
    id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    asked_at timestamptz(6) NOT NULL DEFAULT now(),
    made_by  text NOT NULL,
    made_at  timestamptz(6),
    verdict  text CONSTRAINT doctor_verdict CHECK (verdict IN ('ok', 'warn', 'fail')),
    body     jsonb,
    CONSTRAINT doctor_report_whole CHECK ((verdict IS NULL) = (made_at IS NULL) AND (verdict IS NULL) = (body IS NULL))
);
CREATE INDEX doctor_reports_asked_at_idx ON keymint.doctor_reports (asked_at DESC);

-- The doctor's own keys: the name is here before the call, and only names found here may be deleted by it.
CREATE TABLE keymint.doctor_canaries (
    name       text PRIMARY KEY,
    sent_at    timestamptz(6) NOT NULL DEFAULT now(),
    key_hash   text,
    deleted_at timestamptz(6)
);
CREATE INDEX doctor_canary_left ON keymint.doctor_canaries (sent_at) WHERE deleted_at IS NULL;

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['doctor_reports', 'doctor_canaries'] LOOP
    EXECUTE format('ALTER TABLE keymint.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('REVOKE ALL ON keymint.%I FROM PUBLIC', t);
  END LOOP;
END $$;

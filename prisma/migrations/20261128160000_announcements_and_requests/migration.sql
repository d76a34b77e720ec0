-- One line to every open page of a workshop, and what attendees request on top of their limit.
CREATE TABLE keymint.announcements (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workshop_slug  text NOT NULL,
    cause          text CONSTRAINT announcement_cause CHECK (cause IN ('credits', 'pool', 'provider')),
    line           text CONSTRAINT announcement_is_one_line CHECK (char_length(line) BETWEEN 1 AND 200 AND line !~ '[\n\r]'),
    revision       integer NOT NULL DEFAULT 1,
    posted_at      timestamptz(6) NOT NULL DEFAULT keymint.now(),
    ends_at        timestamptz(6),
    seen_at        timestamptz(6),
    taken_down_at  timestamptz(6),
    CONSTRAINT announcement_has_line_or_cause CHECK ((line IS NULL) <> (cause IS NULL)),
    CONSTRAINT announcement_of_staff_ends CHECK (line IS NULL OR ends_at IS NOT NULL)
);
-- Staff have one line in a workshop at a time, and Keymint one for each cause.
CREATE UNIQUE INDEX announcement_one_shown ON keymint.announcements (workshop_slug, coalesce(cause, 'staff')) WHERE taken_down_at IS NULL;

CREATE TABLE keymint.limit_requests (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    claim_id       uuid NOT NULL REFERENCES keymint.workshop_attendance (claim_id) ON DELETE RESTRICT,
    workshop_slug  text NOT NULL,
    more_usd       numeric(20,9) NOT NULL CONSTRAINT limit_request_asks CHECK (more_usd > 0),
    reason         text NOT NULL CONSTRAINT limit_request_says_why CHECK (char_length(reason) BETWEEN 1 AND 300),
    state          text NOT NULL DEFAULT 'open' CONSTRAINT limit_request_state CHECK (state IN ('open', 'approved', 'refused', 'ended')),
    asked_at       timestamptz(6) NOT NULL DEFAULT keymint.now(),
    decided_at     timestamptz(6),
    granted_usd    numeric(20,9),
    limit_usd      numeric(20,9),
    CONSTRAINT limit_request_decided CHECK ((state = 'open') = (decided_at IS NULL)),
    CONSTRAINT limit_request_granted CHECK (
        CASE WHEN state = 'approved' THEN coalesce(granted_usd > 0 AND limit_usd > granted_usd, false) ELSE granted_usd IS NULL AND limit_usd IS NULL END)
);
CREATE UNIQUE INDEX limit_request_one_open ON keymint.limit_requests (claim_id) WHERE state = 'open';
CREATE INDEX limit_requests_claim_id_idx ON keymint.limit_requests (claim_id, asked_at);
CREATE INDEX limit_request_open ON keymint.limit_requests (workshop_slug, asked_at) WHERE state = 'open';

-- A request ends with its key, whoever ends it.
CREATE FUNCTION keymint.end_limit_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE keymint.limit_requests SET state = 'ended', decided_at = keymint.now()
    WHERE claim_id = NEW.claim_id AND state = 'open';
    RETURN NULL;
END
$$;
CREATE TRIGGER end_limit_request AFTER UPDATE OF state ON keymint.workshop_attendance
    FOR EACH ROW WHEN (NEW.state = 'ended' AND OLD.state <> 'ended') EXECUTE FUNCTION keymint.end_limit_request();

ALTER TABLE keymint.announcements ENABLE ROW LEVEL SECURITY;
ALTER TABLE keymint.limit_requests ENABLE ROW LEVEL SECURITY;

-- Who may come in: what somebody who was refused asks of the organizers, what these grant, and the links that show a
-- workshop's code without signing in.

CREATE TABLE keymint.access_requests (
    id            uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT access_requests_pkey PRIMARY KEY,
    workshop_slug text NOT NULL,
    user_id       text NOT NULL CONSTRAINT access_requests_user_id_fkey REFERENCES keymint.attendees (user_id)
                    ON DELETE RESTRICT ON UPDATE CASCADE,
    note          text NOT NULL CONSTRAINT access_request_note CHECK (char_length(note) BETWEEN 1 AND 1000),
    refused_for   text NOT NULL,
    state         text NOT NULL DEFAULT 'open' CONSTRAINT access_request_state CHECK (state IN ('open', 'granted', 'refused')),
    created_at    timestamptz(6) NOT NULL DEFAULT now(),
    decided_at    timestamptz(6),
    decided_by    text,
    CONSTRAINT access_request_decided CHECK ((state = 'open') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL))
);
CREATE UNIQUE INDEX access_request_open ON keymint.access_requests (workshop_slug, user_id) WHERE state = 'open';
CREATE INDEX access_requests_workshop_slug_created_at_idx ON keymint.access_requests (workshop_slug, created_at);
CREATE INDEX access_requests_user_id_idx ON keymint.access_requests (user_id);

-- A person by their id, a GitHub account by its login, a mailbox by a keyed fingerprint: never an address.
CREATE TABLE keymint.access_grants (
    id            uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT access_grants_pkey PRIMARY KEY,
    workshop_slug text NOT NULL,
    kind          text NOT NULL CONSTRAINT access_grant_kind CHECK (kind IN ('person', 'login', 'address')),
    mark          text NOT NULL CONSTRAINT access_grant_mark CHECK (char_length(mark) BETWEEN 1 AND 200 AND mark NOT LIKE '%@%'),
    key_id        text,
    granted_by    text NOT NULL,
    granted_at    timestamptz(6) NOT NULL DEFAULT now(),
    revoked_at    timestamptz(6),
    revoked_by    text,
    CONSTRAINT access_grant_key CHECK ((kind = 'address') = (key_id IS NOT NULL)),
    CONSTRAINT access_grant_revoked CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE UNIQUE INDEX access_grant_live ON keymint.access_grants (workshop_slug, kind, mark) WHERE revoked_at IS NULL;
CREATE INDEX access_grants_mark_idx ON keymint.access_grants (mark);

CREATE TABLE keymint.code_links (
    id            uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT code_links_pkey PRIMARY KEY,
    workshop_slug text NOT NULL,
    made_by       text NOT NULL,
    made_at       timestamptz(6) NOT NULL DEFAULT now(),
    expires_at    timestamptz(6) NOT NULL,
    revoked_at    timestamptz(6),
    revoked_by    text,
    CONSTRAINT code_link_revoked CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX code_links_workshop_slug_made_at_idx ON keymint.code_links (workshop_slug, made_at);

ALTER TABLE keymint.access_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE keymint.access_grants ENABLE ROW LEVEL SECURITY;
ALTER TABLE keymint.code_links ENABLE ROW LEVEL SECURITY;

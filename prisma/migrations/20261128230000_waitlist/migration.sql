-- Who waits for a seat of a full workshop. The turn is given under the lock of the line, so its order is that of joining.
CREATE TABLE keymint.waitlist (
    id            uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT waitlist_pkey PRIMARY KEY,
    turn          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT waitlist_turn UNIQUE,
    workshop_slug text NOT NULL,
    user_id       text NOT NULL CONSTRAINT waitlist_user_id_fkey REFERENCES keymint.attendees (user_id)
                    ON DELETE RESTRICT ON UPDATE CASCADE,
    provider      text NOT NULL CONSTRAINT waitlist_provider CHECK (provider IN ('github', 'google')),
    opt_in        boolean NOT NULL DEFAULT false,
    state         text NOT NULL DEFAULT 'waiting' CONSTRAINT waitlist_state
                    CHECK (state IN ('waiting', 'let-in', 'left', 'removed', 'skipped')),
    reason        text,
    claim_id      uuid,
    joined_at     timestamptz(6) NOT NULL DEFAULT keymint.now(),
    ended_at      timestamptz(6),
    mailed_at     timestamptz(6),
    CONSTRAINT waitlist_ended CHECK ((state = 'waiting') = (ended_at IS NULL)),
    CONSTRAINT waitlist_let_in CHECK ((state = 'let-in') = (claim_id IS NOT NULL)),
    CONSTRAINT waitlist_skipped CHECK ((state = 'skipped') = (reason IS NOT NULL))
);
CREATE UNIQUE INDEX waitlist_one_place ON keymint.waitlist (workshop_slug, user_id) WHERE state = 'waiting';
CREATE INDEX waitlist_line ON keymint.waitlist (workshop_slug, turn) WHERE state = 'waiting';
CREATE INDEX waitlist_unmailed ON keymint.waitlist (ended_at) WHERE state = 'let-in' AND mailed_at IS NULL;
CREATE INDEX waitlist_user_id_workshop_slug_idx ON keymint.waitlist (user_id, workshop_slug);

ALTER TABLE keymint.waitlist ENABLE ROW LEVEL SECURITY;

-- Keys that nobody has used: when their seat goes to the line, unless it is kept.
CREATE TABLE keymint.release_notices (
    claim_id      uuid NOT NULL CONSTRAINT release_notices_claim_id_fkey REFERENCES keymint.workshop_attendance (claim_id)
                    ON DELETE RESTRICT ON UPDATE CASCADE,
    generation    integer NOT NULL,
    noticed_at    timestamptz(6) NOT NULL DEFAULT keymint.now(),
    release_at    timestamptz(6) NOT NULL,
    kept_at       timestamptz(6),
    mailed_at     timestamptz(6),
    CONSTRAINT release_notices_pkey PRIMARY KEY (claim_id, generation)
);
CREATE INDEX release_notice_due ON keymint.release_notices (release_at) WHERE kept_at IS NULL;
ALTER TABLE keymint.release_notices ENABLE ROW LEVEL SECURITY;

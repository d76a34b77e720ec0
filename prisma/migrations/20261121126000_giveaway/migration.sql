-- The giveaway door: a number of seats over all giveaways (MAX_TOTAL_KEYS), seats that return, switches with the time they were turned.

ALTER TABLE keymint.workshop_attendance
  ADD COLUMN counts_in_total boolean NOT NULL DEFAULT false,
  ADD COLUMN cooldown_ms bigint,
  ADD COLUMN seat_freed_at timestamptz(6);
ALTER TABLE keymint.workshop_attendance
  ADD CONSTRAINT claim_seat_is_freed_at_the_end CHECK (seat_freed_at IS NULL OR state IN ('ended', 'refused'));
CREATE INDEX claim_seat_to_free ON keymint.workshop_attendance (ended_at)
  WHERE state = 'ended' AND cooldown_ms IS NOT NULL AND seat_freed_at IS NULL;

-- One row: how many seats all giveaways together have taken.
CREATE TABLE keymint.total_seats (
    singleton boolean PRIMARY KEY DEFAULT true CONSTRAINT total_seats_one_row CHECK (singleton),
    seats     integer NOT NULL DEFAULT 0 CONSTRAINT total_seats_not_negative CHECK (seats >= 0)
);
INSERT INTO keymint.total_seats DEFAULT VALUES;

-- The operator's switches as the processes last saw them, and since when.
CREATE TABLE keymint.switches (
    name  text PRIMARY KEY,
    is_on boolean NOT NULL,
    since timestamptz(6) NOT NULL DEFAULT now()
);

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['total_seats', 'switches'] LOOP
    EXECUTE format('ALTER TABLE keymint.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('REVOKE ALL ON keymint.%I FROM PUBLIC', t);
  END LOOP;
END $$;

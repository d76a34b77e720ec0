-- How many calls that make keys an account takes at once, learnt from its answers and shared by all workers.

ALTER TABLE keymint.accounts
    -- Limit, rate and the last answers; null until the first call. The program alone reads what is in it.
    ADD COLUMN pace         jsonb,
    -- Raised by every write: whoever read an older one reads again and decides anew.
    ADD COLUMN pace_version integer NOT NULL DEFAULT 0;

-- The workers that are making keys of an account just now share its limit. Lost with a crash of the
-- database, and written again within half a second.
CREATE UNLOGGED TABLE keymint.pace_leases (
    account uuid NOT NULL REFERENCES keymint.accounts (id) ON DELETE CASCADE,
    worker  uuid NOT NULL,
    seen_at timestamptz(6) NOT NULL DEFAULT now(),
    PRIMARY KEY (account, worker)
);
ALTER TABLE keymint.pace_leases ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON keymint.pace_leases FROM PUBLIC;

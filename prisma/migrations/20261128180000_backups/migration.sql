-- How each nightly backup went. A row without a file says why there is none.
CREATE TABLE keymint.backups (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at  timestamptz(6) NOT NULL,
    finished_at timestamptz(6) NOT NULL DEFAULT now(),
    file        text,
    bytes       bigint,
    rows        bigint,
    error       text,
    CONSTRAINT backup_made_or_failed CHECK ((file IS NULL) = (error IS NOT NULL) AND (file IS NULL) = (bytes IS NULL) AND (file IS NULL) = (rows IS NULL))
);
ALTER TABLE keymint.backups ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON keymint.backups FROM PUBLIC;

-- Checksums of the newest numbers of a lane, so that a number that was used twice is told from one that came twice.
ALTER TABLE cursors
    ADD COLUMN checked_to bigint NOT NULL DEFAULT 0,
    ADD COLUMN checksums  bytea  NOT NULL DEFAULT '';

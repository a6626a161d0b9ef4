-- name: old_days_of_pictures
SELECT DISTINCT (ended_at AT TIME ZONE 'UTC')::date AS day FROM picture_ends
WHERE NOT open AND ended_at < %(before)s::date::timestamptz ORDER BY day;

-- name: lock_day_of_pictures
-- A process that announces one of them again waits here, and then finds it gone.
SELECT sha256 FROM evidence WHERE sha256 IN (
    SELECT sha256 FROM picture_ends WHERE NOT open AND ended_at < (%(day)s::date + 1)::timestamptz
) ORDER BY sha256 LIMIT %(limit)s FOR UPDATE;

-- name: still_old_pictures
SELECT sha256 FROM picture_ends
WHERE sha256 = ANY(%(sha256s)s::bytea[]) AND NOT open AND ended_at < (%(day)s::date + 1)::timestamptz;

-- name: unlink_pictures
DELETE FROM evidence_of WHERE sha256 = ANY(%(sha256s)s::bytea[]);

-- name: drop_pictures
DELETE FROM evidence WHERE sha256 = ANY(%(sha256s)s::bytea[]);

-- name: known_pictures
SELECT sha256 FROM evidence WHERE sha256 = ANY(%(sha256s)s::bytea[]);

-- name: hold_pictures
-- Alone: who brings a picture waits, so that no file is deleted that has just been brought again.
SELECT pg_advisory_xact_lock(4217004);

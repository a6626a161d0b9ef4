-- name: old_days_of_alerts
SELECT DISTINCT (cleared_at AT TIME ZONE 'UTC')::date AS day FROM alerts WHERE cleared_at < %(before)s::date::timestamptz ORDER BY day;

-- name: drop_day_of_alerts
-- With what belongs to them. Of how they were judged the sums stay.
WITH gone AS MATERIALIZED (
    SELECT id, verdict FROM alerts
    WHERE cleared_at >= %(day)s::date::timestamptz AND cleared_at < (%(day)s::date + 1)::timestamptz FOR UPDATE
), mail AS (
    DELETE FROM deliveries USING gone WHERE deliveries.alert_id = gone.id
), members AS (
    DELETE FROM alert_members USING gone WHERE alert_members.alert_id = gone.id RETURNING producer_id, lane
), of_lanes AS (
    UPDATE cursors SET alarms_forgotten = alarms_forgotten + found.number
    FROM (SELECT producer_id, lane, count(*) AS number FROM members GROUP BY producer_id, lane) found
    WHERE (cursors.producer_id, cursors.lane) = (found.producer_id, found.lane)
), sums AS (
    INSERT INTO counters (worker, name, label, value)
    SELECT 'retention', 'alerts_forgotten', coalesce(verdict, 'none'), count(*) FROM gone GROUP BY verdict
    ON CONFLICT (worker, name, label) DO UPDATE SET value = counters.value + excluded.value
)
DELETE FROM alerts USING gone WHERE alerts.id = gone.id;

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

-- name: old_days_of_dead
SELECT DISTINCT (recv_at AT TIME ZONE 'UTC')::date AS day FROM dead_letters
WHERE recv_at < %(before)s::date::timestamptz ORDER BY day;

-- name: drop_day_of_dead
DELETE FROM dead_letters WHERE recv_at >= %(day)s::date::timestamptz AND recv_at < (%(day)s::date + 1)::timestamptz;

-- name: old_days_of_deliveries
SELECT DISTINCT (coalesce(delivered_at, given_up_at) AT TIME ZONE 'UTC')::date AS day FROM deliveries
WHERE coalesce(delivered_at, given_up_at) < %(before)s::date::timestamptz ORDER BY day;

-- name: drop_day_of_deliveries
DELETE FROM deliveries
WHERE coalesce(delivered_at, given_up_at) >= %(day)s::date::timestamptz
  AND coalesce(delivered_at, given_up_at) < (%(day)s::date + 1)::timestamptz;

-- name: old_days_of_gaps
SELECT DISTINCT (recorded_at AT TIME ZONE 'UTC')::date AS day FROM gaps
WHERE recorded_at < %(before)s::date::timestamptz ORDER BY day;

-- name: drop_day_of_gaps
DELETE FROM gaps WHERE recorded_at >= %(day)s::date::timestamptz AND recorded_at < (%(day)s::date + 1)::timestamptz;

-- name: forget_conditions
-- What is over for long; older words are told by no box.
DELETE FROM conditions WHERE NOT active AND alert_id IS NULL AND told_at < now() - interval '7 days';

-- name: kept_days
SELECT day, bytes, compressed FROM kept_days();

-- name: newest_received
SELECT recv_at AS at FROM events ORDER BY event_at DESC LIMIT 1;

-- name: newest_heartbeat
SELECT max(last_seen_at) AS at FROM agents;

-- name: drop_day
SELECT drop_day(%(day)s);

-- name: compress_day
SELECT compress_day(%(day)s);

-- name: old_days_of_coverage
SELECT DISTINCT day FROM coverage WHERE day < %(before)s ORDER BY day;

-- name: drop_day_of_coverage
DELETE FROM coverage WHERE day = %(day)s;

-- name: old_days_of_audit
SELECT DISTINCT (at AT TIME ZONE 'UTC')::date AS day FROM audit WHERE at < %(before)s::date::timestamptz ORDER BY day;

-- name: old_days_of_health
SELECT DISTINCT (at AT TIME ZONE 'UTC')::date AS day FROM health_samples WHERE at < %(before)s::date::timestamptz ORDER BY day;

-- name: drop_day_of_health
DELETE FROM health_samples WHERE at >= %(day)s::date::timestamptz AND at < %(day)s::date + 1;

-- name: kept_days
SELECT day, bytes, compressed FROM kept_days();

-- name: newest_received
SELECT recv_at AS at FROM events ORDER BY event_at DESC LIMIT 1;

-- name: drop_day
SELECT drop_day(%(day)s);

-- name: compress_day
SELECT compress_day(%(day)s);

-- name: old_days_of_gaps
SELECT DISTINCT (recorded_at AT TIME ZONE 'UTC')::date AS day FROM gaps
WHERE recorded_at < %(before)s::date::timestamptz ORDER BY day;

-- name: drop_day_of_gaps
DELETE FROM gaps WHERE recorded_at >= %(day)s::date::timestamptz AND recorded_at < (%(day)s::date + 1)::timestamptz;

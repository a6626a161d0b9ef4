-- name: old_days_of_coverage
SELECT DISTINCT day FROM coverage WHERE day < %(before)s ORDER BY day;

-- name: drop_day_of_coverage
DELETE FROM coverage WHERE day = %(day)s;

-- name: old_days_of_health_samples
SELECT DISTINCT (at AT TIME ZONE 'UTC')::date AS day FROM health_samples WHERE at < %(before)s::date::timestamptz ORDER BY day;

-- name: drop_day_of_health_samples
DELETE FROM health_samples WHERE at >= %(day)s::date::timestamptz AND at < %(day)s::date + 1;

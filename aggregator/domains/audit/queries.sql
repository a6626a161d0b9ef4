-- name: old_days_of_audit
SELECT DISTINCT (at AT TIME ZONE 'UTC')::date AS day FROM audit WHERE at < %(before)s::date::timestamptz ORDER BY day;

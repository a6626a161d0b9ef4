-- name: old_days_of_spells
SELECT DISTINCT (until AT TIME ZONE 'UTC')::date AS day FROM spells
WHERE until < %(before)s::date::timestamptz ORDER BY day;

-- name: drop_day_of_spells
DELETE FROM spells WHERE until >= %(day)s::date::timestamptz AND until < (%(day)s::date + 1)::timestamptz;

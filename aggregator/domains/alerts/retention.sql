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

-- name: forget_conditions
-- What is over for long; older words are told by no box.
DELETE FROM conditions WHERE NOT active AND alert_id IS NULL AND told_at < now() - interval '7 days';

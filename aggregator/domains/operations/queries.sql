-- name: dead_letters
SELECT id, recv_at, topic, reason, detail, length(payload) AS size FROM dead_letters ORDER BY id DESC LIMIT %(limit)s;

-- name: dead_letter
SELECT payload FROM dead_letters WHERE id = %(letter_id)s;

-- name: counters
SELECT name, label, sum(value)::bigint AS value FROM counters GROUP BY name, label ORDER BY name, label;

-- name: services
SELECT name, broker_since IS NOT NULL AND heartbeat_at > now() - interval '6 s' AS alive FROM services ORDER BY name;

-- name: alert_totals
-- With those that are deleted since: a counter never goes back.
WITH forgotten AS (
    SELECT coalesce(sum(value), 0) AS every, coalesce(sum(value) FILTER (WHERE label = 'true'), 0) AS true_alarms,
           coalesce(sum(value) FILTER (WHERE label = 'false'), 0) AS false_alarms,
           coalesce(sum(value) FILTER (WHERE label = 'test'), 0) AS tests
    FROM counters WHERE name = 'alerts_forgotten'
), kept AS (
    SELECT count(*) AS every, count(*) FILTER (WHERE cleared_at IS NULL) AS open,
           count(*) FILTER (WHERE cleared_at IS NULL AND acknowledged_at IS NULL) AS unacknowledged,
           count(*) FILTER (WHERE verdict = 'true') AS true_alarms,
           count(*) FILTER (WHERE verdict = 'false') AS false_alarms,
           count(*) FILTER (WHERE verdict = 'test') AS tests
    FROM alerts
)
SELECT (k.every + f.every)::bigint AS raised, k.open, k.unacknowledged,
       (k.true_alarms + f.true_alarms)::bigint AS true_alarms, (k.false_alarms + f.false_alarms)::bigint AS false_alarms,
       (k.tests + f.tests)::bigint AS tests
FROM kept k, forgotten f;

-- name: certificate_days
-- Of boxes that may come in.
SELECT site, agent, extract(epoch FROM expires_at - now())::double precision / 86400 AS days
FROM devices WHERE revoked_at IS NULL ORDER BY site, agent;

-- name: backlog
SELECT (SELECT count(*) FROM inbox) AS inbox,
       (SELECT count(*) FROM deliveries WHERE delivered_at IS NULL AND given_up_at IS NULL) AS deliveries;

-- name: old_days_of_dead_letters
SELECT DISTINCT (recv_at AT TIME ZONE 'UTC')::date AS day FROM dead_letters
WHERE recv_at < %(before)s::date::timestamptz ORDER BY day;

-- name: drop_day_of_dead_letters
DELETE FROM dead_letters WHERE recv_at >= %(day)s::date::timestamptz AND recv_at < (%(day)s::date + 1)::timestamptz;

-- name: jobs
-- How each goes: it may fail, or be late, for as long as its patience.
SELECT name, process, every_s, started_at, ended_at, done_at, took_s, failures, failed_since, error,
       CASE WHEN failed_since < now() - patience_s * interval '1 s' THEN 'failing'
            WHEN greatest(ended_at, started_at) < now() - (every_s + patience_s) * interval '1 s' THEN 'late'
            WHEN failures > 0 THEN 'tried_again'
            WHEN done_at IS NULL THEN 'waiting'
            ELSE 'well' END AS state
FROM jobs ORDER BY name;

-- name: job_troubles
-- What is the matter with jobs, against what was said of it.
WITH there AS (
    SELECT name, coalesce(failed_since, greatest(ended_at, started_at)) AS since, error AS why FROM jobs
    WHERE failed_since < now() - patience_s * interval '1 s'
       OR greatest(ended_at, started_at) < now() - (every_s + patience_s) * interval '1 s'
), said AS (
    SELECT name FROM conditions WHERE active AND subject = 'job' AND condition = 'job_failed'
)
SELECT name, since, why, true AS active FROM there WHERE name NOT IN (SELECT name FROM said)
UNION ALL
SELECT name, now(), '', false FROM said WHERE name NOT IN (SELECT name FROM there);

-- name: producers
-- Sums that were counted as they came. Of what happened within a day it is looked whether a number is there twice;
-- `hawkline aggregator check` looks at more.
SELECT p.site, p.agent, p.epoch, c.lane, c.contiguous, c.above::text AS above, c.missing::text AS missing,
       c.stored, c.stored - coalesce(t.twice, 0) AS distinct_stored,
       c.alarms, c.alarms_forgotten + coalesce(m.in_alerts, 0) AS in_alerts
FROM producers p
JOIN cursors c ON c.producer_id = p.id
LEFT JOIN (
    SELECT producer_id, lane, sum(times - 1)::bigint AS twice FROM (
        SELECT producer_id, lane, count(*) AS times FROM events WHERE event_at > now() - interval '1 day'
        GROUP BY producer_id, lane, seq HAVING count(*) > 1
    ) numbers GROUP BY producer_id, lane
) t ON (t.producer_id, t.lane) = (p.id, c.lane)
LEFT JOIN (
    SELECT producer_id, lane, count(*) AS in_alerts FROM alert_members GROUP BY producer_id, lane
) m ON (m.producer_id, m.lane) = (p.id, c.lane)
ORDER BY p.site, p.agent, p.id, c.lane;

-- name: sensors
-- What a box that is silent told last is no news of its sensors.
SELECT s.site, s.agent, s.sensor, s.what, coalesce(b.state, 'unknown') AS box, s.state, s.since, s.told_at, s.detail
FROM sensors s LEFT JOIN box_views b USING (site, agent)
WHERE (%(sites)s::text[] IS NULL OR s.site = ANY(%(sites)s))
  AND (%(site)s::text IS NULL OR s.site = %(site)s) AND (%(agent)s::text IS NULL OR s.agent = %(agent)s)
ORDER BY s.site, s.agent, s.sensor;

-- name: ledger_producers
-- In the order of bytes, so that whoever compares it with a ledger of their own needs no memory.
SELECT id FROM producers ORDER BY site COLLATE "C", agent COLLATE "C", epoch;

-- name: ledger_patience
-- Reading and sorting all that an old box has sent takes longer than any other question may.
SET LOCAL statement_timeout = '30min';

-- name: ledger_rows
-- Names of sites and boxes are plain: nothing in them has to be quoted.
SELECT format(E'%%s,%%s,%%s,%%s,%%s,%%s\n', p.site, p.agent, p.epoch, e.lane, e.seq, e.crc)
FROM events e JOIN producers p ON p.id = e.producer_id
WHERE e.producer_id = %(producer_id)s ORDER BY e.lane, e.seq;

-- name: gaps
SELECT p.site, p.agent, p.epoch, g.lane, g.first, g.last, g.reason, g.recorded_at
FROM gaps g JOIN producers p ON p.id = g.producer_id
WHERE (%(producers)s::int[] IS NULL OR g.producer_id = ANY(%(producers)s))
  AND (%(from)s::timestamptz IS NULL OR g.recorded_at >= %(from)s)
  AND (%(until)s::timestamptz IS NULL OR g.recorded_at < %(until)s)
ORDER BY g.id DESC LIMIT %(limit)s;

-- name: losses
-- Of the gaps only numbers that stand for events which will not come: still missing, and not among those that a restart
-- skipped unused (these are recorded twice: when the numbers behind them come, and when the box says why).
SELECT p.site, p.agent, p.epoch, g.lane, lower(lost) AS first, upper(lost) - 1 AS last, g.reason, g.recorded_at
FROM gaps g JOIN producers p ON p.id = g.producer_id
JOIN cursors c ON (c.producer_id, c.lane) = (g.producer_id, g.lane)
CROSS JOIN LATERAL unnest(
    int8multirange(int8range(g.first, g.last, '[]')) * c.missing - coalesce((
        SELECT range_agg(int8range(r.first, r.last, '[]')) FROM gaps r
        WHERE r.producer_id = g.producer_id AND r.lane = g.lane AND r.reason = 'restart' AND r.first <= r.last
    ), '{}')
) AS lost
WHERE g.reason <> 'restart' AND g.first <= g.last
  AND (%(producers)s::int[] IS NULL OR g.producer_id = ANY(%(producers)s))
  AND (%(from)s::timestamptz IS NULL OR g.recorded_at >= %(from)s)
  AND (%(until)s::timestamptz IS NULL OR g.recorded_at < %(until)s)
ORDER BY g.id DESC LIMIT %(limit)s;

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

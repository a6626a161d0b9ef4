-- name: agents
SELECT b.site, b.agent, b.state, b.state_since, b.last_seen_at, b.born_at, b.session, b.version, b.health_interval_s,
       b.health, b.clock_off_s, b.lost, coalesce(a.doubled_at > now() - interval '10 minutes', false) AS two_lives,
       ARRAY(SELECT o.what FROM over_limits o WHERE (o.site, o.agent) = (b.site, b.agent) AND o.until > now()
             ORDER BY o.what) AS over_limits,
       (SELECT w.reason FROM worked_on w WHERE w.site = b.site AND w.agent IN ('', b.agent) AND w.camera = ''
        ORDER BY w.id LIMIT 1) AS maintenance
FROM box_views b JOIN agents a USING (site, agent)
WHERE (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = b.site AND w.place = ANY(%(scope)s)))
  AND (%(sites)s::text[] IS NULL OR b.site = ANY(%(sites)s))
  AND (%(site)s::text IS NULL OR b.site = %(site)s) AND (%(agent)s::text IS NULL OR b.agent = %(agent)s)
ORDER BY b.site, b.agent;

-- name: agent
SELECT b.site, b.agent, b.state, b.state_since, b.last_seen_at, b.born_at, b.session, b.version, b.health_interval_s,
       b.health, b.clock_off_s, b.lost, coalesce(a.doubled_at > now() - interval '10 minutes', false) AS two_lives,
       ARRAY(SELECT o.what FROM over_limits o WHERE (o.site, o.agent) = (b.site, b.agent) AND o.until > now()
             ORDER BY o.what) AS over_limits,
       (SELECT w.reason FROM worked_on w WHERE w.site = b.site AND w.agent IN ('', b.agent) AND w.camera = ''
        ORDER BY w.id LIMIT 1) AS maintenance
FROM box_views b JOIN agents a USING (site, agent) WHERE b.site = %(site)s AND b.agent = %(agent)s;

-- name: judge_presence
-- Only the heartbeat's expiry makes a box silent, and only while we could have heard it.
WITH link AS (
    SELECT min(broker_since) AS since, bool_and(heartbeat_at > now() - interval '6 s') AS alive
    FROM services WHERE name = 'presence'
), judged AS (
    SELECT site, agent,
        CASE
            WHEN link.since IS NULL OR NOT link.alive THEN 'unknown'
            WHEN last_seen_at > now() - health_interval_s * interval '1.5 s' THEN 'online'
            WHEN link.since > now() - health_interval_s * interval '1.5 s' THEN 'unknown'
            ELSE 'silent'
        END AS state
    FROM agents LEFT JOIN link ON true
)
UPDATE agents SET state = judged.state, state_since = now()
FROM judged
WHERE (agents.site, agents.agent) = (judged.site, judged.agent) AND agents.state <> judged.state
RETURNING agents.site, agents.agent;

-- name: cursors_of
SELECT lane, contiguous, above::text FROM cursors JOIN producers ON producers.id = producer_id
WHERE site = %(site)s AND agent = %(agent)s AND epoch = %(epoch)s;

-- name: note_birth
-- A retained birth proves nothing about now: last_seen_at is left to heartbeats. Sessions count within an epoch.
INSERT INTO agents (site, agent, epoch, session, version, health_interval_s, born_at)
VALUES (%(site)s, %(agent)s, %(epoch)s, %(session)s, %(version)s, %(health_interval_s)s, %(born_at)s)
ON CONFLICT (site, agent) DO UPDATE SET
    epoch = excluded.epoch, session = excluded.session, version = excluded.version,
    health_interval_s = excluded.health_interval_s, born_at = excluded.born_at
WHERE agents.epoch <> excluded.epoch OR agents.session <= excluded.session;

-- name: note_health
INSERT INTO agents (site, agent, epoch, session, last_seen_at, health)
VALUES (%(site)s, %(agent)s, %(epoch)s, %(session)s, %(seen_at)s, %(health)s)
ON CONFLICT (site, agent) DO UPDATE SET
    epoch = excluded.epoch, session = excluded.session, last_seen_at = excluded.last_seen_at, health = excluded.health
WHERE agents.epoch <> excluded.epoch OR agents.session <= excluded.session;

-- name: newest_beats
SELECT site, agent, health_interval_s, health, last_seen_at, doubled_at FROM agents WHERE last_seen_at IS NOT NULL;

-- name: note_two_lives
UPDATE agents SET doubled_at = %(at)s WHERE site = %(site)s AND agent = %(agent)s;

-- name: add_health_sample
INSERT INTO health_samples (site, agent, at, cameras, watching, dropped, waiting, pictures, disk_free, temperature_c,
                            load_1m, clock_off_s)
VALUES (%(site)s, %(agent)s, %(at)s, %(cameras)s, %(watching)s, %(dropped)s, %(waiting)s, %(pictures)s, %(disk_free)s,
        %(temperature_c)s, %(load_1m)s, %(clock_off_s)s)
ON CONFLICT DO NOTHING;

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
WHERE %(producers)s::int[] IS NULL OR p.id = ANY(%(producers)s)
ORDER BY p.site, p.agent, p.id, c.lane;

-- name: ledger_producers
-- In the order of bytes, so that a program that compares it with a ledger of its own needs no memory.
SELECT id FROM producers p
WHERE %(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = p.site AND w.place = ANY(%(scope)s))
ORDER BY site COLLATE "C", agent COLLATE "C", epoch;

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

-- name: troubles
-- What is the matter with boxes, certificates and with hearing at all, against what was said of it. What we do not hear
-- from is not known to be well again.
WITH hearing AS (
    SELECT coalesce(bool_and(broker_since IS NOT NULL AND heartbeat_at > now() - interval '6 s'), false) AS alive
    FROM services WHERE name = 'presence'
), there AS (
    SELECT 'box' AS subject, site, agent, '' AS name, 'box_silent' AS condition, state_since AS since,
           jsonb_strip_nulls(jsonb_build_object('last_seen', last_seen_at)) AS detail
    FROM agents WHERE state = 'silent' AND EXISTS (
        -- After we or the broker were away, boxes are given the time to come back.
        SELECT FROM services WHERE name = 'presence' AND broker_since < now() - interval '30 s'
    )
    UNION ALL
    SELECT 'box', site, agent, '', 'two_lives', NULL, NULL FROM agents WHERE doubled_at > now() - interval '10 minutes'
    UNION ALL
    SELECT 'box', site, agent, '', 'card_refuses', NULL, jsonb_build_object('why', left(health ->> 'outbox', 200))
    FROM agents WHERE state = 'online' AND coalesce(health ->> 'outbox', '') <> ''
    UNION ALL
    SELECT 'box', site, agent, '', 'disk_full', NULL, NULL FROM agents
    WHERE state = 'online' AND health -> 'disk_full' = 'true'
    UNION ALL
    SELECT 'box', site, agent, '', 'box_hot', NULL,
           jsonb_build_object('temperature_c', round((health ->> 'cpu_temperature_c')::numeric))
    FROM agents WHERE state = 'online' AND (health ->> 'cpu_temperature_c')::numeric >= 80
    UNION ALL
    SELECT 'box', site, agent, '', 'box_throttled', NULL, jsonb_build_object('why', left(health ->> 'throttled', 200))
    FROM agents WHERE state = 'online' AND coalesce(health ->> 'throttled', '') <> ''
    UNION ALL
    SELECT 'box', site, agent, '', 'card_worn', NULL, jsonb_build_object('used', least((health ->> 'card_wear')::numeric, 100))
    FROM agents WHERE state = 'online' AND (health ->> 'card_wear')::numeric >= 90
    UNION ALL
    SELECT 'box', site, agent, '', 'clock_wrong', NULL, jsonb_build_object('off_s', off_s) FROM (
        SELECT site, agent, state,
               round((health ->> 'at_ms')::numeric / 1000 - extract(epoch FROM last_seen_at)) AS off_s FROM agents
    ) clocks WHERE state = 'online' AND abs(off_s) > 120
    UNION ALL
    SELECT 'box', site, agent, '', 'events_lost', NULL, jsonb_build_object('lost', lost) FROM box_views
    WHERE %(lost_too)s AND lost > 0
    UNION ALL
    SELECT DISTINCT 'box', site, agent, '', 'over_limits', NULL::timestamptz, NULL::jsonb FROM over_limits WHERE until > now()
    UNION ALL
    SELECT 'box', d.site, d.agent, '', 'section_refused', NULL,
           jsonb_build_object('section', string_agg(d.section, ', ' ORDER BY d.section), 'why', left(min(b.error), 200))
    FROM desired_sections d JOIN box_sections b USING (site, agent, section) JOIN agents a USING (site, agent)
    WHERE b.refused = d.version AND a.state = 'online' GROUP BY d.site, d.agent
    UNION ALL
    SELECT 'box', site, agent, '', 'changed_at_box', NULL,
           jsonb_build_object('files', left((SELECT string_agg(each, ', ') FROM jsonb_array_elements_text(health -> 'configuration' -> 'changed') each), 200))
    FROM agents WHERE state = 'online' AND jsonb_typeof(health -> 'configuration' -> 'changed') = 'array'
      AND health -> 'configuration' -> 'changed' <> '[]'
    UNION ALL
    SELECT 'certificate', site, agent, '', 'certificate_ends', NULL, jsonb_build_object('ends', expires_at) FROM devices
    WHERE revoked_at IS NULL AND expires_at < now() + interval '7 days'
    UNION ALL
    SELECT 'service', '', '', 'broker', 'boxes_unheard', NULL, NULL FROM hearing
    WHERE NOT alive AND EXISTS (SELECT FROM agents)
), cameras_of AS (
    SELECT a.site, a.agent, a.last_seen_at, told ->> 'name' AS camera, told ->> 'state' AS state,
           coalesce(told ->> 'detail', '') AS why, coalesce(told ->> 'sight', '') AS sight
    FROM agents a, jsonb_array_elements(CASE jsonb_typeof(a.health -> 'cameras') WHEN 'array' THEN a.health -> 'cameras'
                                        ELSE '[]' END) told
    WHERE a.state = 'online'
), ailing AS (
    SELECT site, agent, camera, last_seen_at, 'camera_blind' AS condition, true AS hides,
           jsonb_build_object('state', state, 'why', left(why, 200)) AS detail
    FROM cameras_of WHERE state IN ('stalled', 'unreachable', 'ended', 'crashed')
    UNION
    SELECT site, agent, camera, last_seen_at, 'sight_' || fault, 'sight_' || fault = ANY(%(hiding)s), '{}'
    FROM cameras_of, unnest(string_to_array(sight, ',')) fault WHERE 'sight_' || fault = ANY(%(sights)s)
), said AS (
    SELECT subject, site, agent, name, condition FROM conditions
    WHERE active AND subject IN ('box', 'certificate', 'service') AND (%(lost_too)s OR condition <> 'events_lost')
      AND condition <> 'disk_fills'  -- another judge's
)
SELECT subject, site, agent, '' AS camera, name, condition, t.since, t.detail, 0 AS priority, true AS active
FROM there t LEFT JOIN said s USING (subject, site, agent, name, condition) WHERE s.condition IS NULL
UNION ALL
SELECT subject, site, agent, '', name, condition, NULL, NULL, 0, false
FROM said s LEFT JOIN there t USING (subject, site, agent, name, condition) LEFT JOIN agents a USING (site, agent)
WHERE t.condition IS NULL AND (subject <> 'box' OR a.state = 'online' OR a.state IS NULL)
UNION ALL
-- What a box says of its cameras with its heartbeat, against what was heard of them before: a word may have been lost.
SELECT 'camera', site, agent, camera, '', condition, NULL, NULL, 0, false FROM (
    SELECT c.site, c.agent, c.camera, c.condition FROM conditions c JOIN agents a USING (site, agent)
    WHERE c.subject = 'camera' AND c.condition IN ('camera_blind', 'camera_degraded') AND c.active AND a.state = 'online' AND a.last_seen_at > c.told_at + interval '1 minute'
      AND EXISTS (SELECT FROM cameras_of t WHERE (t.site, t.agent, t.camera, t.state) = (c.site, c.agent, c.camera, 'watching'))
) seeing
UNION ALL
-- A box that has begun anew since does not know what it said before.
SELECT 'camera', site, agent, camera, '', condition, NULL, NULL, 0, false FROM (
    SELECT c.site, c.agent, c.camera, c.condition FROM conditions c JOIN agents a USING (site, agent)
    JOIN cameras_of t USING (site, agent, camera)
    WHERE c.subject = 'camera' AND starts_with(c.condition, 'sight_') AND c.active
      AND a.last_seen_at > c.told_at + interval '1 minute'
      AND t.sight <> '' AND NOT substr(c.condition, 7) = ANY(string_to_array(t.sight, ','))
) clear
UNION ALL
SELECT 'camera', t.site, t.agent, t.camera, '', t.condition, t.last_seen_at, t.detail, CASE WHEN t.hides THEN coalesce((
    SELECT min(l.priority) FROM config_lines l JOIN config_cameras n USING (producer_id, revision, camera)
    LEFT JOIN arming r ON (r.site, r.agent, r.camera, r.name) = (t.site, t.agent, n.name, l.name)
    WHERE n.name = t.camera AND l.priority > 0 AND coalesce(r.armed, true) AND (l.producer_id, l.revision) = (
        SELECT k.producer_id, k.revision FROM config_cameras k JOIN producers p ON p.id = k.producer_id
        WHERE (p.site, p.agent) = (t.site, t.agent) ORDER BY k.producer_id DESC, k.revision DESC LIMIT 1
    )
), 0) ELSE 0 END, true
FROM ailing t LEFT JOIN conditions c
    ON (c.subject, c.site, c.agent, c.camera, c.name, c.condition) = ('camera', t.site, t.agent, t.camera, '', t.condition)
WHERE c.condition IS NULL OR (NOT c.active AND c.told_at < t.last_seen_at - interval '1 minute');

-- name: note_sensors
-- The newest that happened counts, whichever comes last; since when: from the first event that told this state. A box has
-- at most 500: what makes up names fills no table.
WITH new AS (
    SELECT * FROM unnest(%(sites)s::text[], %(agents)s::text[], %(sensors)s::text[], %(whats)s::text[],
                         %(states)s::text[], %(details)s::text[], %(batteries)s::boolean[], %(ats)s::timestamptz[],
                         %(answered)s::timestamptz[])
                  AS told (site, agent, sensor, what, state, detail, battery_low, at, answered_at)
), has AS MATERIALIZED (
    SELECT site, agent, (SELECT count(*) FROM sensors s WHERE (s.site, s.agent) = (box.site, box.agent)) AS number
    FROM (SELECT DISTINCT site, agent FROM new) AS box
)
INSERT INTO sensors (site, agent, sensor, what, state, detail, battery_low, since, told_at, answered_at)
SELECT site, agent, sensor, what, state, detail, battery_low, at, at, answered_at
FROM (
    SELECT new.*, known.sensor IS NOT NULL AS is_known,
           count(*) FILTER (WHERE known.sensor IS NULL) OVER (PARTITION BY site, agent ORDER BY sensor) AS more
    FROM new LEFT JOIN sensors known USING (site, agent, sensor)
) AS told JOIN has USING (site, agent)
WHERE is_known OR more + number <= 500
ORDER BY site, agent, sensor
ON CONFLICT (site, agent, sensor) DO UPDATE SET
    what = excluded.what, state = excluded.state, detail = excluded.detail, battery_low = excluded.battery_low,
    told_at = excluded.told_at, answered_at = greatest(sensors.answered_at, excluded.answered_at),
    since = CASE WHEN sensors.state = excluded.state THEN sensors.since ELSE excluded.since END
WHERE sensors.told_at <= excluded.told_at;

-- name: forget_sensors
-- What its box's file has no more, and how it did.
WITH forgotten AS (
    DELETE FROM sensor_fitness f
    USING unnest(%(sites)s::text[], %(agents)s::text[], %(sensors)s::text[]) AS gone (site, agent, sensor)
    WHERE (f.site, f.agent, f.sensor) = (gone.site, gone.agent, gone.sensor)
      AND EXISTS (SELECT FROM sensors s
                  WHERE (s.site, s.agent, s.sensor) = (gone.site, gone.agent, gone.sensor) AND s.state = 'gone')
)
DELETE FROM sensors s USING unnest(%(sites)s::text[], %(agents)s::text[], %(sensors)s::text[]) AS gone (site, agent, sensor)
WHERE (s.site, s.agent, s.sensor) = (gone.site, gone.agent, gone.sensor) AND s.state = 'gone';

-- name: note_bypasses
-- A box that tells of a sensor otherwise last, once it had left it out, has ended the bypass. Its clock may be off a
-- little.
WITH told AS (
    SELECT * FROM unnest(%(sites)s::text[], %(agents)s::text[], %(sensors)s::text[], %(bypassed)s::timestamptz[],
                         %(otherwise)s::timestamptz[], %(ends)s::boolean[])
                  AS told (site, agent, sensor, bypassed_at, otherwise_at, ends)
), held AS (
    SELECT b.number, t.otherwise_at, t.ends,
           coalesce(b.seen_at, CASE WHEN t.bypassed_at >= b.begun_at - interval '1 minute' THEN t.bypassed_at END)
               AS seen_at
    FROM sensor_bypasses b JOIN told t USING (site, agent, sensor) WHERE b.ended_at IS NULL
    ORDER BY b.number
)
UPDATE sensor_bypasses b SET
    seen_at = held.seen_at,
    ended_at = CASE WHEN held.ends AND held.otherwise_at >= held.seen_at THEN held.otherwise_at END,
    ended_by = CASE WHEN held.ends AND held.otherwise_at >= held.seen_at THEN 'box' ELSE '' END
FROM held WHERE b.number = held.number AND held.seen_at IS NOT NULL;

-- name: note_fitness
-- Only what changes it is a row, whichever comes first; of sensors that are there.
INSERT INTO sensor_fitness (site, agent, sensor, at, is_fit)
SELECT n.* FROM unnest(%(sites)s::text[], %(agents)s::text[], %(sensors)s::text[], %(ats)s::timestamptz[],
                       %(fits)s::boolean[]) AS n (site, agent, sensor, at, is_fit)
JOIN sensors s USING (site, agent, sensor)
WHERE n.is_fit IS DISTINCT FROM (
    SELECT f.is_fit FROM sensor_fitness f
    WHERE (f.site, f.agent, f.sensor) = (n.site, n.agent, n.sensor) AND f.at <= n.at ORDER BY f.at DESC LIMIT 1)
ORDER BY 1, 2, 3, 4
ON CONFLICT DO NOTHING;

-- name: unfit
-- Of each sensor: from when on it is known, and for how long it was not fit, within the time that its box is asked for.
WITH asked AS (
    SELECT * FROM unnest(%(sites)s::text[], %(agents)s::text[], %(since)s::timestamptz[], %(until)s::timestamptz[])
                  AS a (site, agent, since, until)
), spans AS (
    SELECT f.site, f.agent, f.sensor, f.at, f.is_fit, a.since, a.until,
           lead(f.at) OVER (PARTITION BY f.site, f.agent, f.sensor ORDER BY f.at) AS next
    FROM sensor_fitness f JOIN asked a USING (site, agent) WHERE f.at < a.until
)
SELECT site, agent, sensor, greatest(min(at), since) AS since, until,
       coalesce(sum(extract(epoch FROM least(coalesce(next, until), until) - greatest(at, since)))
                FILTER (WHERE NOT is_fit AND coalesce(next, until) > since), 0)::bigint AS unfit_s
FROM spans GROUP BY site, agent, sensor, since, until HAVING greatest(min(at), since) < until
ORDER BY site, agent, sensor;

-- name: old_days_of_fitness
-- How a sensor was last stays known, and is no day to delete: it may be of long ago.
SELECT DISTINCT (f.at AT TIME ZONE 'UTC')::date AS day FROM sensor_fitness f
WHERE f.at < %(before)s::date::timestamptz
  AND EXISTS (SELECT FROM sensor_fitness n WHERE (n.site, n.agent, n.sensor) = (f.site, f.agent, f.sensor) AND n.at > f.at)
ORDER BY day;

-- name: drop_day_of_fitness
DELETE FROM sensor_fitness f
WHERE f.at >= %(day)s::date::timestamptz AND f.at < (%(day)s::date + 1)::timestamptz
  AND EXISTS (SELECT FROM sensor_fitness n WHERE (n.site, n.agent, n.sensor) = (f.site, f.agent, f.sensor) AND n.at > f.at);

-- name: note_partitions
-- The newest that happened counts. A box has at most 64.
WITH new AS (
    SELECT * FROM unnest(%(sites)s::text[], %(agents)s::text[], %(partitions)s::text[], %(states)s::text[],
                         %(by)s::text[], %(hinders)s::jsonb[], %(details)s::text[], %(not_armed)s::boolean[],
                         %(wanted)s::text[], %(answered)s::bigint[], %(deeds)s::bigint[], %(ats)s::timestamptz[])
                  AS told (site, agent, partition, state, by, hinders, detail, not_armed, wanted, answered, deeds, at)
), has AS MATERIALIZED (
    SELECT site, agent, (SELECT count(*) FROM partitions p WHERE (p.site, p.agent) = (box.site, box.agent)) AS number
    FROM (SELECT DISTINCT site, agent FROM new) AS box
)
INSERT INTO partitions (site, agent, partition, state, changed_by, hinders, detail, not_armed, wanted, answered, deeds,
                        since, told_at)
SELECT site, agent, partition, state, by, ARRAY(SELECT jsonb_array_elements_text(hinders)), detail, not_armed, wanted,
       answered, deeds, at, at
FROM (
    SELECT new.*, known.partition IS NOT NULL AS is_known,
           count(*) FILTER (WHERE known.partition IS NULL) OVER (PARTITION BY site, agent ORDER BY partition) AS more
    FROM new LEFT JOIN partitions known USING (site, agent, partition)
) AS told JOIN has USING (site, agent)
WHERE is_known OR more + number <= 64
ORDER BY site, agent, partition
ON CONFLICT (site, agent, partition) DO UPDATE SET
    state = excluded.state, changed_by = excluded.changed_by, hinders = excluded.hinders, detail = excluded.detail,
    not_armed = excluded.not_armed, wanted = excluded.wanted, deeds = excluded.deeds,
    answered = greatest(partitions.answered, excluded.answered),
    told_at = excluded.told_at,
    since = CASE WHEN partitions.state = excluded.state THEN partitions.since ELSE excluded.since END
WHERE partitions.told_at <= excluded.told_at;

-- name: forget_partitions
DELETE FROM partitions WHERE state = 'gone';

-- name: sensors
-- What a box that is silent told last is no news of its sensors.
SELECT s.site, s.agent, s.sensor, s.what, coalesce(b.state, 'unknown') AS box, s.state, s.since, s.told_at, s.detail,
       s.battery_low, s.answered_at, coalesce(f.code, '') AS code, coalesce(f.location, '') AS location,
       coalesce(f.responsible, '') AS responsible, p.until AS bypassed_until, coalesce(p.reason, '') AS bypass_reason
FROM sensors s LEFT JOIN box_views b USING (site, agent) LEFT JOIN sensor_facts f USING (site, agent, sensor)
LEFT JOIN sensor_bypasses p ON (p.site, p.agent, p.sensor) = (s.site, s.agent, s.sensor) AND p.ended_at IS NULL
    AND p.until > now()
WHERE (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = s.site AND w.place = ANY(%(scope)s)))
  AND (%(sites)s::text[] IS NULL OR s.site = ANY(%(sites)s))
  AND (%(site)s::text IS NULL OR s.site = %(site)s) AND (%(agent)s::text IS NULL OR s.agent = %(agent)s)
ORDER BY s.site, s.agent, s.sensor;

-- name: partitions
SELECT p.site, p.agent, p.partition, coalesce(b.state, 'unknown') AS box, p.state, p.changed_by, p.hinders, p.detail,
       p.not_armed, p.wanted, p.since, p.told_at, o.deed AS ordered, o.ordered_by, o.ordered_at,
       o.number IS NOT NULL AND o.number <= p.answered AS is_answered, p.answered
FROM partitions p LEFT JOIN box_views b USING (site, agent)
LEFT JOIN partition_orders o ON (o.site, o.agent, o.partition) = (p.site, p.agent, p.partition) AND o.slot = 'arm'
    AND (o.number <= p.answered OR o.ordered_at > now() - interval '15 minutes')
WHERE (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = p.site AND w.place = ANY(%(scope)s)))
  AND (%(sites)s::text[] IS NULL OR p.site = ANY(%(sites)s))
  AND (%(site)s::text IS NULL OR p.site = %(site)s) AND (%(agent)s::text IS NULL OR p.agent = %(agent)s)
ORDER BY p.site, p.agent, p.partition;

-- name: names
-- What a box has told of: sensors, and partitions.
SELECT sensor AS name, false AS is_partition, what FROM sensors WHERE (site, agent) = (%(site)s, %(agent)s)
UNION ALL SELECT partition, true, '' FROM partitions WHERE (site, agent) = (%(site)s, %(agent)s)
ORDER BY is_partition, name;

-- name: order
INSERT INTO partition_orders (site, agent, partition, slot, number, deed, without, deeds, ordered_by)
VALUES (%(site)s, %(agent)s, %(partition)s, %(slot)s, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, %(deed)s,
        %(without)s, coalesce((SELECT deeds FROM partitions p WHERE (p.site, p.agent, p.partition)
                               = (%(site)s, %(agent)s, %(partition)s)), 0), %(by)s)
ON CONFLICT (site, agent, partition, slot) DO UPDATE SET
    number = greatest(partition_orders.number + 1, excluded.number), deed = excluded.deed, without = excluded.without,
    deeds = excluded.deeds, ordered_by = excluded.ordered_by, ordered_at = now()
RETURNING number, ordered_at;

-- name: orders
-- What a box could not hear in time is not done behind it: who ordered it has looked elsewhere since.
SELECT number, partition, deed, deeds, ordered_by, without FROM partition_orders
WHERE (site, agent) = (%(site)s, %(agent)s)
  AND ordered_at > now() - CASE slot WHEN 'arm' THEN interval '15 minutes' ELSE interval '1 minute' END
ORDER BY number;

-- name: held_bypasses
SELECT number, sensor, way, (extract(epoch FROM until) * 1000)::bigint AS until_ms, begun_by, reason
FROM sensor_bypasses WHERE (site, agent) = (%(site)s, %(agent)s) AND ended_at IS NULL AND until > now() ORDER BY number;

-- name: one_bypass_at_a_time
LOCK TABLE sensor_bypasses IN SHARE ROW EXCLUSIVE MODE;

-- name: bypass
INSERT INTO sensor_bypasses (number, site, agent, sensor, way, until, reason, begun_by)
SELECT greatest((extract(epoch FROM clock_timestamp()) * 1000)::bigint, 1 + (SELECT max(number) FROM sensor_bypasses)),
       %(site)s, %(agent)s, %(sensor)s, %(way)s, now() + %(lasts)s, %(reason)s, %(by)s
RETURNING number, site, agent, sensor, way, until, reason, begun_by, begun_at, seen_at, ended_at, ended_by;

-- name: replace_bypass
-- One that holds is over when another begins.
UPDATE sensor_bypasses SET ended_at = now(), ended_by = %(by)s
WHERE (site, agent, sensor) = (%(site)s, %(agent)s, %(sensor)s) AND ended_at IS NULL;

-- name: end_bypass
UPDATE sensor_bypasses b SET ended_at = now(), ended_by = %(by)s
WHERE number = %(number)s AND ended_at IS NULL
  AND (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = b.site AND w.place = ANY(%(scope)s)))
RETURNING number, site, agent, sensor, way, until, reason, begun_by, begun_at, seen_at, ended_at, ended_by;

-- name: bypasses
SELECT b.number, b.site, b.agent, b.sensor, b.way, b.until, b.reason, b.begun_by, b.begun_at, b.seen_at, b.ended_at,
       b.ended_by
FROM sensor_bypasses b
WHERE (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = b.site AND w.place = ANY(%(scope)s)))
  AND (%(sites)s::text[] IS NULL OR b.site = ANY(%(sites)s))
  AND (%(site)s::text IS NULL OR b.site = %(site)s) AND (%(agent)s::text IS NULL OR b.agent = %(agent)s)
  AND (NOT %(active)s OR b.ended_at IS NULL AND b.until > now())
ORDER BY b.number DESC LIMIT %(limit)s;

-- name: put_facts
INSERT INTO sensor_facts (site, agent, sensor, code, location, responsible, changed_by)
VALUES (%(site)s, %(agent)s, %(sensor)s, %(code)s, %(location)s, %(responsible)s, %(by)s)
ON CONFLICT (site, agent, sensor) DO UPDATE SET
    code = excluded.code, location = excluded.location, responsible = excluded.responsible,
    changed_by = excluded.changed_by, changed_at = now();

-- name: facts_of
-- What is said of a panel or a keypad holds for all that is of it, PANEL/zone 12, and has nothing of its own.
SELECT asked.site, asked.agent, asked.sensor, coalesce(nullif(own.location, ''), whole.location, '') AS location,
       coalesce(nullif(own.responsible, ''), whole.responsible, '') AS responsible
FROM unnest(%(sites)s::text[], %(agents)s::text[], %(sensors)s::text[]) AS asked (site, agent, sensor)
LEFT JOIN sensor_facts own USING (site, agent, sensor)
LEFT JOIN sensor_facts whole
    ON (whole.site, whole.agent, whole.sensor) = (asked.site, asked.agent, split_part(asked.sensor, '/', 1));

-- name: code_of
SELECT site, agent, sensor FROM sensor_facts
WHERE code = %(code)s AND (site, agent, sensor) <> (%(site)s, %(agent)s, %(sensor)s);

-- name: walk
-- Sensors and lines of boxes, each with when it answered last since a moment: one question for both.
SELECT s.site, s.agent, 'sensor' AS kind, '' AS camera, s.sensor AS name, s.what, s.state,
       CASE WHEN s.answered_at >= %(since)s THEN s.answered_at END AS answered_at
FROM sensors s
WHERE (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = s.site AND w.place = ANY(%(scope)s)))
  AND (%(sites)s::text[] IS NULL OR s.site = ANY(%(sites)s))
  AND (%(site)s::text IS NULL OR s.site = %(site)s) AND (%(agent)s::text IS NULL OR s.agent = %(agent)s)
  AND s.what NOT IN ('panel', 'partition', 'key_switch', 'output', 'entry', 'duress', 'memory', 'keypad', 'codes')
UNION ALL
SELECT n.site, n.agent, 'line', c.name, l.name, '', '', (
    SELECT max(e.event_at) FROM events e JOIN config_lines k USING (producer_id, revision, line)
    JOIN config_cameras kc ON (kc.producer_id, kc.revision, kc.camera) = (k.producer_id, k.revision, k.camera)
    WHERE e.producer_id = n.producer_id AND e.event_at >= %(since)s AND e.kind = ANY(%(crossings)s)
      AND (k.name, kc.name) = (l.name, c.name))
FROM newest_configurations n JOIN config_lines l USING (producer_id, revision)
JOIN config_cameras c USING (producer_id, revision, camera)
WHERE (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = n.site AND w.place = ANY(%(scope)s)))
  AND (%(sites)s::text[] IS NULL OR n.site = ANY(%(sites)s))
  AND (%(site)s::text IS NULL OR n.site = %(site)s) AND (%(agent)s::text IS NULL OR n.agent = %(agent)s)
  AND l.rule <> 100
ORDER BY 1, 2, 3 DESC, 4, 5;

-- name: old_days_of_bypasses
SELECT DISTINCT (begun_at AT TIME ZONE 'UTC')::date AS day FROM sensor_bypasses
WHERE begun_at < %(before)s::date::timestamptz AND (ended_at IS NOT NULL OR until <= now()) ORDER BY day;

-- name: drop_day_of_bypasses
DELETE FROM sensor_bypasses
WHERE begun_at >= %(day)s::date::timestamptz AND begun_at < (%(day)s::date + 1)::timestamptz
  AND (ended_at IS NOT NULL OR until <= now());

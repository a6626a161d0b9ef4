-- name: add_lane_hours
INSERT INTO lane_hours (producer_id, revision, line, hour, passed, unread)
SELECT * FROM unnest(%(producer_ids)s::int[], %(revisions)s::int[], %(lines)s::int[], %(hours)s::timestamptz[],
                     %(passed)s::bigint[], %(unread)s::bigint[])
ORDER BY 1, 2, 3, 4
ON CONFLICT (producer_id, revision, line, hour)
DO UPDATE SET passed = lane_hours.passed + excluded.passed, unread = lane_hours.unread + excluded.unread;

-- name: forget_passages
-- No index over kinds is kept for it: of the time in which there may be any, all events are looked at.
DELETE FROM events WHERE kind = %(kind)s AND event_at < %(before)s AND event_at >= %(after)s;

-- name: checkpoints
-- Lanes of every box's newest configuration, and what passed them in the last hours; a lane that was given a new number
-- keeps what passed under the old one.
WITH lane AS MATERIALIZED (
    SELECT p.site, p.agent, c.name AS camera, l.name AS lane, l.direction, l.line AS number, a.state AS box_state,
           (SELECT e ->> 'state' FROM jsonb_array_elements(
                CASE jsonb_typeof(a.health -> 'cameras') WHEN 'array' THEN a.health -> 'cameras' ELSE '[]' END) e
            WHERE e ->> 'name' = c.name LIMIT 1) AS camera_state
    FROM newest_configurations p
    JOIN config_lines l USING (producer_id, revision)
    JOIN config_cameras c USING (producer_id, revision, camera)
    LEFT JOIN agents a USING (site, agent)
    WHERE l.rule = %(rule)s
      AND (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = p.site AND w.place = ANY(%(scope)s)))
      AND (%(sites)s::text[] IS NULL OR p.site = ANY(%(sites)s))
      AND (%(site)s::text IS NULL OR p.site = %(site)s) AND (%(agent)s::text IS NULL OR p.agent = %(agent)s)
), passed AS MATERIALIZED (
    SELECT p.site, p.agent, c.name AS camera, l.name AS lane, sum(h.passed)::bigint AS passed, sum(h.unread)::bigint AS unread
    FROM lane_hours h
    JOIN producers p ON p.id = h.producer_id
    JOIN config_lines l USING (producer_id, revision, line)
    JOIN config_cameras c USING (producer_id, revision, camera)
    WHERE h.hour >= %(since)s GROUP BY 1, 2, 3, 4
)
SELECT site, agent, camera, box_state, camera_state,
       jsonb_agg(jsonb_build_object('name', lane, 'direction', direction, 'passed', coalesce(passed, 0),
                                    'unread', coalesce(unread, 0)) ORDER BY number) AS lanes
FROM lane LEFT JOIN passed USING (site, agent, camera, lane)
GROUP BY site, agent, camera, box_state, camera_state ORDER BY site, agent, camera;

-- name: read_by_camera
-- Of each checkpoint, hour by hour from the newest back: what passed, and what of it was not read.
SELECT p.site, p.agent, c.name AS camera, h.hour, sum(h.passed)::bigint AS passed, sum(h.unread)::bigint AS unread,
       EXISTS (SELECT FROM conditions k WHERE (k.subject, k.site, k.agent, k.camera, k.name, k.condition)
           = ('camera', p.site, p.agent, c.name, '', 'plates_unread') AND k.active) AS told
FROM lane_hours h
JOIN producers p ON p.id = h.producer_id
JOIN config_lines l USING (producer_id, revision, line)
JOIN config_cameras c USING (producer_id, revision, camera)
WHERE h.hour >= %(since)s GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 DESC;

-- name: told_unread
SELECT site, agent, camera FROM conditions WHERE subject = 'camera' AND condition = 'plates_unread' AND active;

-- name: old_days_of_lane_hours
SELECT DISTINCT (hour AT TIME ZONE 'UTC')::date AS day FROM lane_hours WHERE hour < %(before)s::date::timestamptz ORDER BY day;

-- name: drop_day_of_lane_hours
DELETE FROM lane_hours WHERE hour >= %(day)s::date::timestamptz AND hour < (%(day)s::date + 1)::timestamptz;

-- name: put_positions
INSERT INTO checkpoint_positions (site, agent, latitude, longitude, road, road_km)
SELECT * FROM unnest(%(sites)s::text[], %(agents)s::text[], %(latitudes)s::float8[], %(longitudes)s::float8[],
                     %(roads)s::text[], %(kms)s::float8[])
ON CONFLICT (site, agent) DO UPDATE SET latitude = excluded.latitude, longitude = excluded.longitude,
    road = excluded.road, road_km = excluded.road_km;

-- name: positions
SELECT p.site, p.agent, p.latitude, p.longitude, p.road, p.road_km FROM checkpoint_positions p
WHERE %(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within i WHERE i.site = p.site AND i.place = ANY(%(scope)s))
ORDER BY p.site, p.agent;

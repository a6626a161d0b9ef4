-- name: unconfirmed_now
-- Lines and zones of every box's newest configuration that cannot be confirmed now, and what each box said of its camera;
-- those that are seen by no other camera first. A box whose heartbeat is overdue is away, whoever has said so or not.
WITH newest AS MATERIALIZED (
    SELECT site, agent, producer_id, revision FROM newest_configurations p
    WHERE (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = p.site AND w.place = ANY(%(scope)s)))
      AND (%(sites)s::text[] IS NULL OR p.site = ANY(%(sites)s))
      AND (%(site)s::text IS NULL OR p.site = %(site)s)
), camera AS MATERIALIZED (
    SELECT n.site, n.agent, c.name AS camera, c.camera AS number, n.producer_id, n.revision, a.last_seen_at, h.camera_state,
           CASE WHEN a.state = 'online' AND a.last_seen_at < now() - (%(expires)s * a.health_interval_s + 30) * interval '1 s'
                THEN 'overdue' ELSE coalesce(a.state, 'unknown') END AS state
    FROM newest n
    JOIN config_cameras c USING (producer_id, revision)
    LEFT JOIN agents a USING (site, agent)
    LEFT JOIN LATERAL (
        SELECT e ->> 'state' AS camera_state
        FROM jsonb_array_elements(CASE jsonb_typeof(a.health -> 'cameras') WHEN 'array' THEN a.health -> 'cameras' ELSE '[]' END) e
        WHERE e ->> 'name' = c.name LIMIT 1
    ) h ON true
), hiding AS MATERIALIZED (
    SELECT subject, site, agent, camera, name, condition, since FROM conditions
    WHERE active AND condition = ANY(%(hiding)s) AND subject IN ('box', 'camera', 'line', 'zone')
), seeing AS MATERIALIZED (
    -- Cameras that stand in for others: well themselves, and nobody works on them.
    SELECT site, agent, camera FROM camera c
    WHERE state = 'online' AND camera_state = 'watching'
      AND NOT EXISTS (SELECT FROM hiding g WHERE (g.site, g.agent) = (c.site, c.agent)
                      AND (g.subject = 'box' OR (g.subject = 'camera' AND g.camera = c.camera)))
      AND NOT EXISTS (SELECT FROM worked_on w WHERE w.site = c.site AND w.agent IN ('', c.agent) AND w.camera IN ('', c.camera))
), line AS MATERIALIZED (
    SELECT DISTINCT ON (c.site, c.agent, c.camera, l.name) c.*, l.name AS line, l.priority, r.armed
    FROM camera c
    JOIN config_lines l ON (l.producer_id, l.revision, l.camera) = (c.producer_id, c.revision, c.number)
    LEFT JOIN arming r ON (r.site, r.agent, r.camera, r.name) = (c.site, c.agent, c.camera, l.name)
    WHERE %(agent)s::text IS NULL OR c.agent = %(agent)s
    ORDER BY c.site, c.agent, c.camera, l.name, l.priority
), amiss AS MATERIALIZED (
    SELECT l.site, l.agent, l.camera, l.line, l.priority, l.armed, l.state, l.last_seen_at, l.camera_state, found.reasons,
           other.seen_by, coalesce(other.seen, false) AS seen
    FROM line l
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('condition', g.condition, 'since', g.since) ORDER BY g.since) AS reasons
        FROM hiding g
        WHERE (g.site, g.agent) = (l.site, l.agent)
          AND (g.subject = 'box' OR (g.camera = l.camera AND (g.subject = 'camera' OR g.name = l.line)))
    ) found ON true
    LEFT JOIN LATERAL (
        -- A view that was confirmed later than that was said may be another one.
        SELECT bool_or(each.watches) AS seen, jsonb_agg(to_jsonb(each) ORDER BY each.agent, each.camera) AS seen_by FROM (
            SELECT s.by_agent AS agent, s.by_camera AS camera,
                   EXISTS (SELECT FROM seeing e WHERE (e.site, e.agent, e.camera) = (s.site, s.by_agent, s.by_camera))
                   AND NOT EXISTS (SELECT FROM confirmed_views v WHERE (v.site, v.agent, v.camera) = (s.site, s.by_agent, s.by_camera)
                                   AND v.confirmed_at > s.set_at) AS watches
            FROM seen_too s WHERE (s.site, s.agent, s.camera, s.name) = (l.site, l.agent, l.camera, l.line)
        ) each
    ) other ON true
    WHERE l.state <> 'online' OR l.camera_state IS DISTINCT FROM 'watching' OR found.reasons IS NOT NULL
)
SELECT (SELECT count(*) FROM line) AS looked_at, (SELECT count(*) FROM amiss) AS unconfirmed,
       (SELECT count(*) FROM amiss WHERE NOT seen) AS alone,
       (SELECT jsonb_agg(to_jsonb(shown)) FROM (
           SELECT * FROM amiss ORDER BY seen, priority = 0, priority, site, agent, camera, line LIMIT %(limit)s
       ) shown) AS lines;

-- name: lines_of
-- And since when their box is known.
SELECT DISTINCT p.site, p.agent, c.name AS camera, l.name AS line,
       (SELECT min(b.first_seen_at) FROM producers b WHERE (b.site, b.agent) = (p.site, p.agent)) AS known_since
FROM newest_configurations p
JOIN config_lines l USING (producer_id, revision)
JOIN config_cameras c USING (producer_id, revision, camera)
WHERE (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = p.site AND w.place = ANY(%(scope)s)))
  AND (%(sites)s::text[] IS NULL OR p.site = ANY(%(sites)s))
  AND (%(site)s::text IS NULL OR p.site = %(site)s) AND (%(agent)s::text IS NULL OR p.agent = %(agent)s)
ORDER BY 1, 2, 3, 4;

-- name: quarters_of
-- Of some cameras, day by day; a day without a row was not covered at all.
SELECT c.site, c.agent, c.camera, c.day, c.covered
FROM unnest(%(sites)s::text[], %(agents)s::text[], %(cameras)s::text[]) AS asked (site, agent, camera)
JOIN coverage c USING (site, agent, camera)
WHERE c.day BETWEEN %(first)s::date AND %(last)s::date;

-- name: hid
-- What kept lines from being confirmed in some time.
SELECT site, agent, camera, CASE WHEN subject IN ('line', 'zone') THEN name ELSE '' END AS line, condition AS reason,
       since, least(until, now()) AS until
FROM spells
WHERE until > %(from)s AND since < %(until)s AND condition = ANY(%(hiding)s) AND site = ANY(%(sites)s)
UNION ALL
SELECT s.site, m.agent, m.camera, '', 'maintenance', m.since, coalesce(m.ended_at, m.until)
FROM maintenance m
CROSS JOIN LATERAL (SELECT w.site FROM within w WHERE w.place = m.place UNION SELECT m.place) s
WHERE s.site = ANY(%(sites)s) AND m.since < %(until)s AND coalesce(m.ended_at, m.until) > %(from)s;

-- name: lock_seen_too
SELECT pg_advisory_xact_lock(4217006);

-- name: forget_seen_too
DELETE FROM seen_too WHERE (site, agent, camera, name) = (%(site)s, %(agent)s, %(camera)s, %(name)s);

-- name: set_seen_too
INSERT INTO seen_too (site, agent, camera, name, by_agent, by_camera, set_by)
SELECT %(site)s, %(agent)s, %(camera)s, %(name)s, by_agent, by_camera, %(by)s
FROM unnest(%(by_agents)s::text[], %(by_cameras)s::text[]) AS told (by_agent, by_camera);

-- name: cameras_at
-- Cameras of a site, of each box's newest configuration.
SELECT n.agent, c.name AS camera FROM newest_configurations n JOIN config_cameras c USING (producer_id, revision)
WHERE n.site = %(site)s ORDER BY 1, 2;

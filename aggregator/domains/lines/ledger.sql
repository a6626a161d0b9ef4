-- name: unconfirmed_now
-- Lines and zones of every box's newest configuration that cannot be confirmed now, and what each box said of its camera.
WITH newest AS (
    SELECT DISTINCT ON (p.site, p.agent) p.site, p.agent, k.producer_id, k.revision
    FROM config_cameras k JOIN producers p ON p.id = k.producer_id
    WHERE (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = p.site AND w.place = ANY(%(scope)s)))
      AND (%(sites)s::text[] IS NULL OR p.site = ANY(%(sites)s))
      AND (%(site)s::text IS NULL OR p.site = %(site)s) AND (%(agent)s::text IS NULL OR p.agent = %(agent)s)
    ORDER BY p.site, p.agent, k.producer_id DESC, k.revision DESC
), hiding AS (
    SELECT subject, site, agent, camera, name, condition, since FROM conditions
    WHERE active AND condition = ANY(%(hiding)s) AND subject IN ('box', 'camera', 'line', 'zone')
)
SELECT n.site, n.agent, c.name AS camera, l.name AS line, l.priority, r.armed, a.state, a.state_since,
       h.camera_state, found.reasons
FROM newest n
JOIN config_lines l USING (producer_id, revision)
JOIN config_cameras c USING (producer_id, revision, camera)
JOIN agents a USING (site, agent)
LEFT JOIN arming r ON (r.site, r.agent, r.camera, r.name) = (n.site, n.agent, c.name, l.name)
LEFT JOIN LATERAL (
    SELECT e ->> 'state' AS camera_state
    FROM jsonb_array_elements(CASE jsonb_typeof(a.health -> 'cameras') WHEN 'array' THEN a.health -> 'cameras' ELSE '[]' END) e
    WHERE e ->> 'name' = c.name LIMIT 1
) h ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('condition', g.condition, 'since', g.since) ORDER BY g.since) AS reasons FROM hiding g
    WHERE (g.site, g.agent) = (n.site, n.agent)
      AND (g.subject = 'box' OR (g.camera = c.name AND (g.subject = 'camera' OR g.name = l.name)))
) found ON true
WHERE a.state <> 'online' OR h.camera_state IS DISTINCT FROM 'watching' OR found.reasons IS NOT NULL
ORDER BY 1, 2, 3, 4 LIMIT %(limit)s;

-- name: lines_of
SELECT DISTINCT p.site, p.agent, c.name AS camera, l.name AS line
FROM (
    SELECT DISTINCT ON (p.site, p.agent) p.site, p.agent, k.producer_id, k.revision
    FROM config_cameras k JOIN producers p ON p.id = k.producer_id
    WHERE (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = p.site AND w.place = ANY(%(scope)s)))
      AND (%(sites)s::text[] IS NULL OR p.site = ANY(%(sites)s))
      AND (%(site)s::text IS NULL OR p.site = %(site)s) AND (%(agent)s::text IS NULL OR p.agent = %(agent)s)
    ORDER BY p.site, p.agent, k.producer_id DESC, k.revision DESC
) p
JOIN config_lines l USING (producer_id, revision)
JOIN config_cameras c USING (producer_id, revision, camera)
ORDER BY 1, 2, 3, 4;

-- name: quarters_of
-- Of some cameras, day by day; a day without a row was not covered at all.
SELECT c.site, c.agent, c.camera, c.day, c.covered
FROM unnest(%(sites)s::text[], %(agents)s::text[], %(cameras)s::text[]) AS asked (site, agent, camera)
JOIN coverage c USING (site, agent, camera)
WHERE c.day BETWEEN %(first)s::date AND %(last)s::date;

-- name: hid
-- What kept lines from being confirmed in some time. An alert of many names no box: it is of all of its site, or of all.
SELECT site, agent, camera, CASE WHEN subject IN ('line', 'zone') THEN name ELSE '' END AS line, condition AS reason,
       first_at AS since, coalesce(ended_at, now()) AS until
FROM alerts
WHERE condition = ANY(%(hiding)s) AND (site = '' OR site = ANY(%(sites)s)) AND first_at < %(until)s
  AND coalesce(ended_at, 'infinity') > %(from)s
UNION ALL
SELECT s.site, m.agent, m.camera, '', 'maintenance', m.since, coalesce(m.ended_at, m.until)
FROM maintenance m
CROSS JOIN LATERAL (SELECT w.site FROM within w WHERE w.place = m.place UNION SELECT m.place) s
WHERE s.site = ANY(%(sites)s) AND m.since < %(until)s AND coalesce(m.ended_at, m.until) > %(from)s;

-- name: seen_too
SELECT s.site, s.agent, s.camera, s.name AS line, s.by_agent, s.by_camera,
       a.state = 'online' AND EXISTS (
           SELECT FROM jsonb_array_elements(CASE jsonb_typeof(a.health -> 'cameras') WHEN 'array' THEN a.health -> 'cameras' ELSE '[]' END) e
           WHERE e ->> 'name' = s.by_camera AND e ->> 'state' = 'watching'
       ) AS watches
FROM seen_too s LEFT JOIN agents a ON (a.site, a.agent) = (s.site, s.by_agent)
WHERE s.site = ANY(%(sites)s) ORDER BY 1, 2, 3, 4, 5, 6;

-- name: forget_seen_too
DELETE FROM seen_too WHERE (site, agent, camera, name) = (%(site)s, %(agent)s, %(camera)s, %(name)s);

-- name: set_seen_too
INSERT INTO seen_too (site, agent, camera, name, by_agent, by_camera, set_by)
SELECT %(site)s, %(agent)s, %(camera)s, %(name)s, by_agent, by_camera, %(by)s
FROM unnest(%(by_agents)s::text[], %(by_cameras)s::text[]) AS told (by_agent, by_camera);

-- name: cameras_at
-- Cameras of a site, of each box's newest configuration.
SELECT n.agent, c.name AS camera FROM (
    SELECT DISTINCT ON (p.agent) p.agent, k.producer_id, k.revision
    FROM config_cameras k JOIN producers p ON p.id = k.producer_id
    WHERE p.site = %(site)s ORDER BY p.agent, k.producer_id DESC, k.revision DESC
) n JOIN config_cameras c USING (producer_id, revision) ORDER BY 1, 2;

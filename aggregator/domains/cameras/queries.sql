-- name: known
SELECT asked.producer_id, asked.revision
FROM unnest(%(producer_ids)s::int[], %(revisions)s::int[]) AS asked (producer_id, revision)
WHERE EXISTS (SELECT FROM config_cameras c WHERE (c.producer_id, c.revision) = (asked.producer_id, asked.revision))
   OR EXISTS (SELECT FROM config_lines l WHERE (l.producer_id, l.revision) = (asked.producer_id, asked.revision));

-- name: add_cameras
INSERT INTO config_cameras (producer_id, revision, camera, name)
SELECT * FROM unnest(%(producer_ids)s::int[], %(revisions)s::int[], %(cameras)s::int[], %(names)s::text[])
ON CONFLICT DO NOTHING;

-- name: add_lines
INSERT INTO config_lines (producer_id, revision, line, camera, name, points, direction, priority, rule)
SELECT * FROM unnest(%(producer_ids)s::int[], %(revisions)s::int[], %(lines)s::int[], %(cameras)s::int[],
                     %(names)s::text[], %(points)s::jsonb[], %(directions)s::text[], %(priorities)s::smallint[],
                     %(rules)s::smallint[])
ON CONFLICT DO NOTHING;

-- name: cameras
-- With the most urgent priority of their lines, those left out that were disarmed.
SELECT w.producer_id, w.revision, w.camera, c.name, coalesce((
    SELECT min(l.priority) FROM config_lines l
    LEFT JOIN arming a ON (a.site, a.agent, a.camera, a.name) = (p.site, p.agent, c.name, l.name)
    WHERE (l.producer_id, l.revision, l.camera) = (w.producer_id, w.revision, w.camera)
      AND l.priority > 0 AND coalesce(a.armed, true)
), 0) AS priority
FROM unnest(%(producer_ids)s::int[], %(revisions)s::int[], %(cameras)s::int[]) AS w (producer_id, revision, camera)
JOIN config_cameras c USING (producer_id, revision, camera)
JOIN producers p ON p.id = w.producer_id;

-- name: ailing_cameras
SELECT camera, condition FROM conditions
WHERE subject = 'camera' AND site = %(site)s AND agent = %(agent)s AND active;

-- name: cameras_of_box
-- Of its newest configuration.
SELECT c.name FROM config_cameras c JOIN newest_configurations n USING (producer_id, revision)
WHERE (n.site, n.agent) = (%(site)s, %(agent)s) ORDER BY c.camera;

-- name: confirm_view
INSERT INTO confirmed_views (site, agent, camera, confirmed_by)
VALUES (%(site)s, %(agent)s, %(camera)s, %(by)s)
ON CONFLICT (site, agent, camera) DO UPDATE SET confirmed_by = excluded.confirmed_by, confirmed_at = now()
RETURNING site, agent, camera, confirmed_by, confirmed_at;

-- name: confirmed_views
SELECT camera, (extract(epoch FROM confirmed_at) * 1000)::bigint AS at_ms FROM confirmed_views
WHERE (site, agent) = (%(site)s, %(agent)s) ORDER BY camera;

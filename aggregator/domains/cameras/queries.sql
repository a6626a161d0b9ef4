-- name: add_camera
INSERT INTO config_cameras (producer_id, revision, camera, name)
VALUES (%(producer_id)s, %(revision)s, %(camera)s, %(name)s) ON CONFLICT DO NOTHING;

-- name: add_line
INSERT INTO config_lines (producer_id, revision, line, camera, name, points, direction, priority, rule)
VALUES (%(producer_id)s, %(revision)s, %(line)s, %(camera)s, %(name)s, %(points)s, %(direction)s, %(priority)s,
        %(rule)s)
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

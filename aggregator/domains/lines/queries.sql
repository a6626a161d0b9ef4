-- name: add_counts
INSERT INTO counts (producer_id, revision, line, object, direction, quarter, crossings)
SELECT * FROM unnest(%(producer_ids)s::int[], %(revisions)s::int[], %(lines)s::int[], %(objects)s::smallint[],
                     %(directions)s::smallint[], %(quarters)s::timestamptz[], %(crossings)s::bigint[])
ORDER BY 1, 2, 3, 4, 5, 6
ON CONFLICT (producer_id, revision, line, object, direction, quarter)
DO UPDATE SET crossings = counts.crossings + excluded.crossings;

-- name: lines
-- And whether its camera's view stands elsewhere than it should.
SELECT w.producer_id, w.revision, w.line, l.name, coalesce(c.name, 'camera ' || l.camera) AS camera,
       coalesce(k.active, false) AS moved
FROM unnest(%(producer_ids)s::int[], %(revisions)s::int[], %(lines)s::int[]) AS w (producer_id, revision, line)
JOIN config_lines l USING (producer_id, revision, line)
LEFT JOIN config_cameras c ON (c.producer_id, c.revision, c.camera) = (l.producer_id, l.revision, l.camera)
JOIN producers p ON p.id = w.producer_id
LEFT JOIN conditions k ON (k.subject, k.site, k.agent, k.camera, k.name, k.condition)
    = ('camera', p.site, p.agent, c.name, '', 'sight_moved');

-- name: set_arming
INSERT INTO arming (site, agent, camera, name, armed, changed_by)
VALUES (%(site)s, %(agent)s, %(camera)s, %(name)s, %(armed)s, %(by)s)
ON CONFLICT (site, agent, camera, name)
DO UPDATE SET armed = excluded.armed, changed_by = excluded.changed_by, changed_at = now()
RETURNING site, agent, camera, name, armed, changed_by, changed_at;

-- name: arming
SELECT site, agent, camera, name, armed, changed_by, changed_at FROM arming
WHERE (site, agent) = (%(site)s, %(agent)s) ORDER BY camera, name;

-- name: watched
-- Lines and zones of the box's newest configuration; lanes of checkpoints are not armed.
SELECT c.name AS camera, l.name FROM config_lines l
JOIN config_cameras c USING (producer_id, revision, camera)
JOIN newest_configurations n USING (producer_id, revision)
WHERE (n.site, n.agent) = (%(site)s, %(agent)s) AND l.rule <> 100 ORDER BY l.line;

-- name: watched_lines
-- The same, each with what was ordered for it.
SELECT c.name AS camera, l.name, a.armed, a.changed_by, a.changed_at FROM config_lines l
JOIN config_cameras c USING (producer_id, revision, camera)
JOIN newest_configurations n USING (producer_id, revision)
LEFT JOIN arming a ON (a.site, a.agent, a.camera, a.name) = (n.site, n.agent, c.name, l.name)
WHERE (n.site, n.agent) = (%(site)s, %(agent)s) AND l.rule <> 100 ORDER BY l.line;

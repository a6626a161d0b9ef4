-- name: points
-- All that a site's boxes watch by, each with what was recorded of it last, and when it answered last since a moment.
WITH watched AS (
    SELECT s.site, s.agent, 'sensor' AS kind, '' AS camera, s.sensor AS name, s.what, '' AS drawn,
           CASE WHEN s.answered_at >= %(since)s THEN s.answered_at END AS answered_at, NULL::bytea AS picture
    FROM sensors s
    WHERE s.site = %(site)s
      AND s.what NOT IN ('panel', 'partition', 'key_switch', 'output', 'entry', 'duress', 'memory', 'keypad', 'codes')
    UNION ALL
    SELECT n.site, n.agent, CASE l.rule WHEN %(lane)s THEN 'lane' ELSE 'line' END, c.name, l.name, '',
           concat_ws(' ', l.points, l.direction), e.event_at, (
               SELECT o.sha256 FROM evidence_of o
               WHERE (o.producer_id, o.lane, o.seq) = (e.producer_id, e.lane, e.seq) AND o.arrived_at IS NOT NULL LIMIT 1
           )
    FROM newest_configurations n JOIN config_lines l USING (producer_id, revision)
    JOIN config_cameras c USING (producer_id, revision, camera)
    LEFT JOIN LATERAL (
        SELECT e.event_at, e.producer_id, e.lane, e.seq FROM events e
        WHERE e.producer_id = n.producer_id AND e.revision = n.revision AND e.line = l.line
          AND e.event_at >= %(since)s AND e.kind = ANY(%(kinds)s)
        ORDER BY e.event_at DESC LIMIT 1
    ) e ON true
    WHERE n.site = %(site)s
)
SELECT w.site, w.agent, w.kind, w.camera, w.name, w.what, w.drawn, w.answered_at, w.picture,
       a.passed, a.heard_at, encode(a.picture, 'hex') AS sha256, coalesce(a.note, '') AS note, coalesce(a.made_by, '') AS made_by,
       a.made_at,
       CASE WHEN a.passed IS NULL THEN 'open' WHEN a.drawn <> w.drawn THEN 'changed' WHEN a.passed THEN 'accepted'
            ELSE 'refused' END AS state
FROM watched w
LEFT JOIN LATERAL (
    SELECT * FROM acceptances a
    WHERE (a.site, a.agent, a.kind, a.camera, a.name) = (w.site, w.agent, w.kind, w.camera, w.name)
    ORDER BY a.id DESC LIMIT 1
) a ON true
WHERE (%(agent)s::text IS NULL OR (w.agent, w.kind, w.camera, w.name) = (%(agent)s, %(kind)s, %(camera)s, %(name)s))
ORDER BY w.agent, w.kind = 'sensor', w.kind, w.camera, w.name;

-- name: record
INSERT INTO acceptances (site, agent, kind, camera, name, drawn, passed, heard_at, picture, note, made_by)
VALUES (%(site)s, %(agent)s, %(kind)s, %(camera)s, %(name)s, %(drawn)s, %(passed)s, %(heard_at)s, %(picture)s, %(note)s, %(by)s);

-- name: producer
SELECT site, agent FROM producers WHERE id = %(id)s;

-- name: events
-- One window of time; the caller goes from window to window until there are enough.
SELECT e.event_at, e.device_at, e.recv_at, e.time_quality, p.site, p.agent, p.epoch, e.lane, e.seq, e.kind, e.priority,
       c.name AS camera, l.name AS line, e.body, e.producer_id
FROM (
    SELECT * FROM events
    WHERE event_at >= %(from)s AND event_at <= %(until)s
      AND (%(after)s::timestamptz IS NULL OR
           (event_at, producer_id, lane, seq) < (%(after)s, %(after_producer)s, %(after_lane)s, %(after_seq)s))
      AND (%(producers)s::int[] IS NULL OR producer_id = ANY(%(producers)s))
      AND (%(kinds)s::smallint[] IS NULL OR kind = ANY(%(kinds)s))
      AND (%(priority)s::smallint IS NULL OR priority BETWEEN 1 AND %(priority)s)
      AND (%(objects)s::smallint[] IS NULL OR line IS NOT NULL AND coalesce(object, 0) = ANY(%(objects)s))
      AND ((%(line)s::text IS NULL AND %(camera)s::text IS NULL) OR (producer_id, revision, line) IN (
          SELECT l.producer_id, l.revision, l.line FROM config_lines l
          JOIN config_cameras c USING (producer_id, revision, camera)
          WHERE (%(line)s::text IS NULL OR l.name = %(line)s) AND (%(camera)s::text IS NULL OR c.name = %(camera)s)
      ) OR (%(line)s::text IS NULL AND (producer_id, revision, camera) IN (
          SELECT producer_id, revision, camera FROM config_cameras WHERE name = %(camera)s
      )))
    ORDER BY event_at DESC, producer_id DESC, lane DESC, seq DESC LIMIT %(limit)s
) e
JOIN producers p ON p.id = e.producer_id
LEFT JOIN config_lines l ON (l.producer_id, l.revision, l.line) = (e.producer_id, e.revision, e.line)
LEFT JOIN config_cameras c ON (c.producer_id, c.revision, c.camera) = (e.producer_id, e.revision, coalesce(l.camera, e.camera))
ORDER BY e.event_at DESC, e.producer_id DESC, e.lane DESC, e.seq DESC;

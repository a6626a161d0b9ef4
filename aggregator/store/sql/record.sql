-- name: kept_days
SELECT day, bytes, compressed FROM kept_days();

-- name: newest_received
SELECT recv_at AS at FROM events ORDER BY event_at DESC LIMIT 1;

-- name: newest_heartbeat
SELECT max(last_seen_at) AS at FROM agents;

-- name: producer
SELECT site, agent FROM producers WHERE id = %(id)s;

-- name: drop_day
SELECT drop_day(%(day)s);

-- name: compress_day
SELECT compress_day(%(day)s);

-- name: events
-- One window of time; whoever asks goes from window to window until there are enough.
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

-- name: old_days_of_coverage
SELECT DISTINCT day FROM coverage WHERE day < %(before)s ORDER BY day;

-- name: drop_day_of_coverage
DELETE FROM coverage WHERE day = %(day)s;

-- name: old_days_of_audit
SELECT DISTINCT (at AT TIME ZONE 'UTC')::date AS day FROM audit WHERE at < %(before)s::date::timestamptz ORDER BY day;

-- name: old_days_of_health
SELECT DISTINCT (at AT TIME ZONE 'UTC')::date AS day FROM health_samples WHERE at < %(before)s::date::timestamptz ORDER BY day;

-- name: drop_day_of_health
DELETE FROM health_samples WHERE at >= %(day)s::date::timestamptz AND at < %(day)s::date + 1;

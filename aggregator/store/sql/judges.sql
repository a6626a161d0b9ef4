-- name: lines
SELECT w.producer_id, w.revision, w.line, l.name, coalesce(c.name, 'camera ' || l.camera) AS camera
FROM unnest(%(producer_ids)s::int[], %(revisions)s::int[], %(lines)s::int[]) AS w (producer_id, revision, line)
JOIN config_lines l USING (producer_id, revision, line)
LEFT JOIN config_cameras c ON (c.producer_id, c.revision, c.camera) = (l.producer_id, l.revision, l.camera);

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

-- name: troubles
-- What is the matter with boxes, certificates and with hearing at all, against what was said of it. What we do not hear
-- from is not known to be well again.
WITH hearing AS (
    SELECT coalesce(bool_and(broker_since IS NOT NULL AND heartbeat_at > now() - interval '6 s'), false) AS alive
    FROM services WHERE name = 'presence'
), there AS (
    SELECT 'box' AS subject, site, agent, '' AS name, 'box_silent' AS condition, state_since AS since,
           jsonb_strip_nulls(jsonb_build_object('last_seen', last_seen_at)) AS detail
    FROM agents WHERE state = 'silent' AND EXISTS (
        -- Whoever was away, we or the broker, has to give boxes the time to come back.
        SELECT FROM services WHERE name = 'presence' AND broker_since < now() - interval '30 s'
    )
    UNION ALL
    SELECT 'box', site, agent, '', 'two_lives', NULL, NULL FROM agents WHERE doubled_at > now() - interval '10 minutes'
    UNION ALL
    SELECT 'box', site, agent, '', 'card_refuses', NULL, jsonb_build_object('why', left(health ->> 'outbox', 200))
    FROM agents WHERE state = 'online' AND coalesce(health ->> 'outbox', '') <> ''
    UNION ALL
    SELECT 'box', site, agent, '', 'disk_full', NULL, NULL FROM agents
    WHERE state = 'online' AND health -> 'disk_full' = 'true'
    UNION ALL
    SELECT 'box', site, agent, '', 'clock_wrong', NULL, jsonb_build_object('off_s', off_s) FROM (
        SELECT site, agent, state,
               round((health ->> 'at_ms')::numeric / 1000 - extract(epoch FROM last_seen_at)) AS off_s FROM agents
    ) clocks WHERE state = 'online' AND abs(off_s) > 120
    UNION ALL
    SELECT 'box', site, agent, '', 'events_lost', NULL, jsonb_build_object('lost', lost) FROM box_views
    WHERE %(lost_too)s AND lost > 0
    UNION ALL
    SELECT DISTINCT 'box', site, agent, '', 'over_limits', NULL::timestamptz, NULL::jsonb FROM over_limits WHERE until > now()
    UNION ALL
    SELECT 'certificate', site, agent, '', 'certificate_ends', NULL, jsonb_build_object('ends', expires_at) FROM devices
    WHERE revoked_at IS NULL AND expires_at < now() + interval '7 days'
    UNION ALL
    SELECT 'service', '', '', 'broker', 'boxes_unheard', NULL, NULL FROM hearing
    WHERE NOT alive AND EXISTS (SELECT FROM agents)
), cameras_of AS (
    SELECT a.site, a.agent, a.last_seen_at, told ->> 'name' AS camera, told ->> 'state' AS state,
           coalesce(told ->> 'detail', '') AS why
    FROM agents a, jsonb_array_elements(CASE jsonb_typeof(a.health -> 'cameras') WHEN 'array' THEN a.health -> 'cameras'
                                        ELSE '[]' END) told
    WHERE a.state = 'online'
), said AS (
    SELECT subject, site, agent, name, condition FROM conditions
    WHERE active AND subject IN ('box', 'certificate', 'service') AND (%(lost_too)s OR condition <> 'events_lost')
)
SELECT subject, site, agent, '' AS camera, name, condition, t.since, t.detail, 0 AS priority, true AS active
FROM there t LEFT JOIN said s USING (subject, site, agent, name, condition) WHERE s.condition IS NULL
UNION ALL
SELECT subject, site, agent, '', name, condition, NULL, NULL, 0, false
FROM said s LEFT JOIN there t USING (subject, site, agent, name, condition) LEFT JOIN agents a USING (site, agent)
WHERE t.condition IS NULL AND (subject <> 'box' OR a.state = 'online' OR a.state IS NULL)
UNION ALL
-- What a box says of its cameras with its heartbeat, against what was heard of them before: a word may have been lost.
SELECT 'camera', site, agent, camera, '', condition, NULL, NULL, 0, false FROM (
    SELECT c.site, c.agent, c.camera, c.condition FROM conditions c JOIN agents a USING (site, agent)
    WHERE c.subject = 'camera' AND c.active AND a.state = 'online' AND a.last_seen_at > c.told_at + interval '1 minute'
      AND EXISTS (SELECT FROM cameras_of t WHERE (t.site, t.agent, t.camera, t.state) = (c.site, c.agent, c.camera, 'watching'))
) seeing
UNION ALL
SELECT 'camera', t.site, t.agent, t.camera, '', 'camera_blind', t.last_seen_at,
       jsonb_build_object('state', t.state, 'why', left(t.why, 200)), coalesce((
    SELECT min(l.priority) FROM config_lines l JOIN config_cameras n USING (producer_id, revision, camera)
    LEFT JOIN arming r ON (r.site, r.agent, r.camera, r.name) = (t.site, t.agent, n.name, l.name)
    WHERE n.name = t.camera AND l.priority > 0 AND coalesce(r.armed, true) AND (l.producer_id, l.revision) = (
        SELECT k.producer_id, k.revision FROM config_cameras k JOIN producers p ON p.id = k.producer_id
        WHERE (p.site, p.agent) = (t.site, t.agent) ORDER BY k.producer_id DESC, k.revision DESC LIMIT 1
    )
), 0), true
FROM cameras_of t LEFT JOIN conditions c
    ON (c.subject, c.site, c.agent, c.camera, c.name, c.condition) = ('camera', t.site, t.agent, t.camera, '', 'camera_blind')
WHERE t.state IN ('stalled', 'unreachable', 'ended', 'crashed')
  AND (c.condition IS NULL OR (NOT c.active AND c.told_at < t.last_seen_at - interval '1 minute'));

-- name: add_signals
INSERT INTO inbox (late, form, body) VALUES (false, 'signals', %(body)s);

-- name: is_camera
-- Of any configuration that the box has had.
SELECT EXISTS (
    SELECT FROM config_cameras c JOIN producers p ON p.id = c.producer_id
    WHERE (p.site, p.agent, c.name) = (%(site)s, %(agent)s, %(camera)s)
) AS known;

-- name: is_box
SELECT EXISTS (SELECT FROM agents WHERE (site, agent) = (%(site)s, %(agent)s))
    OR EXISTS (SELECT FROM producers WHERE (site, agent) = (%(site)s, %(agent)s)) AS known;

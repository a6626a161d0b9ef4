-- name: begin
INSERT INTO maintenance (place, agent, camera, reason, by, until)
VALUES (%(place)s, %(agent)s, %(camera)s, %(reason)s, %(by)s, %(until)s) RETURNING id;

-- name: end
UPDATE maintenance SET ended_at = now(), ended_by = %(by)s WHERE id = %(id)s AND ended_at IS NULL AND until > now();

-- name: one
SELECT *, ended_at IS NULL AND until > now() AS active FROM maintenance m
WHERE id = %(id)s AND (%(scope)s::text[] IS NULL OR EXISTS (
    SELECT FROM within w WHERE w.site = m.place AND w.place = ANY(%(scope)s)
));

-- name: list
SELECT *, ended_at IS NULL AND until > now() AS active FROM maintenance m
WHERE (NOT %(active)s OR (ended_at IS NULL AND until > now()))
  AND (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = m.place AND w.place = ANY(%(scope)s))
       -- What holds one of their places, too: it keeps what happens there quiet.
       OR EXISTS (SELECT FROM within w WHERE w.place = m.place AND w.site = ANY(%(scope)s)))
ORDER BY id DESC LIMIT %(limit)s;

-- name: now
SELECT site, agent, camera, reason, since FROM worked_on ORDER BY id;

-- name: quiet_and_due
-- Conditions that hold still where maintenance is over: they ring now.
WITH rings AS (
    UPDATE conditions c SET due_at = now(), alert_id = NULL FROM alerts a
    WHERE a.id = c.alert_id AND a.quiet AND c.active AND NOT EXISTS (
        SELECT FROM worked_on w WHERE w.site = c.site AND w.agent IN ('', c.agent) AND w.camera IN ('', c.camera)
    ) RETURNING a.id
)
SELECT DISTINCT id FROM rings ORDER BY id;

-- name: is_camera
-- Of any configuration that the box has had.
SELECT EXISTS (
    SELECT FROM config_cameras c JOIN producers p ON p.id = c.producer_id
    WHERE (p.site, p.agent, c.name) = (%(site)s, %(agent)s, %(camera)s)
) AS known;

-- name: is_box
SELECT EXISTS (SELECT FROM agents WHERE (site, agent) = (%(site)s, %(agent)s))
    OR EXISTS (SELECT FROM producers WHERE (site, agent) = (%(site)s, %(agent)s)) AS known;

-- name: begin
INSERT INTO maintenance (place, agent, camera, reason, by, until)
VALUES (%(place)s, %(agent)s, %(camera)s, %(reason)s, %(by)s, %(until)s) RETURNING id;

-- name: end
UPDATE maintenance SET ended_at = now(), ended_by = %(by)s WHERE id = %(id)s AND ended_at IS NULL AND until > now();

-- name: one
SELECT *, ended_at IS NULL AND until > now() AS active FROM maintenance WHERE id = %(id)s;

-- name: list
SELECT *, ended_at IS NULL AND until > now() AS active FROM maintenance
WHERE NOT %(active)s OR (ended_at IS NULL AND until > now()) ORDER BY id DESC LIMIT %(limit)s;

-- name: now
-- What is under maintenance now, places taken apart into the sites within them.
WITH RECURSIVE within (id, site) AS (
    SELECT id, place FROM maintenance WHERE ended_at IS NULL AND until > now()
    UNION SELECT w.id, p.name FROM within w JOIN places p ON p.above = w.site
)
SELECT w.site, m.agent, m.camera, m.reason, m.since FROM within w JOIN maintenance m USING (id) ORDER BY m.id;

-- name: quiet_and_due
-- Conditions that hold still where maintenance is over: they ring now.
WITH RECURSIVE within (id, site) AS (
    SELECT id, place FROM maintenance WHERE ended_at IS NULL AND until > now()
    UNION SELECT w.id, p.name FROM within w JOIN places p ON p.above = w.site
), rings AS (
    UPDATE conditions c SET due_at = now(), alert_id = NULL FROM alerts a
    WHERE a.id = c.alert_id AND a.quiet AND c.active AND NOT EXISTS (
        SELECT FROM within w JOIN maintenance m USING (id)
        WHERE w.site = c.site AND (m.agent = '' OR m.agent = c.agent) AND (m.camera = '' OR m.camera = c.camera)
    ) RETURNING a.id
)
SELECT DISTINCT id FROM rings ORDER BY id;

-- name: set_arming
INSERT INTO arming (site, agent, camera, name, armed, changed_by)
VALUES (%(site)s, %(agent)s, %(camera)s, %(name)s, %(armed)s, %(by)s)
ON CONFLICT (site, agent, camera, name)
DO UPDATE SET armed = excluded.armed, changed_by = excluded.changed_by, changed_at = now()
RETURNING site, agent, camera, name, armed, changed_by, changed_at;

-- name: renew_order
-- Counted by the clock, so that a database that was restored does not give numbers that the box has heard before.
INSERT INTO orders (site, agent, version)
VALUES (%(site)s, %(agent)s, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
ON CONFLICT (site, agent)
DO UPDATE SET version = greatest(orders.version + 1, excluded.version), sent_at = NULL;

-- name: arming
SELECT site, agent, camera, name, armed, changed_by, changed_at FROM arming
WHERE (site, agent) = (%(site)s, %(agent)s) ORDER BY camera, name;

-- name: watched
-- Lines and zones of the box's newest configuration.
SELECT c.name AS camera, l.name FROM config_lines l
JOIN config_cameras c USING (producer_id, revision, camera)
WHERE (l.producer_id, l.revision) = (
    SELECT c2.producer_id, c2.revision FROM config_cameras c2 JOIN producers p ON p.id = c2.producer_id
    WHERE (p.site, p.agent) = (%(site)s, %(agent)s)
    ORDER BY c2.producer_id DESC, c2.revision DESC LIMIT 1
) ORDER BY l.line;

-- name: watched_lines
-- The same, each with what was ordered for it.
SELECT c.name AS camera, l.name, a.armed, a.changed_by, a.changed_at FROM config_lines l
JOIN config_cameras c USING (producer_id, revision, camera)
LEFT JOIN arming a ON (a.site, a.agent, a.camera, a.name) = (%(site)s, %(agent)s, c.name, l.name)
WHERE (l.producer_id, l.revision) = (
    SELECT c2.producer_id, c2.revision FROM config_cameras c2 JOIN producers p ON p.id = c2.producer_id
    WHERE (p.site, p.agent) = (%(site)s, %(agent)s)
    ORDER BY c2.producer_id DESC, c2.revision DESC LIMIT 1
) ORDER BY l.line;

-- name: due_orders
-- What a box does not obey yet: at once, and again while it is there and does not say so. What it says may be any number:
-- one box must not keep the others' orders back.
SELECT o.site, o.agent, o.version FROM orders o LEFT JOIN agents a USING (site, agent)
WHERE coalesce((a.health->>'order')::numeric, 0) < o.version
  AND (o.sent_at IS NULL OR (a.state = 'online' AND o.sent_at < now() - interval '10 seconds'))
ORDER BY o.site, o.agent;

-- name: order_sent
UPDATE orders SET sent_at = now() WHERE (site, agent, version) = (%(site)s, %(agent)s, %(version)s);

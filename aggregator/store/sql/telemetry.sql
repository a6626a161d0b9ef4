-- name: add_counters
INSERT INTO counters (worker, name, label, value)
SELECT %(worker)s, * FROM unnest(%(names)s::text[], %(labels)s::text[], %(values)s::bigint[]) ORDER BY 2, 3
ON CONFLICT (worker, name, label) DO UPDATE SET value = counters.value + excluded.value;

-- name: note_service
INSERT INTO services (name, heartbeat_at, broker_since) VALUES (%(name)s, now(), %(broker_since)s)
ON CONFLICT (name) DO UPDATE SET heartbeat_at = excluded.heartbeat_at, broker_since = excluded.broker_since;

-- name: note_over_limits
-- Told for longer than a box waits between two tries. Who tries again and again does not write each time.
INSERT INTO over_limits (site, agent, what, until)
SELECT %(site)s, %(agent)s, %(what)s, now() + interval '10 minutes'
WHERE EXISTS (SELECT FROM agents WHERE (site, agent) = (%(site)s, %(agent)s))
  AND NOT EXISTS (SELECT FROM over_limits WHERE (site, agent, what) = (%(site)s, %(agent)s, %(what)s)
                  AND until > now() + interval '9 minutes')
ON CONFLICT (site, agent, what) DO UPDATE SET until = excluded.until;

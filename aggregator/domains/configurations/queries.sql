-- name: lock
LOCK TABLE box_configurations IN SHARE ROW EXCLUSIVE MODE;

-- name: newest
-- Of the boxes that are named: what is wanted of each, and what lies there as far as it has said.
SELECT b.site, b.agent, c.number, c.content, c.drawn, CASE WHEN c.drawn <> '{}' THEN c.files END AS files, coalesce(a.health -> 'configuration' ->> 'content', '') AS lies,
       coalesce(a.health -> 'configuration' -> 'changed', '[]') AS changed
FROM unnest(%(sites)s::text[], %(agents)s::text[]) AS b (site, agent)
LEFT JOIN LATERAL (
    SELECT number, content, drawn, files FROM box_configurations n WHERE (n.site, n.agent) = (b.site, b.agent) ORDER BY number DESC LIMIT 1
) c ON true
LEFT JOIN agents a ON (a.site, a.agent) = (b.site, b.agent);

-- name: add
-- Counted by the clock, so that a database that was restored does not give numbers that a box has heard before.
INSERT INTO box_configurations (site, agent, number, content, files, over, drawn, plan, made_by, why)
VALUES (%(site)s, %(agent)s, greatest((extract(epoch FROM clock_timestamp()) * 1000)::bigint, %(after)s + 1), %(content)s,
        %(files)s, %(over)s, %(drawn)s, %(plan)s, %(by)s, %(why)s);

-- name: forget_old
DELETE FROM box_configurations c USING unnest(%(sites)s::text[], %(agents)s::text[]) AS b (site, agent)
WHERE (c.site, c.agent) = (b.site, b.agent) AND c.number <= (
    SELECT number FROM box_configurations n WHERE (n.site, n.agent) = (b.site, b.agent)
    ORDER BY number DESC OFFSET %(kept)s LIMIT 1
);

-- name: put_passwords
INSERT INTO camera_passwords (site, agent, camera, sealed, sealed_to, spare, sent_by)
SELECT site, agent, camera, sealed, sealed_to, spare, %(by)s
FROM unnest(%(sites)s::text[], %(agents)s::text[], %(cameras)s::text[], %(sealed)s::bytea[], %(sealed_to)s::bytea[],
            %(spare)s::bytea[]) AS n (site, agent, camera, sealed, sealed_to, spare)
ORDER BY site, agent, camera
ON CONFLICT (site, agent, camera) DO UPDATE SET
    sealed = excluded.sealed, sealed_to = excluded.sealed_to, spare = excluded.spare, sent_by = excluded.sent_by,
    sent_at = now();

-- name: keys_of
SELECT b.site, b.agent, k.key FROM unnest(%(sites)s::text[], %(agents)s::text[]) AS b (site, agent)
JOIN sealing_keys k USING (site, agent);

-- name: wanted
SELECT number, content, over FROM box_configurations WHERE (site, agent) = (%(site)s, %(agent)s)
ORDER BY number DESC LIMIT 1;

-- name: sent
SELECT number, files FROM box_configurations
WHERE (site, agent, number) = (%(site)s, %(agent)s, %(number)s);

-- name: passwords
SELECT camera, sealed FROM camera_passwords WHERE (site, agent) = (%(site)s, %(agent)s) ORDER BY camera;

-- name: spares
SELECT camera, spare FROM camera_passwords WHERE (site, agent) = (%(site)s, %(agent)s) ORDER BY camera;

-- name: camera_passwords
SELECT p.site, p.agent, p.camera, p.sent_at, p.sent_by, coalesce(k.key = p.sealed_to, false) AS opens
FROM camera_passwords p LEFT JOIN sealing_keys k USING (site, agent) ORDER BY p.site, p.agent, p.camera;

-- name: tell_key
INSERT INTO sealing_keys (site, agent, key) VALUES (%(site)s, %(agent)s, %(key)s)
ON CONFLICT (site, agent) DO UPDATE SET key = excluded.key, told_at = now() WHERE sealing_keys.key <> excluded.key
RETURNING key;

-- name: sealing_keys
SELECT site, agent, key FROM sealing_keys ORDER BY site, agent;

-- name: recovery_key
SELECT key, made_at, made_by FROM recovery_keys ORDER BY number DESC LIMIT 1;

-- name: add_recovery_key
INSERT INTO recovery_keys (key, made_by) VALUES (%(key)s, %(by)s) RETURNING key, made_at, made_by;

-- name: boxes
-- Of each box what is wanted and what it says of it.
SELECT c.site, c.agent, c.number, c.content, c.made_at, c.made_by, c.why, c.plan,
       CASE WHEN s.refused = d.version THEN 'refused' WHEN s.obeyed >= d.version THEN 'kept'
            WHEN coalesce((a.health -> 'configuration' ->> 'tried')::numeric, 0) = c.number THEN 'tried' ELSE 'waiting' END AS state,
       CASE WHEN s.refused = d.version OR s.refused = 0 AND s.obeyed < d.version THEN s.error ELSE '' END AS why_not,
       coalesce((a.health -> 'configuration' ->> 'number')::numeric, 0)::bigint AS in_force,
       ARRAY(SELECT jsonb_array_elements_text(coalesce(a.health -> 'configuration' -> 'changed', '[]'))) AS changed,
       coalesce(a.state = 'online', false) AS online,
       EXISTS (SELECT FROM sealing_keys k WHERE (k.site, k.agent) = (c.site, c.agent)) AS takes_passwords,
       (SELECT count(*) FROM camera_passwords p WHERE (p.site, p.agent) = (c.site, c.agent))::int AS passwords,
       (SELECT count(*) FROM camera_passwords p JOIN sealing_keys k USING (site, agent)
        WHERE (p.site, p.agent) = (c.site, c.agent) AND k.key <> p.sealed_to)::int AS passwords_for_another
FROM (
    SELECT DISTINCT ON (site, agent) * FROM box_configurations ORDER BY site, agent, number DESC
) c
LEFT JOIN desired_sections d ON (d.site, d.agent, d.section) = (c.site, c.agent, 'configuration')
LEFT JOIN box_sections s ON (s.site, s.agent, s.section) = (c.site, c.agent, 'configuration')
LEFT JOIN agents a ON (a.site, a.agent) = (c.site, c.agent)
WHERE (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = c.site AND w.place = ANY(%(scope)s)))
  AND (%(sites)s::text[] IS NULL OR c.site = ANY(%(sites)s)) AND (%(site)s::text IS NULL OR c.site = %(site)s)
  AND (%(agent)s::text IS NULL OR c.agent = %(agent)s)
ORDER BY c.site, c.agent;

-- name: versions
SELECT number, content, made_at, made_by, why, plan FROM box_configurations
WHERE (site, agent) = (%(site)s, %(agent)s) ORDER BY number DESC;

-- name: one
SELECT site, agent, number, content, files, drawn, made_at, made_by, why, plan FROM box_configurations
WHERE (site, agent) = (%(site)s, %(agent)s) AND (%(number)s::bigint IS NULL OR number = %(number)s) ORDER BY number DESC LIMIT 1;

-- name: rollout
-- Every box that a plan has, that has come in or that may: how far it has got.
WITH plan AS (SELECT sheets FROM plans ORDER BY version DESC LIMIT 1),
planned AS (
    SELECT b.site, b.box AS agent, b.model
    FROM plan, jsonb_to_recordset(coalesce(sheets -> 'boxes', '[]')) AS b (site text, box text, model text)
    WHERE b.site IS NOT NULL AND b.box IS NOT NULL
), cameras AS (
    SELECT c.site, c.box AS agent, count(*)::int AS planned, array_agg(c.camera) AS names
    FROM plan, jsonb_to_recordset(coalesce(sheets -> 'cameras', '[]')) AS c (site text, box text, camera text)
    GROUP BY c.site, c.box
), newest AS (
    SELECT DISTINCT ON (site, agent) site, agent, number, content FROM box_configurations
    ORDER BY site, agent, number DESC
), claimed AS (
    SELECT DISTINCT site, agent FROM claims WHERE used_at IS NULL AND withdrawn_at IS NULL AND expires_at > now()
), known AS (
    SELECT site, agent FROM planned UNION SELECT site, agent FROM agents UNION SELECT site, agent FROM devices
    UNION SELECT site, agent FROM claimed UNION SELECT site, agent FROM newest
), seen AS (
    SELECT a.site, a.agent, a.state, a.health -> 'configuration' AS has,
           CASE jsonb_typeof(a.health -> 'cameras') WHEN 'array' THEN a.health -> 'cameras' ELSE '[]' END AS cameras
    FROM agents a WHERE a.born_at IS NOT NULL OR a.last_seen_at IS NOT NULL
)
SELECT k.site, k.agent, coalesce(t.title, '') AS title, p.site IS NOT NULL AS planned, coalesce(p.model, '') AS model,
       CASE WHEN d.revoked_at IS NOT NULL THEN 'revoked'
            WHEN s.site IS NOT NULL THEN CASE WHEN s.state = 'online' THEN 'online' ELSE 'away' END
            WHEN d.site IS NOT NULL THEN 'enrolled' WHEN c.site IS NOT NULL THEN 'claimed' ELSE 'awaited' END AS state,
       coalesce(n.number, 0) AS wanted, coalesce((s.has ->> 'number')::numeric, 0)::bigint AS in_force,
       CASE WHEN n.number IS NULL THEN 'none'
            WHEN b.refused = w.version THEN 'refused' WHEN b.obeyed >= w.version THEN 'kept'
            WHEN coalesce((s.has ->> 'tried')::numeric, 0) = n.number THEN 'tried' ELSE 'waiting' END AS configuration,
       CASE WHEN b.refused = w.version OR b.refused = 0 AND b.obeyed < w.version THEN b.error ELSE '' END AS why_not,
       ARRAY(SELECT jsonb_array_elements_text(coalesce(s.has -> 'changed', '[]'))) AS changed,
       coalesce(m.planned, 0) AS cameras_planned,
       (SELECT count(*) FROM jsonb_array_elements(s.cameras) told WHERE s.state = 'online'
        AND told ->> 'state' IN ('watching', 'degraded', 'impaired', 'blind')
        AND (m.names IS NULL OR told ->> 'name' = ANY(m.names)))::int AS cameras_seeing
FROM known k
LEFT JOIN planned p USING (site, agent) LEFT JOIN cameras m USING (site, agent)
LEFT JOIN newest n USING (site, agent) LEFT JOIN claimed c USING (site, agent)
LEFT JOIN devices d USING (site, agent) LEFT JOIN seen s USING (site, agent)
LEFT JOIN places t ON t.name = k.site
LEFT JOIN desired_sections w ON (w.site, w.agent, w.section) = (k.site, k.agent, 'configuration')
LEFT JOIN box_sections b ON (b.site, b.agent, b.section) = (k.site, k.agent, 'configuration')
WHERE (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = k.site AND w.place = ANY(%(scope)s)))
  AND (%(sites)s::text[] IS NULL OR k.site = ANY(%(sites)s)) AND (%(site)s::text IS NULL OR k.site = %(site)s)
  AND (%(agent)s::text IS NULL OR k.agent = %(agent)s)
ORDER BY k.site, k.agent;

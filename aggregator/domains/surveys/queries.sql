-- name: one_at_a_time
-- Until the commit nobody asks for a camera twice at once.
SELECT pg_advisory_xact_lock(4217049, hashtext(concat_ws('/', %(site)s::text, %(agent)s::text, %(camera)s::text)));

-- name: box
SELECT state FROM agents WHERE (site, agent) = (%(site)s, %(agent)s);

-- name: count
-- Of a camera, of the last ten minutes.
SELECT count(*) AS there FROM surveys WHERE (site, agent, camera) = (%(site)s, %(agent)s, %(camera)s) AND asked_at > now() - %(kept)s::interval;

-- name: ask
-- Numbered by the clock: the table is emptied by a crash, and a box takes no number twice.
INSERT INTO surveys (number, site, agent, camera, scene, asked_by)
SELECT greatest((extract(epoch FROM clock_timestamp()) * 1000000)::bigint, coalesce(max(number), 0) + 1),
       %(site)s, %(agent)s, %(camera)s, %(scene)s, %(by)s FROM surveys
RETURNING number;

-- name: survey
-- One's own, while it is kept.
SELECT number, site, agent, camera, asked_at, taken_at, outcome,
       CASE WHEN jpeg IS NOT NULL THEN 'ready' WHEN settled_at IS NOT NULL OR asked_at < now() - %(patience)s::interval
            THEN 'failed' ELSE 'waiting' END AS state,
       CASE WHEN settled_at IS NULL AND asked_at < now() - %(patience)s::interval
            THEN 'the box has not answered' ELSE why END AS why
FROM surveys WHERE number = %(number)s AND asked_by = %(by)s AND asked_at > now() - %(kept)s::interval;

-- name: picture
SELECT jpeg FROM surveys WHERE number = %(number)s AND asked_by = %(by)s AND asked_at > now() - %(kept)s::interval;

-- name: wanted
SELECT number, camera, scene FROM surveys
WHERE (site, agent) = (%(site)s, %(agent)s) AND settled_at IS NULL AND asked_at > now() - %(patience)s::interval
ORDER BY number LIMIT 8;

-- name: settle
UPDATE surveys SET settled_at = now(), jpeg = %(jpeg)s, taken_at = %(taken_at)s, outcome = %(outcome)s, why = %(why)s
WHERE number = %(number)s AND (site, agent) = (%(site)s, %(agent)s) AND settled_at IS NULL
  AND asked_at > now() - %(patience)s::interval
RETURNING number;

-- name: is_waiting
SELECT FROM surveys WHERE number = %(number)s AND (site, agent) = (%(site)s, %(agent)s) AND settled_at IS NULL
  AND asked_at > now() - %(patience)s::interval;

-- name: forget
DELETE FROM surveys WHERE asked_at < now() - %(kept)s::interval;

-- name: box_of_picture
-- The one that brought it; of several the one that announced it last.
SELECT p.site, p.agent FROM evidence_of o JOIN producers p ON p.id = o.producer_id
WHERE o.sha256 = %(sha256)s AND o.arrived_at IS NOT NULL ORDER BY o.arrived_at DESC LIMIT 1;

-- name: one_at_a_time
-- Until the commit nobody asks twice at once.
SELECT pg_advisory_xact_lock(4217011, hashtext(%(who)s));

-- name: count
SELECT count(*) AS there FROM exports WHERE who = %(who)s;

-- name: ask
INSERT INTO exports (sha256, site, agent, areas, who, case_id, purpose, recipient)
VALUES (%(sha256)s, %(site)s, %(agent)s, %(areas)s::double precision[], %(who)s, %(case)s, %(purpose)s, %(recipient)s)
RETURNING id;

-- name: exports
-- One's own. What keeps the box from it is said with those that wait.
SELECT e.id, encode(e.sha256, 'hex') AS sha256, e.site, e.agent, e.areas, e.case_id AS "case", e.purpose, e.recipient,
       e.asked_at, e.settled_at, e.taken, octet_length(e.jpeg) AS size, encode(e.jpeg_sha256, 'hex') AS export_sha256,
       CASE WHEN e.jpeg IS NOT NULL THEN 'ready' WHEN e.settled_at IS NOT NULL THEN 'failed' ELSE 'waiting' END AS state,
       CASE WHEN e.settled_at IS NOT NULL THEN e.why
            WHEN b.refused >= d.version THEN coalesce(b.error, '')
            ELSE '' END AS why,
       coalesce(a.state, 'unknown') AS box_state,
       ARRAY(SELECT p.alert_id FROM alert_pictures p WHERE p.sha256 = e.sha256 ORDER BY p.alert_id LIMIT 5) AS alerts
FROM exports e
LEFT JOIN agents a USING (site, agent)
LEFT JOIN desired_sections d ON (d.site, d.agent, d.section) = (e.site, e.agent, 'exports')
LEFT JOIN box_sections b ON (b.site, b.agent, b.section) = (e.site, e.agent, 'exports')
WHERE e.who = %(who)s AND is_picture_theirs(e.sha256, e.site, %(scope)s, %(narrow)s)
  AND (%(id)s::bigint IS NULL OR e.id = %(id)s) ORDER BY e.id DESC LIMIT %(limit)s;

-- name: take
UPDATE exports SET taken = taken + %(times)s
WHERE id = %(id)s AND who = %(who)s AND is_picture_theirs(sha256, site, %(scope)s, %(narrow)s) AND jpeg IS NOT NULL
RETURNING jpeg, jpeg_sha256, sha256, purpose, recipient;

-- name: give_up
DELETE FROM exports WHERE id = %(id)s AND who = %(who)s AND is_picture_theirs(sha256, site, %(scope)s, %(narrow)s)
RETURNING site, agent, settled_at IS NULL AS waited;

-- name: wanted
SELECT id, sha256, areas FROM exports WHERE (site, agent) = (%(site)s, %(agent)s) AND settled_at IS NULL ORDER BY id LIMIT %(limit)s;

-- name: waiting
SELECT sha256 FROM exports WHERE id = %(id)s AND (site, agent) = (%(site)s, %(agent)s) AND settled_at IS NULL;

-- name: settle
UPDATE exports SET settled_at = now(), jpeg = %(jpeg)s, jpeg_sha256 = sha256(%(jpeg)s), why = %(why)s
WHERE id = %(id)s AND (site, agent) = (%(site)s, %(agent)s) AND settled_at IS NULL RETURNING sha256;

-- name: old_days_of_exports
SELECT DISTINCT (asked_at AT TIME ZONE 'UTC')::date AS day FROM exports WHERE asked_at < %(before)s::date::timestamptz ORDER BY day;

-- name: drop_day_of_exports
DELETE FROM exports WHERE asked_at < (%(day)s::date + 1)::timestamptz
RETURNING id, site, agent, settled_at IS NULL AS waited;

-- name: take_inbox
-- `worked_on`: anything is under maintenance.
-- Fresh ones first, then by turns: the first row of several boxes together, then one of each box that sent much, in an
-- order that is another each time, so that none waits behind the same few. From box to box by the index: a backlog of
-- hours is not gone through. Arrays, so that the few are looked up whatever the planner thinks of their number.
DELETE FROM inbox WHERE id = ANY(ARRAY(
    SELECT id FROM inbox WHERE id = ANY(ARRAY(
        WITH RECURSIVE senders AS (
            (SELECT late, box FROM inbox ORDER BY late, box LIMIT 1)
            UNION ALL
            SELECT following.late, following.box FROM senders CROSS JOIN LATERAL (
                SELECT late, box FROM inbox WHERE (inbox.late, inbox.box) > (senders.late, senders.box)
                ORDER BY late, box LIMIT 1
            ) AS following
        )
        SELECT waiting.id FROM senders CROSS JOIN LATERAL (
            SELECT id, row_number() OVER (ORDER BY id) AS turn FROM (
                SELECT id FROM inbox WHERE (inbox.late, inbox.box) = (senders.late, senders.box)
                ORDER BY id LIMIT CASE WHEN senders.box = '' THEN %(limit)s ELSE %(turns)s END
            ) AS its
        ) AS waiting
        ORDER BY late, turn, box <> '', hashtextextended(box, %(salt)s), waiting.id LIMIT %(limit)s
    )) FOR UPDATE SKIP LOCKED
)) RETURNING id, late, form, body, EXISTS (SELECT FROM worked_on) AS worked_on;

-- name: take_one
DELETE FROM inbox WHERE id = %(id)s RETURNING body;

-- name: bury_inbox
INSERT INTO dead_letters (recv_at, topic, reason, detail, payload)
VALUES (now(), 'inbox', 'inbox', %(detail)s, %(payload)s);

-- name: boxes_of
SELECT id, site, agent FROM producers WHERE id = ANY(%(producer_ids)s::int[]);

-- name: members
SELECT producer_id, lane, seq FROM alert_members
JOIN unnest(%(producer_ids)s::int[], %(lanes)s::smallint[], %(seqs)s::bigint[]) AS wanted (producer_id, lane, seq)
USING (producer_id, lane, seq);

-- name: joinable_alerts
-- Key by key (OFFSET 0 keeps it so), whatever the planner knows of a young table: it used to walk all open alerts.
SELECT alert.id, alert.key, alert.first_at, alert.last_at, alert.priority,
       alert.acknowledged_at IS NULL OR alert.joined_at > now() - %(quiet)s AS recent
FROM unnest(%(keys)s::text[]) AS wanted (key)
CROSS JOIN LATERAL (
    SELECT id, key, first_at, last_at, cleared_at, ended_at, priority, acknowledged_at, joined_at FROM alerts
    WHERE alerts.key = wanted.key AND last_at >= %(since)s OFFSET 0
) AS alert
WHERE alert.cleared_at IS NULL AND alert.ended_at IS NULL ORDER BY alert.id;

-- name: open_alerts
SELECT box.site, box.agent, counted.number
FROM unnest(%(sites)s::text[], %(agents)s::text[]) AS box (site, agent)
CROSS JOIN LATERAL (
    SELECT count(*) AS number FROM (
        SELECT FROM alerts a
        WHERE (a.site, a.agent) = (box.site, box.agent) AND a.cleared_at IS NULL AND a.ended_at IS NULL
          AND a.acknowledged_at IS NULL AND NOT a.quiet
        LIMIT %(most)s
    ) AS few
) AS counted;

-- name: next_alert_ids
SELECT nextval(pg_get_serial_sequence('alerts', 'id')) AS id FROM generate_series(1, %(count)s);

-- name: raise_alerts
INSERT INTO alerts (id, key, condition, priority, subject, site, agent, camera, name, detail, quiet, first_at, last_at,
                    confirmed_at, members)
OVERRIDING SYSTEM VALUE
SELECT * FROM unnest(%(ids)s::bigint[], %(keys)s::text[], %(conditions)s::text[], %(priorities)s::smallint[],
                     %(subjects)s::text[], %(sites)s::text[], %(agents)s::text[], %(cameras)s::text[],
                     %(names)s::text[], %(details)s::jsonb[], %(quiets)s::boolean[], %(first_ats)s::timestamptz[],
                     %(last_ats)s::timestamptz[], %(confirmed_ats)s::timestamptz[], %(members)s::int[]);

-- name: join_alerts
UPDATE alerts SET
    members = alerts.members + new.members,
    first_at = least(alerts.first_at, new.first_at),
    last_at = greatest(alerts.last_at, new.last_at),
    priority = least(alerts.priority, new.priority),
    joined_at = now()
FROM unnest(%(ids)s::bigint[], %(members)s::int[], %(first_ats)s::timestamptz[], %(last_ats)s::timestamptz[],
            %(priorities)s::smallint[]) AS new (id, members, first_at, last_at, priority)
WHERE alerts.id = new.id;

-- name: add_members
INSERT INTO alert_members (producer_id, lane, seq, alert_id, event_at, reason)
SELECT * FROM unnest(%(producer_ids)s::int[], %(lanes)s::smallint[], %(seqs)s::bigint[], %(alert_ids)s::bigint[],
                     %(ats)s::timestamptz[], %(reasons)s::text[]);

-- name: add_pictures
-- Of new members, pictures that have come already; counted in the row, so that no query has to go through all of them.
WITH found AS (
    SELECT new.alert_id, e.taken_at, e.sha256
    FROM unnest(%(producer_ids)s::int[], %(lanes)s::smallint[], %(seqs)s::bigint[], %(alert_ids)s::bigint[])
         AS new (producer_id, lane, seq, alert_id)
    JOIN evidence_of o USING (producer_id, lane, seq)
    JOIN evidence e USING (sha256)
    -- One that is just being deleted is waited for, and then is not there.
    WHERE o.arrived_at IS NOT NULL ORDER BY e.sha256 FOR KEY SHARE OF e
), added AS (
    INSERT INTO alert_pictures (alert_id, taken_at, sha256) SELECT * FROM found ON CONFLICT DO NOTHING RETURNING alert_id
)
UPDATE alerts SET pictures = alerts.pictures + counted.number
FROM (SELECT alert_id, count(*) AS number FROM added GROUP BY alert_id) counted WHERE alerts.id = counted.alert_id;

-- name: members_of_alert
SELECT p.site, p.agent, p.epoch, m.producer_id, m.lane, m.seq, m.event_at, m.reason
FROM (
    SELECT n.* FROM alert_members n JOIN producers p ON p.id = n.producer_id
    WHERE (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = p.site AND w.place = ANY(%(scope)s)))
      AND alert_id = %(alert_id)s AND (event_at, producer_id, lane, seq) > (
        coalesce(%(after)s::timestamptz, '-infinity'), coalesce(%(after_producer)s::int, 0),
        coalesce(%(after_lane)s::smallint, 0), coalesce(%(after_seq)s::bigint, 0)
    )
    ORDER BY event_at, producer_id, lane, seq LIMIT %(limit)s
) m JOIN producers p ON p.id = m.producer_id
ORDER BY m.event_at, m.producer_id, m.lane, m.seq;

-- name: picture_of_alert
SELECT taken_at FROM alert_pictures WHERE alert_id = %(alert_id)s AND sha256 = %(after_sha256)s;

-- name: pictures_of_alert
SELECT encode(p.sha256, 'hex') AS sha256, p.taken_at FROM alert_pictures p
WHERE p.alert_id = %(alert_id)s
  AND (p.taken_at, p.sha256) > (coalesce(%(after)s::timestamptz, '-infinity'), coalesce(%(after_sha256)s::bytea, ''))
ORDER BY p.taken_at, p.sha256 LIMIT %(limit)s;

-- name: acknowledge
-- What is over by itself only waited for an operator to see it.
UPDATE alerts SET acknowledged_at = now(), acknowledged_by = %(by)s,
    cleared_at = coalesce(cleared_at, CASE WHEN ended_at IS NOT NULL THEN now() END),
    cleared_by = coalesce(cleared_by, CASE WHEN ended_at IS NOT NULL THEN %(by)s END)
WHERE id = %(alert_id)s AND acknowledged_at IS NULL;

-- name: end_alerts
UPDATE alerts SET ended_at = now(),
    cleared_at = CASE WHEN acknowledged_at IS NOT NULL OR priority >= 3 OR quiet THEN now() END,
    cleared_by = CASE WHEN acknowledged_at IS NOT NULL OR priority >= 3 OR quiet THEN '' END
WHERE id = ANY(%(alert_ids)s) AND ended_at IS NULL AND cleared_at IS NULL
  AND NOT EXISTS (SELECT FROM conditions c WHERE c.alert_id = alerts.id)
RETURNING id;

-- name: clear
WITH cleared AS (
    UPDATE alerts SET
        cleared_at = now(), cleared_by = %(by)s, verdict = %(verdict)s,
        acknowledged_at = coalesce(acknowledged_at, now()), acknowledged_by = coalesce(acknowledged_by, %(by)s)
    WHERE id = %(alert_id)s AND cleared_at IS NULL
    RETURNING id
)
INSERT INTO alert_verdicts (alert_id, by, verdict) SELECT id, %(by)s, %(verdict)s FROM cleared;

-- name: reopen
WITH reopened AS (
    UPDATE alerts SET cleared_at = NULL, cleared_by = NULL, verdict = NULL,
        corrected_at = NULL, corrected_by = NULL, corrected_why = NULL
    WHERE id = %(alert_id)s AND cleared_at > now() - %(within)s
    RETURNING id
)
INSERT INTO alert_verdicts (alert_id, by) SELECT id, %(by)s FROM reopened;

-- name: correct
WITH corrected AS (
    UPDATE alerts SET verdict = %(verdict)s, corrected_at = now(), corrected_by = %(by)s, corrected_why = %(why)s
    WHERE id = %(alert_id)s AND cleared_at IS NOT NULL AND verdict IS DISTINCT FROM %(verdict)s
    RETURNING id
)
INSERT INTO alert_verdicts (alert_id, by, verdict, why) SELECT id, %(by)s, %(verdict)s, %(why)s FROM corrected;

-- name: given_verdicts
SELECT at, by, verdict, why FROM alert_verdicts WHERE alert_id = %(alert_id)s ORDER BY at;

-- name: alert
SELECT * FROM alert_views a WHERE id = %(alert_id)s AND (%(scope)s::text[] IS NULL OR EXISTS (
    SELECT FROM within w WHERE w.place = ANY(%(scope)s) AND w.site = a.site
) OR a.site = '' AND EXISTS (
    SELECT FROM alert_sites s JOIN within w USING (site) WHERE s.alert_id = a.id AND w.place = ANY(%(scope)s)
) OR %(narrow)s::text[] IS NOT NULL AND is_narrowly_theirs(a.id, a.site, a.subject, a.condition, %(narrow)s));

-- name: sites_of_alerts
SELECT alert_id, array_agg(site ORDER BY site) AS sites FROM alert_sites WHERE alert_id = ANY(%(alert_ids)s)
GROUP BY alert_id;

-- name: covered_alerts
-- Of alerts that name no site those of which every site lies within the scope.
SELECT s.alert_id FROM alert_sites s JOIN alerts a ON a.id = s.alert_id WHERE s.alert_id = ANY(%(alert_ids)s)
GROUP BY s.alert_id
HAVING bool_and(EXISTS (SELECT FROM within w WHERE w.site = s.site AND w.place = ANY(%(scope)s))
                OR %(narrow)s::text[] IS NOT NULL
                   AND is_narrowly_theirs(a.id, s.site, a.subject, a.condition, %(narrow)s));

-- name: add_sites
INSERT INTO alert_sites (alert_id, site)
SELECT DISTINCT * FROM unnest(%(alert_ids)s::bigint[], %(sites)s::text[]) ORDER BY 1, 2 ON CONFLICT DO NOTHING;

-- name: alerts_of
SELECT * FROM alert_views WHERE id = ANY(%(alert_ids)s) ORDER BY id;

-- name: alerts
SELECT * FROM alert_views a
WHERE (%(scope)s::text[] IS NULL OR EXISTS (
        SELECT FROM within w WHERE w.place = ANY(%(scope)s) AND w.site = a.site
    ) OR a.site = '' AND EXISTS (
        SELECT FROM alert_sites s JOIN within w USING (site) WHERE s.alert_id = a.id AND w.place = ANY(%(scope)s)
    ) OR %(narrow)s::text[] IS NOT NULL AND is_narrowly_theirs(a.id, a.site, a.subject, a.condition, %(narrow)s))
  AND (%(before)s::bigint IS NULL OR id < %(before)s)
  AND (%(open)s::boolean IS NULL OR (cleared_at IS NULL) = %(open)s)
  AND (%(objects)s::text[] IS NULL
       OR subject IN ('line', 'zone') AND coalesce(detail->>'object', 'unknown') = ANY(%(objects)s))
ORDER BY id DESC LIMIT %(limit)s;

-- name: verdicts
SELECT site, agent, camera, name AS line,
       count(*) FILTER (WHERE verdict = 'true')  AS true_alarms,
       count(*) FILTER (WHERE verdict = 'false') AS false_alarms,
       count(*) FILTER (WHERE verdict = 'test')  AS tests,
       count(*) FILTER (WHERE verdict IS NULL)   AS open
FROM alert_views a WHERE subject IN ('line', 'zone')
  AND (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = a.site AND w.place = ANY(%(scope)s))
       OR %(narrow)s::text[] IS NOT NULL AND is_narrowly_theirs(a.id, a.site, a.subject, a.condition, %(narrow)s))
GROUP BY site, agent, camera, name ORDER BY site, agent, camera, name;

-- name: add_deliveries
INSERT INTO deliveries (webhook, alert_id, body)
SELECT * FROM unnest(%(webhooks)s::text[], %(alert_ids)s::bigint[], %(bodies)b::bytea[]);

-- name: add_signals
INSERT INTO inbox (late, form, body) VALUES (false, 'signals', %(body)s);

-- name: note_conditions
-- What comes back before its alert was ended goes on in it, unless an operator has cleared it; what is over before it rang
-- never rings, unless it rings at once. What was said later counts: by its number where the same lane of a box said both.
INSERT INTO conditions AS c (subject, site, agent, camera, name, condition, active, since, told_at, due_at, told_producer,
                             told_lane, told_seq, priority, detail)
SELECT subject, site, agent, camera, name, condition, active, at, at, CASE WHEN active THEN due_at END, told_producer,
       told_lane, told_seq, priority, detail::jsonb
FROM unnest(%(subject)s::text[], %(site)s::text[], %(agent)s::text[], %(camera)s::text[], %(name)s::text[],
            %(condition)s::text[], %(active)s::boolean[], %(at)s::timestamptz[], %(due_at)s::timestamptz[],
            %(told_producer)s::int[], %(told_lane)s::smallint[], %(told_seq)s::bigint[], %(priority)s::smallint[],
            %(detail)s::text[])
    AS said (subject, site, agent, camera, name, condition, active, at, due_at, told_producer, told_lane, told_seq,
             priority, detail)
-- One box does not fill the table with names that it makes up.
WHERE EXISTS (
    SELECT FROM conditions k WHERE (k.subject, k.site, k.agent, k.camera, k.name, k.condition)
        = (said.subject, said.site, said.agent, said.camera, said.name, said.condition)
) OR (SELECT count(*) FROM (
    SELECT FROM conditions k WHERE (k.subject, k.site, k.agent) = (said.subject, said.site, said.agent) LIMIT 3000
) others) < 3000
ON CONFLICT (subject, site, agent, camera, name, condition) DO NOTHING;

-- name: renew_conditions
WITH said AS (
    SELECT * FROM unnest(%(subject)s::text[], %(site)s::text[], %(agent)s::text[], %(camera)s::text[], %(name)s::text[],
            %(condition)s::text[], %(active)s::boolean[], %(at)s::timestamptz[], %(due_at)s::timestamptz[],
            %(at_once)s::boolean[], %(told_producer)s::int[], %(told_lane)s::smallint[], %(told_seq)s::bigint[],
            %(priority)s::smallint[], %(detail)s::text[])
    AS said (subject, site, agent, camera, name, condition, active, at, due_at, at_once, told_producer, told_lane, told_seq,
             priority, detail)
), newer AS (
    -- A heartbeat says that something is so, and no more: it takes nothing from the event that said what, and that event
    -- counts though the heartbeat was heard first.
    SELECT s.*, a.cleared_at IS NOT NULL AND NOT c.active AS done_with,
           s.active AND c.active AND s.told_producer IS NULL AND c.told_producer IS NOT NULL AS says_less FROM said s
    JOIN conditions c USING (subject, site, agent, camera, name, condition) LEFT JOIN alerts a ON a.id = c.alert_id
    WHERE CASE WHEN (s.told_producer, s.told_lane) = (c.told_producer, c.told_lane) THEN s.told_seq > c.told_seq
               ELSE s.at >= c.told_at
                    OR (s.active AND c.active AND s.told_producer IS NOT NULL AND c.told_producer IS NULL) END
)
UPDATE conditions c SET
    active = n.active,
    since = CASE
        WHEN c.active = n.active OR (c.active AND c.alert_id IS NULL AND n.at_once AND c.due_at IS NOT NULL) THEN c.since
        ELSE n.at
    END,
    told_at = greatest(c.told_at, n.at),
    told_producer = CASE WHEN n.says_less THEN c.told_producer ELSE n.told_producer END,
    told_lane = CASE WHEN n.says_less THEN c.told_lane ELSE n.told_lane END,
    told_seq = CASE WHEN n.says_less THEN c.told_seq ELSE n.told_seq END,
    alert_id = CASE WHEN n.active AND n.done_with THEN NULL ELSE c.alert_id END,
    due_at = CASE
        WHEN n.active AND c.alert_id IS NOT NULL AND NOT n.done_with THEN NULL
        WHEN n.active AND (c.active OR n.at_once) AND c.due_at IS NOT NULL THEN c.due_at
        WHEN n.active AND c.active THEN NULL
        WHEN n.active THEN n.due_at
        WHEN c.alert_id IS NULL THEN CASE WHEN n.at_once THEN c.due_at END
        WHEN NOT c.active THEN c.due_at
        ELSE n.due_at
    END,
    priority = CASE WHEN n.active THEN n.priority ELSE c.priority END,
    detail = CASE WHEN n.active AND NOT n.says_less THEN n.detail::jsonb ELSE c.detail END
FROM newer n
WHERE (c.subject, c.site, c.agent, c.camera, c.name, c.condition) = (n.subject, n.site, n.agent, n.camera, n.name, n.condition);

-- name: any_due
SELECT EXISTS (SELECT FROM conditions WHERE due_at <= now()) AS due;

-- name: take_due
-- `maintenance`: why it is worked on. `others`: what else, but for what is worked on, came to have the same condition within
-- two minutes of it; `others_here`: at the same site. `cause_…`: what its box hangs on together with others, where nearly
-- all of those have it too; of several the one that explains most. `undecided`: some of those have it, and are told one after
-- another, as their heartbeats fail to come.
WITH due AS MATERIALIZED (
    SELECT subject, site, agent, camera, name, condition, active, since, priority, detail, alert_id, told_producer,
           told_lane, told_seq, due_at
    FROM conditions WHERE due_at <= now()
    ORDER BY due_at, subject, site, agent, camera, name, condition LIMIT %(limit)s FOR UPDATE
)
SELECT c.*, (
    SELECT w.reason FROM worked_on w
    WHERE w.site = c.site AND w.agent IN ('', c.agent) AND w.camera IN ('', c.camera) ORDER BY w.id LIMIT 1
) AS maintenance, others.everywhere AS others, others.here AS others_here,
       cause.kind AS cause_kind, cause.name AS cause_name, cause.site AS cause_site, cause.ailing AS cause_ailing,
       coalesce(cause.nearly_all, false) AS nearly_all,
       c.subject = 'box' AND c.alert_id IS NULL AND c.since > now() - %(patience)s::interval
           AND coalesce(NOT cause.nearly_all, false) AS undecided
FROM due c CROSS JOIN LATERAL (
    SELECT count(*) - 1 AS everywhere, count(*) FILTER (WHERE o.site = c.site) - 1 AS here FROM conditions o
    WHERE o.active AND (o.subject, o.condition) = (c.subject, c.condition)
      AND o.since BETWEEN c.since - interval '2 minutes' AND c.since + interval '2 minutes'
      AND NOT EXISTS (SELECT FROM worked_on w WHERE w.site = o.site AND w.agent IN ('', o.agent) AND w.camera IN ('', o.camera))
) others
LEFT JOIN LATERAL (
    SELECT mine.kind, mine.name, CASE WHEN mine.kind = 'segment' THEN '' ELSE mine.site END AS site, together.ailing,
           together.ailing * 5 >= together.boxes * 4 AS nearly_all
    FROM box_groups mine CROSS JOIN LATERAL (
        SELECT count(*) AS boxes, count(*) FILTER (WHERE EXISTS (
            SELECT FROM conditions o
            WHERE o.active AND (o.subject, o.condition, o.site, o.agent) = (c.subject, c.condition, b.site, b.agent)
              AND o.since BETWEEN c.since - interval '2 minutes' AND c.since + interval '2 minutes'
        )) AS ailing
        FROM box_groups b JOIN agents a USING (site, agent)
        WHERE (b.kind, b.name) = (mine.kind, mine.name) AND (mine.kind = 'segment' OR b.site = mine.site)
          AND NOT EXISTS (SELECT FROM worked_on w WHERE w.site = b.site AND w.agent IN ('', b.agent) AND w.camera = '')
    ) together
    WHERE (mine.site, mine.agent) = (c.site, c.agent) AND together.ailing > 1
    ORDER BY together.ailing * 5 >= together.boxes * 4 DESC, together.ailing DESC, array_position(ARRAY['power', 'switch', 'segment'], mine.kind) LIMIT 1
) cause ON c.active
ORDER BY due_at, subject, site, agent, camera, name, condition;

-- name: wait_for_others
UPDATE conditions SET due_at = now() + interval '5 s'
WHERE (subject, site, agent, camera, name, condition)
    = (%(subject)s, %(site)s, %(agent)s, %(camera)s, %(name)s, %(condition)s);

-- name: forget_alert
UPDATE conditions SET due_at = NULL, alert_id = CASE WHEN active THEN alert_id END
WHERE (subject, site, agent, camera, name, condition)
    = (%(subject)s, %(site)s, %(agent)s, %(camera)s, %(name)s, %(condition)s);

-- name: rang
-- What was over before it rang has an end, too.
UPDATE conditions c SET alert_id = rung.alert_id,
    due_at = CASE WHEN NOT active THEN now() + rung.ends_after_s * interval '1 s' END
FROM unnest(%(subject)s::text[], %(site)s::text[], %(agent)s::text[], %(camera)s::text[], %(name)s::text[],
            %(condition)s::text[], %(ends_after_s)s::double precision[], %(alert_ids)s::bigint[])
    AS rung (subject, site, agent, camera, name, condition, ends_after_s, alert_id)
WHERE (c.subject, c.site, c.agent, c.camera, c.name, c.condition)
    = (rung.subject, rung.site, rung.agent, rung.camera, rung.name, rung.condition);

-- name: add_origins
-- What they were read from: its pictures are the alerts'.
-- Not of one that is of many: who may see a camera of it may not see all of theirs.
INSERT INTO alert_origins (producer_id, lane, seq, alert_id)
SELECT producer_id, lane, seq, alert_id
FROM unnest(%(producer_ids)s::int[], %(lanes)s::smallint[], %(seqs)s::bigint[], %(alert_ids)s::bigint[])
    AS told (producer_id, lane, seq, alert_id)
JOIN alerts a ON a.id = told.alert_id AND a.agent <> ''
ON CONFLICT DO NOTHING RETURNING producer_id, lane, seq, alert_id;

-- name: any_quiet
SELECT EXISTS (SELECT FROM conditions c JOIN alerts a ON a.id = c.alert_id WHERE a.quiet) AS quiet;

-- name: subjects_of_alert
SELECT subject, site, agent, camera, name, active, since, detail FROM conditions c
WHERE alert_id = %(alert_id)s AND (%(scope)s::text[] IS NULL OR EXISTS (
    SELECT FROM within w WHERE w.site = c.site AND w.place = ANY(%(scope)s)
))
ORDER BY site, agent, camera, name LIMIT %(limit)s;

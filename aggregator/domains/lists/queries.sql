-- name: draw
INSERT INTO lists (kind, title, purpose, case_number, place, priority, instructions, ends_at, drawn_by)
VALUES (%(kind)s, %(title)s, %(purpose)s, %(case_number)s, %(place)s, %(priority)s, %(instructions)s, %(ends_at)s, %(by)s)
RETURNING number;

-- name: lock
SELECT state, kind, place, version, ends_at, ends_at <= now() AS expired, ends_at - now() > %(long)s AS long
FROM lists WHERE number = %(number)s FOR UPDATE;

-- name: note_hand
INSERT INTO list_hands (list, who, themselves) VALUES (%(number)s, %(who)s, %(themselves)s)
ON CONFLICT (list, who) DO UPDATE SET themselves = list_hands.themselves OR excluded.themselves;

-- name: hands
SELECT who, themselves FROM list_hands WHERE list = %(number)s ORDER BY who;

-- name: forget_entries
WITH hashed AS (DELETE FROM list_hashed WHERE list = %(number)s)
DELETE FROM list_entries WHERE list = %(number)s;

-- name: add_entries
INSERT INTO list_entries (list, entry, sealed)
SELECT %(number)s, entry, sealed FROM unnest(%(entries)s::int[], %(sealed)s::bytea[]) AS e (entry, sealed);

-- name: entries
SELECT entry, sealed FROM list_entries WHERE list = %(number)s AND (%(entry)s::int IS NULL OR entry = %(entry)s) ORDER BY entry;

-- name: entry
SELECT e.sealed FROM list_entries e JOIN lists_in_force l ON l.number = e.list
WHERE (e.list, e.entry, l.version) = (%(number)s, %(entry)s, %(version)s);

-- name: count_entries
SELECT count(*) AS n FROM list_entries WHERE list = %(number)s;

-- name: redraw
-- What was refused may be mended, and is a draft again.
UPDATE lists SET state = 'draft', version = version + 1, decided_by = NULL, decided_at = NULL, why = ''
WHERE number = %(number)s;

-- name: submit
UPDATE lists SET state = 'submitted', submitted_at = now() WHERE number = %(number)s;

-- name: decide
UPDATE lists SET state = %(state)s, decided_by = %(by)s, decided_at = now(), why = %(why)s WHERE number = %(number)s;

-- name: withdraw
UPDATE lists SET state = 'withdrawn', over_at = now(), why = %(why)s WHERE number = %(number)s;

-- name: lists
-- Those of a scope, the newest first; one that has ended says so, whatever it was.
SELECT l.number, l.kind, l.title, l.purpose, l.case_number, l.place, l.priority, l.instructions, l.ends_at, l.version,
       CASE WHEN l.state NOT IN ('withdrawn', 'lapsed') AND l.ends_at <= now() THEN 'expired' ELSE l.state END AS state,
       l.drawn_by, l.drawn_at, l.submitted_at, l.decided_by, l.decided_at, l.why,
       (SELECT count(*) FROM list_entries e WHERE e.list = l.number) AS entries
FROM lists l
WHERE (l.number = %(number)s OR (%(number)s::bigint IS NULL AND l.kind <> 'cordon'))
  AND (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = l.place AND w.place = ANY(%(scope)s)))
  AND (%(over)s OR (l.state NOT IN ('withdrawn', 'lapsed') AND l.ends_at > now()))
ORDER BY l.number DESC LIMIT %(limit)s;

-- name: end_entries
-- What is withdrawn or has ended keeps no plate; the list itself stays for as long as the audit does. The plate of a
-- cordon goes when that it is over was written down: it may have to be barred.
WITH over AS (
    UPDATE lists SET over_at = coalesce(over_at, now())
    WHERE (state IN ('withdrawn', 'lapsed') OR ends_at <= now())
      AND NOT EXISTS (SELECT FROM cordons c WHERE c.list = lists.number AND NOT c.told)
      AND EXISTS (SELECT FROM list_entries e WHERE e.list = lists.number)
    RETURNING number
)
DELETE FROM list_entries e USING over WHERE e.list = over.number;

-- name: old_days_of_lists
SELECT DISTINCT (greatest(over_at, ends_at) AT TIME ZONE 'UTC')::date AS day FROM lists
WHERE greatest(over_at, ends_at) < %(before)s::date::timestamptz AND ends_at <= now() ORDER BY day;

-- name: drop_day_of_lists
DELETE FROM lists
WHERE greatest(over_at, ends_at) >= %(day)s::date::timestamptz
  AND greatest(over_at, ends_at) < (%(day)s::date + 1)::timestamptz AND ends_at <= now();

-- name: unhashed
-- Entries that have no hash under a secret yet, those of short lists first: what is urgent is short. A list's length is
-- counted once, and not with each of its entries.
WITH open AS MATERIALIZED (
    SELECT l.number, (SELECT count(*) FROM list_entries e WHERE e.list = l.number) AS long
    FROM lists l
    WHERE l.state IN ('submitted', 'approved', 'unconfirmed') AND l.ends_at > now()
      AND l.number <> ALL(%(unreadable)s::bigint[])
      AND NOT EXISTS (SELECT FROM list_hashed d WHERE (d.list, d.under) = (l.number, %(under)s))
)
SELECT e.list, e.entry, e.sealed FROM open o JOIN list_entries e ON e.list = o.number
WHERE NOT EXISTS (SELECT FROM list_hashes h WHERE (h.list, h.entry, h.under) = (e.list, e.entry, %(under)s))
ORDER BY o.long, e.list, e.entry LIMIT %(limit)s;

-- name: add_hashes
-- One that was forgotten while it was hashed stays so, and one that was replaced is not what was hashed.
INSERT INTO list_hashes (list, entry, under, slow)
SELECT n.list, n.entry, %(under)s, n.slow
FROM unnest(%(lists)s::bigint[], %(entries)s::int[], %(sealed)s::bytea[], %(slow)s::bytea[]) AS n (list, entry, sealed, slow)
JOIN list_entries e ON (e.list, e.entry, e.sealed) = (n.list, n.entry, n.sealed)
ORDER BY n.list, n.entry
ON CONFLICT DO NOTHING;

-- name: note_hashed
INSERT INTO list_hashed (list, under)
SELECT l.number, %(under)s FROM lists l
WHERE l.state IN ('submitted', 'approved', 'unconfirmed') AND l.ends_at > now()
  AND NOT EXISTS (SELECT FROM list_hashed d WHERE (d.list, d.under) = (l.number, %(under)s))
  AND EXISTS (SELECT FROM list_entries e WHERE e.list = l.number)
  AND NOT EXISTS (
      SELECT FROM list_entries e WHERE e.list = l.number
        AND NOT EXISTS (SELECT FROM list_hashes h WHERE (h.list, h.entry, h.under) = (e.list, e.entry, %(under)s)))
ON CONFLICT DO NOTHING;

-- name: is_behind
SELECT EXISTS (
    SELECT FROM lists_in_force l
    WHERE l.number <> ALL(%(unreadable)s::bigint[])
      AND EXISTS (SELECT FROM list_hashed d WHERE (d.list, d.under) = (l.number, %(last)s))
      AND NOT EXISTS (SELECT FROM list_hashed d WHERE (d.list, d.under) = (l.number, %(under)s))
) AS behind;

-- name: forget_hashes
WITH gone AS (DELETE FROM list_hashed WHERE under <> ALL(%(unders)s::bytea[]) RETURNING list)
DELETE FROM list_hashes WHERE under <> ALL(%(unders)s::bytea[]);

-- name: lists_of_boxes
-- Of each box that has lanes, and of those that had: what it was asked to hold last, and what is in force there now. A
-- site that no plan has put anywhere is a place, too.
WITH box AS (
    SELECT DISTINCT n.site, n.agent, true AS has_lanes
    FROM newest_configurations n JOIN config_lines l USING (producer_id, revision) WHERE l.rule = %(rule)s
)
SELECT site, agent, coalesce(w.content, '') AS told, coalesce(here.lists, '[]') AS lists
FROM box FULL JOIN box_watchlists w USING (site, agent)
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('number', l.number, 'version', l.version, 'kind', l.kind, 'priority', l.priority,
                                        'until_at', l.until_at) ORDER BY l.number) AS lists
    FROM lists_in_force l
    WHERE box.has_lanes AND EXISTS (SELECT FROM list_hashed d WHERE (d.list, d.under) = (l.number, %(under)s))
      AND CASE WHEN l.is_cordon
          THEN EXISTS (SELECT FROM cordon_boxes b WHERE (b.list, b.site, b.agent) = (l.number, box.site, box.agent))
          ELSE l.place = box.site OR EXISTS (SELECT FROM within i WHERE (i.site, i.place) = (box.site, l.place)) END
) here ORDER BY site, agent;

-- name: note_watchlist
-- Before the box is asked for it: what it has answered for until now is what it holds.
INSERT INTO box_watchlists (site, agent, content, month, lists)
VALUES (%(site)s, %(agent)s, %(content)s, %(month)s, %(lists)s)
ON CONFLICT (site, agent) DO UPDATE SET content = excluded.content, month = excluded.month, lists = excluded.lists,
    (held, held_of, held_version) = (SELECT CASE WHEN b.answered THEN b.lists ELSE b.held END,
                                            CASE WHEN b.answered THEN b.wanted_at ELSE b.held_of END,
                                            CASE WHEN b.answered THEN b.version ELSE b.held_version END
                       FROM watchlists_at_boxes b WHERE (b.site, b.agent) = (excluded.site, excluded.agent));

-- name: watchlist
SELECT content, month, lists FROM box_watchlists WHERE (site, agent) = (%(site)s, %(agent)s);

-- name: hashes
SELECT l.number AS list, l.version, CASE l.kind WHEN 'known' THEN 0 ELSE l.priority END AS priority, l.until_at, h.entry, h.slow
FROM lists_in_force l JOIN list_hashes h ON h.list = l.number AND h.under = %(under)s
WHERE l.number = ANY(%(lists)s::bigint[])
ORDER BY l.number, h.entry;

-- name: still_in_force
SELECT number FROM lists_in_force WHERE number = ANY(%(lists)s::bigint[]);

-- name: boxes_of_list
-- Boxes with lanes where a list is in force, or was, and whether each has said that it holds it, or that it does no more.
SELECT b.site, b.agent, coalesce(a.state, 'unknown') AS box_state,
       CASE WHEN w.refuses THEN 'refused'
            WHEN l.in_force AND l.number = ANY(w.lists) AND (w.answered OR w.holds_on AND l.number = ANY(w.held) AND w.held_of >= l.decided_at)
            THEN 'held'
            WHEN NOT l.in_force AND (w.site IS NULL OR w.answered AND l.number <> ALL(w.lists)) THEN 'released'
            ELSE 'waiting' END AS state,
       CASE WHEN w.refuses THEN w.error ELSE '' END AS error
FROM (SELECT DISTINCT n.site, n.agent FROM newest_configurations n JOIN config_lines l USING (producer_id, revision)
      WHERE l.rule = %(rule)s) b
JOIN (SELECT *, number IN (SELECT number FROM lists_in_force) AS in_force FROM lists) l ON l.number = %(number)s
    AND (l.place = b.site OR EXISTS (SELECT FROM within i WHERE (i.site, i.place) = (b.site, l.place)))
LEFT JOIN agents a USING (site, agent)
LEFT JOIN watchlists_at_boxes w USING (site, agent)
WHERE (l.in_force OR (l.over_at IS NOT NULL AND l.decided_at IS NOT NULL))
  AND (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within i WHERE i.site = b.site AND i.place = ANY(%(scope)s)))
ORDER BY b.site, b.agent;

-- name: hit_lists
-- One that was refused again, or is drawn up anew, is over since then.
SELECT number, version, title, case_number, instructions, state = 'lapsed' AS lapsed,
       CASE WHEN state IN ('approved', 'unconfirmed') THEN least(over_at, ends_at)
            ELSE coalesce(over_at, decided_at, drawn_at) END AS over_at
FROM lists WHERE number = ANY(%(numbers)s::bigint[]);

-- name: checkpoint_boxes
-- Boxes with lanes of a scope, where they stand, and what they lie in, the narrowest first.
SELECT b.site, b.agent, p.latitude, p.longitude, p.road, p.road_km,
       ARRAY(SELECT w.place FROM within w WHERE w.site = b.site AND w.place <> b.site
             ORDER BY (SELECT count(*) FROM within x WHERE x.place = w.place), w.place) AS above
FROM (SELECT DISTINCT n.site, n.agent FROM newest_configurations n JOIN config_lines l USING (producer_id, revision)
      WHERE l.rule = %(rule)s) b
LEFT JOIN checkpoint_positions p USING (site, agent)
WHERE %(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within i WHERE i.site = b.site AND i.place = ANY(%(scope)s))
ORDER BY b.site, b.agent;

-- name: above
-- What a place lies in, the narrowest first.
SELECT w.place FROM within w WHERE w.site = %(place)s AND w.place <> %(place)s
ORDER BY (SELECT count(*) FROM within x WHERE x.place = w.place), w.place;

-- name: one_at_a_time
-- The two cannot wait for each other: persons first.
SELECT pg_advisory_xact_lock(4217009, hashtext(%(who)s)), pg_advisory_xact_lock(4217010, hashtext(%(mark)s::bytea::text));

-- name: unconfirmed_of
-- Cordons of a person in the last day that nobody has confirmed, or not yet.
SELECT count(*) AS n FROM lists l WHERE l.kind = 'cordon' AND l.drawn_by = %(who)s
  AND l.drawn_at > now() - interval '24 hours' AND l.state IN ('unconfirmed', 'lapsed');

-- name: is_barred
SELECT EXISTS (SELECT FROM cordon_bars WHERE mark = %(mark)s AND until > now()) OR EXISTS (
    SELECT FROM cordons c JOIN lists l ON l.number = c.list
    WHERE c.mark = %(mark)s AND l.state IN ('unconfirmed', 'lapsed')
) AS barred;

-- name: bar
WITH over AS (DELETE FROM cordon_bars WHERE until <= now())
INSERT INTO cordon_bars (mark, until) VALUES (%(mark)s, now() + interval '24 hours')
ON CONFLICT (mark) DO UPDATE SET until = excluded.until;

-- name: start_cordon
WITH made AS (
    INSERT INTO lists (kind, title, purpose, case_number, place, priority, instructions, ends_at, drawn_by, state, submitted_at)
    VALUES ('cordon', %(title)s, %(purpose)s, %(case_number)s, %(site)s, %(priority)s, %(instructions)s,
            now() + make_interval(secs => %(lasts_s)s), %(by)s, 'unconfirmed', now())
    RETURNING number
), cordon AS (
    INSERT INTO cordons (list, site, confirm_by, mark)
    SELECT number, %(site)s, now() + make_interval(secs => %(confirm_s)s), %(mark)s FROM made RETURNING list
)
SELECT list FROM cordon;

-- name: add_cordon_boxes
INSERT INTO cordon_boxes (list, site, agent, rank, km)
SELECT %(list)s, * FROM unnest(%(sites)s::text[], %(agents)s::text[], %(ranks)s::int[], %(kms)s::real[]);

-- name: cordons
-- Those of a scope, the newest first; armed where its box is there and has said that it holds it, released where it holds
-- it no more.
SELECT l.number, l.title, l.purpose, l.case_number, l.instructions, l.priority, c.site, l.ends_at, c.confirm_by,
       CASE WHEN l.state IN ('approved', 'unconfirmed') AND (l.ends_at <= now() OR (l.state = 'unconfirmed' AND c.confirm_by <= now()))
            THEN CASE l.state WHEN 'approved' THEN 'expired' ELSE 'lapsed' END ELSE l.state END AS state,
       l.drawn_by AS started_by, l.drawn_at AS started_at, l.decided_by AS confirmed_by, l.decided_at AS confirmed_at, l.why,
       (SELECT count(*) FROM cordon_boxes b WHERE b.list = l.number) AS taking,
       coalesce(b.boxes, '[]') AS boxes
FROM lists l JOIN cordons c ON c.list = l.number
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('site', b.site, 'agent', b.agent, 'rank', b.rank, 'km', b.km,
               'box_state', coalesce(a.state, 'unknown'), 'error', CASE WHEN w.refuses THEN w.error ELSE '' END,
               'state', CASE WHEN w.refuses THEN 'refused'
                             WHEN f.number IS NOT NULL AND a.state = 'online' AND l.number = ANY(w.lists)
                                 AND (w.answered OR w.holds_on AND l.number = ANY(w.held)
                                     -- Until it was confirmed it was sent with an earlier end.
                                     AND (w.held_of >= l.decided_at OR c.confirm_by > now()))
                             THEN 'armed'
                             WHEN f.number IS NULL AND (w.site IS NULL OR w.answered AND l.number <> ALL(w.lists)) THEN 'released'
                             ELSE 'waiting' END) ORDER BY b.rank) AS boxes
    FROM cordon_boxes b
    LEFT JOIN agents a USING (site, agent)
    LEFT JOIN watchlists_at_boxes w USING (site, agent)
    LEFT JOIN lists_in_force f ON f.number = l.number
    WHERE b.list = l.number
      AND (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within i WHERE i.site = b.site AND i.place = ANY(%(scope)s)))
) b
WHERE (%(number)s::bigint IS NULL OR l.number = %(number)s)
  AND (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within i WHERE i.site = c.site AND i.place = ANY(%(scope)s)))
  AND (%(over)s OR l.number IN (SELECT number FROM lists_in_force))
ORDER BY l.number DESC LIMIT %(limit)s;

-- name: reaches_further
-- Whether any of its checkpoints lies outside a scope.
SELECT EXISTS (
    SELECT FROM cordon_boxes b WHERE b.list = %(number)s AND %(scope)s::text[] IS NOT NULL
      AND NOT EXISTS (SELECT FROM within i WHERE i.site = b.site AND i.place = ANY(%(scope)s))
) AS further;

-- name: lapse
UPDATE lists SET state = 'lapsed', over_at = now(), why = %(why)s WHERE number = %(number)s AND state = 'unconfirmed';

-- name: untold_cordons
-- Those that are over, and of which that is not written down yet: ended by somebody, by their time, or never confirmed.
SELECT l.number, l.state, l.drawn_by, l.why, c.site,
       c.mark, l.state IN ('lapsed', 'unconfirmed') AS lapsed
FROM lists l JOIN cordons c ON c.list = l.number
WHERE NOT c.told AND l.number NOT IN (SELECT number FROM lists_in_force) ORDER BY l.number FOR UPDATE OF c;

-- name: told_cordon
UPDATE cordons SET told = true, mark = NULL WHERE list = %(number)s;

-- name: lapsed_since
-- Of these hits may still come, from boxes that were cut off: for as long as days are not compressed.
SELECT l.number, l.drawn_at FROM lists l WHERE l.kind = 'cordon' AND l.state = 'lapsed' AND l.drawn_at > now() - interval '3 days';

-- name: hits_since
-- The number of their kind stands here, so that their own small index is used.
SELECT producer_id, lane, seq, event_at, body FROM events WHERE kind = 7 AND event_at >= %(since)s;

-- name: note_forgotten
INSERT INTO forgotten_hits (producer_id, lane, seq)
SELECT * FROM unnest(%(producers)s::int[], %(lanes)s::smallint[], %(seqs)s::bigint[]) ON CONFLICT DO NOTHING;

-- name: pictures_of_forgotten
SELECT DISTINCT o.sha256 FROM evidence_of o JOIN forgotten_hits h USING (producer_id, lane, seq) ORDER BY o.sha256;

-- name: forget_members
-- Of an alert that several lists or lines share, the hit alone goes.
WITH gone AS (
    DELETE FROM alert_members m USING forgotten_hits h
    WHERE (m.producer_id, m.lane, m.seq) = (h.producer_id, h.lane, h.seq) RETURNING m.producer_id, m.lane
)
UPDATE cursors SET alarms_forgotten = alarms_forgotten + found.number
FROM (SELECT producer_id, lane, count(*) AS number FROM gone GROUP BY producer_id, lane) found
WHERE (cursors.producer_id, cursors.lane) = (found.producer_id, found.lane);

-- name: forget_forgotten
DELETE FROM forgotten_hits WHERE at < now() - interval '30 days';

-- name: alerts_of_lists
SELECT id FROM alerts WHERE condition = 'list_hit' AND (detail ->> 'list')::bigint = ANY(%(lists)s::bigint[]) ORDER BY id;

-- name: close_alerts
UPDATE alerts SET cleared_at = now(), ended_at = coalesce(ended_at, now()) WHERE id = ANY(%(alerts)s::bigint[])
  AND cleared_at IS NULL RETURNING id;

-- name: forget_alerts
WITH mail AS (DELETE FROM deliveries WHERE alert_id = ANY(%(alerts)s::bigint[])),
members AS (
    DELETE FROM alert_members WHERE alert_id = ANY(%(alerts)s::bigint[]) RETURNING producer_id, lane
), of_lanes AS (
    UPDATE cursors SET alarms_forgotten = alarms_forgotten + found.number
    FROM (SELECT producer_id, lane, count(*) AS number FROM members GROUP BY producer_id, lane) found
    WHERE (cursors.producer_id, cursors.lane) = (found.producer_id, found.lane)
)
DELETE FROM alerts WHERE id = ANY(%(alerts)s::bigint[]);

-- name: forget_hits
DELETE FROM events e USING unnest(%(producers)s::int[], %(lanes)s::smallint[], %(seqs)s::bigint[], %(ats)s::timestamptz[])
    AS h (producer_id, lane, seq, event_at)
WHERE (e.producer_id, e.lane, e.seq, e.event_at) = (h.producer_id, h.lane, h.seq, h.event_at)
  AND e.event_at BETWEEN %(first)s AND %(last)s;

-- name: draw
INSERT INTO lists (kind, title, purpose, case_number, place, priority, instructions, ends_at, drawn_by)
VALUES (%(kind)s, %(title)s, %(purpose)s, %(case_number)s, %(place)s, %(priority)s, %(instructions)s, %(ends_at)s, %(by)s)
RETURNING number;

-- name: lock
SELECT state, place, version, ends_at, ends_at <= now() AS expired, ends_at - now() > %(long)s AS long
FROM lists WHERE number = %(number)s FOR UPDATE;

-- name: note_hand
INSERT INTO list_hands (list, who, themselves) VALUES (%(number)s, %(who)s, %(themselves)s)
ON CONFLICT (list, who) DO UPDATE SET themselves = list_hands.themselves OR excluded.themselves;

-- name: hands
SELECT who, themselves FROM list_hands WHERE list = %(number)s ORDER BY who;

-- name: forget_entries
DELETE FROM list_entries WHERE list = %(number)s;

-- name: add_entries
INSERT INTO list_entries (list, entry, sealed)
SELECT %(number)s, entry, sealed FROM unnest(%(entries)s::int[], %(sealed)s::bytea[]) AS e (entry, sealed);

-- name: entries
SELECT entry, sealed FROM list_entries WHERE list = %(number)s ORDER BY entry;

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
       CASE WHEN l.state <> 'withdrawn' AND l.ends_at <= now() THEN 'expired' ELSE l.state END AS state,
       l.drawn_by, l.drawn_at, l.submitted_at, l.decided_by, l.decided_at, l.why,
       (SELECT count(*) FROM list_entries e WHERE e.list = l.number) AS entries
FROM lists l
WHERE (%(number)s::bigint IS NULL OR l.number = %(number)s)
  AND (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = l.place AND w.place = ANY(%(scope)s)))
  AND (%(over)s OR (l.state <> 'withdrawn' AND l.ends_at > now()))
ORDER BY l.number DESC LIMIT %(limit)s;

-- name: end_entries
-- What is withdrawn or has ended keeps no plate; the list itself stays for as long as the audit does.
WITH over AS (
    UPDATE lists SET over_at = coalesce(over_at, now())
    WHERE (state = 'withdrawn' OR ends_at <= now())
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

-- name: add_producer
INSERT INTO producers (site, agent, epoch) VALUES (%(site)s, %(agent)s, %(epoch)s)
ON CONFLICT (site, agent, epoch) DO NOTHING;

-- name: producer_id
SELECT id FROM producers WHERE site = %(site)s AND agent = %(agent)s AND epoch = %(epoch)s;

-- name: add_cursor
INSERT INTO cursors (producer_id, lane) VALUES (%(producer_id)s, %(lane)s) ON CONFLICT DO NOTHING;

-- name: lock_cursors
-- In one order everywhere, so that two workers never wait for each other.
SELECT producer_id, lane, contiguous, above::text, missing::text, checked_to
FROM cursors
WHERE (producer_id, lane) IN (SELECT * FROM unnest(%(producer_ids)s::int[], %(lanes)s::smallint[]))
ORDER BY producer_id, lane
FOR UPDATE;

-- name: checksums
SELECT checksums FROM cursors WHERE (producer_id, lane) = (%(producer_id)s, %(lane)s);

-- name: save_cursors
UPDATE cursors SET
    contiguous = new.contiguous,
    above      = new.above::int8multirange,
    missing    = new.missing::int8multirange,
    checked_to = new.checked_to,
    checksums  = overlay(overlay(cursors.checksums PLACING new.piece FROM new.place + 1) PLACING new.rest FROM 1),
    stored     = cursors.stored + new.stored,
    alarms     = cursors.alarms + new.alarms,
    updated_at = now()
FROM unnest(%(producer_ids)s::int[], %(lanes)s::smallint[], %(contiguous)s::bigint[],
            %(above)s::text[], %(missing)s::text[], %(checked_to)s::bigint[], %(places)s::int[], %(pieces)s::bytea[],
            %(rests)s::bytea[], %(stored)s::bigint[], %(alarms)s::bigint[])
     AS new (producer_id, lane, contiguous, above, missing, checked_to, place, piece, rest, stored, alarms)
WHERE (cursors.producer_id, cursors.lane) = (new.producer_id, new.lane);

-- name: add_stored
UPDATE cursors SET stored = stored + %(stored)s, alarms = alarms + %(alarms)s
WHERE (producer_id, lane) = (%(producer_id)s, %(lane)s);

-- name: copy_events
COPY events (event_at, device_at, recv_at, producer_id, seq, crc, lane, kind, time_quality, revision, line, camera, priority, object, body)
FROM STDIN (FORMAT BINARY);

-- name: make_days
SELECT make_days(%(days)s);

-- name: add_inbox
INSERT INTO inbox (late, box, body)
SELECT * FROM unnest(%(lates)s::boolean[], %(boxes)s::text[], %(bodies)s::bytea[]);

-- name: add_inbox_of_one
-- Of one box: beside what it has waiting in rows of its own, else with the others.
INSERT INTO inbox (late, box, body)
SELECT late, CASE WHEN EXISTS (SELECT FROM inbox i WHERE i.box <> '' AND i.box = %(box)s) THEN %(box)s ELSE '' END, body
FROM unnest(%(lates)s::boolean[], %(bodies)s::bytea[]) AS new (late, body);

-- name: boxes_in_inbox
SELECT DISTINCT box FROM inbox WHERE box <> '' AND box = ANY(%(boxes)s::text[]);

-- name: add_dead_letters
INSERT INTO dead_letters (recv_at, topic, reason, detail, payload, producer_id, lane, numbers)
SELECT recv_at, topic, reason, detail, payload, producer_id, lane, numbers::int8multirange
FROM unnest(%(recv_ats)s::timestamptz[], %(topics)s::text[], %(reasons)s::text[], %(details)s::text[],
            %(payloads)s::bytea[], %(producer_ids)s::int[], %(lanes)s::smallint[], %(numbers)s::text[])
    AS letter (recv_at, topic, reason, detail, payload, producer_id, lane, numbers);

-- name: lock_dead_letter
SELECT topic, payload, recv_at, numbers::text, reason FROM dead_letters WHERE id = %(id)s FOR UPDATE;

-- name: shrink_dead_letter
UPDATE dead_letters SET numbers = %(numbers)s::text::int8multirange WHERE id = %(id)s;

-- name: delete_dead_letter
DELETE FROM dead_letters WHERE id = %(id)s;

-- name: add_gaps
INSERT INTO gaps (producer_id, lane, first, last, reason)
SELECT * FROM unnest(%(producer_ids)s::int[], %(lanes)s::smallint[], %(firsts)s::bigint[], %(lasts)s::bigint[],
                     %(reasons)s::text[]);

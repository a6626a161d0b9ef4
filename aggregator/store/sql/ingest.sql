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
COPY events (event_at, device_at, recv_at, producer_id, seq, crc, lane, kind, time_quality, revision, line, camera, priority, body)
FROM STDIN (FORMAT BINARY);

-- name: make_days
SELECT make_days(%(days)s);

-- name: add_counts
INSERT INTO counts (producer_id, revision, line, direction, quarter, crossings)
SELECT * FROM unnest(%(producer_ids)s::int[], %(revisions)s::int[], %(lines)s::int[], %(directions)s::smallint[],
                     %(quarters)s::timestamptz[], %(crossings)s::bigint[])
ORDER BY 1, 2, 3, 4, 5
ON CONFLICT (producer_id, revision, line, direction, quarter)
DO UPDATE SET crossings = counts.crossings + excluded.crossings;

-- name: add_counters
INSERT INTO counters (worker, name, label, value)
SELECT %(worker)s, * FROM unnest(%(names)s::text[], %(labels)s::text[], %(values)s::bigint[]) ORDER BY 2, 3
ON CONFLICT (worker, name, label) DO UPDATE SET value = counters.value + excluded.value;

-- name: add_inbox
INSERT INTO inbox (late, body) VALUES (%(late)s, %(body)s);

-- name: add_dead_letter
INSERT INTO dead_letters (recv_at, topic, reason, detail, payload, producer_id, lane, numbers)
VALUES (%(recv_at)s, %(topic)s, %(reason)s, %(detail)s, %(payload)s, %(producer_id)s, %(lane)s, %(numbers)s::text::int8multirange);

-- name: lock_dead_letter
SELECT topic, payload, recv_at, numbers::text, reason FROM dead_letters WHERE id = %(id)s FOR UPDATE;

-- name: shrink_dead_letter
UPDATE dead_letters SET numbers = %(numbers)s::text::int8multirange WHERE id = %(id)s;

-- name: delete_dead_letter
DELETE FROM dead_letters WHERE id = %(id)s;

-- name: add_gap
INSERT INTO gaps (producer_id, lane, first, last, reason)
VALUES (%(producer_id)s, %(lane)s, %(first)s, %(last)s, %(reason)s);

-- name: add_camera
INSERT INTO config_cameras (producer_id, revision, camera, name)
VALUES (%(producer_id)s, %(revision)s, %(camera)s, %(name)s) ON CONFLICT DO NOTHING;

-- name: add_line
INSERT INTO config_lines (producer_id, revision, line, camera, name, points, direction, priority, rule)
VALUES (%(producer_id)s, %(revision)s, %(line)s, %(camera)s, %(name)s, %(points)s, %(direction)s, %(priority)s,
        %(rule)s)
ON CONFLICT DO NOTHING;

-- name: note_sensor
-- The newest that happened counts, whichever comes last; since when: from the first event that told this state. A box has
-- at most 500: what makes up names fills no table.
INSERT INTO sensors (site, agent, sensor, what, state, detail, since, told_at)
SELECT %(site)s, %(agent)s, %(sensor)s, %(what)s, %(state)s, %(detail)s, %(at)s, %(at)s
WHERE EXISTS (SELECT FROM sensors WHERE (site, agent, sensor) = (%(site)s, %(agent)s, %(sensor)s))
   OR (SELECT count(*) FROM sensors WHERE (site, agent) = (%(site)s, %(agent)s)) < 500
ON CONFLICT (site, agent, sensor) DO UPDATE SET
    what = excluded.what, state = excluded.state, detail = excluded.detail, told_at = excluded.told_at,
    since = CASE WHEN sensors.state = excluded.state THEN sensors.since ELSE excluded.since END
WHERE sensors.told_at <= excluded.told_at;

-- name: add_evidence
-- Announced again it is young again; and if it is just being deleted, it is waited for and added anew.
INSERT INTO evidence (sha256, size, taken_at) VALUES (%(sha256)s, %(size)s, %(taken_at)s)
ON CONFLICT (sha256) DO UPDATE SET announced_at = now();

-- name: link_evidence
INSERT INTO evidence_of (producer_id, lane, seq, sha256)
VALUES (%(producer_id)s, %(lane)s, %(seq)s, %(sha256)s) ON CONFLICT DO NOTHING;

-- name: cursors_of
SELECT lane, contiguous, above::text FROM cursors JOIN producers ON producers.id = producer_id
WHERE site = %(site)s AND agent = %(agent)s AND epoch = %(epoch)s;

-- name: note_birth
-- A retained birth proves nothing about now: last_seen_at is left to heartbeats. Sessions count within an epoch.
INSERT INTO agents (site, agent, epoch, session, version, health_interval_s, born_at)
VALUES (%(site)s, %(agent)s, %(epoch)s, %(session)s, %(version)s, %(health_interval_s)s, %(born_at)s)
ON CONFLICT (site, agent) DO UPDATE SET
    epoch = excluded.epoch, session = excluded.session, version = excluded.version,
    health_interval_s = excluded.health_interval_s, born_at = excluded.born_at
WHERE agents.epoch <> excluded.epoch OR agents.session <= excluded.session;

-- name: note_health
INSERT INTO agents (site, agent, epoch, session, last_seen_at, health)
VALUES (%(site)s, %(agent)s, %(epoch)s, %(session)s, %(seen_at)s, %(health)s)
ON CONFLICT (site, agent) DO UPDATE SET
    epoch = excluded.epoch, session = excluded.session, last_seen_at = excluded.last_seen_at, health = excluded.health
WHERE agents.epoch <> excluded.epoch OR agents.session <= excluded.session;

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

-- name: newest_beats
SELECT site, agent, health_interval_s, health, last_seen_at, doubled_at FROM agents WHERE last_seen_at IS NOT NULL;

-- name: note_two_lives
UPDATE agents SET doubled_at = %(at)s WHERE site = %(site)s AND agent = %(agent)s;

-- name: add_coverage_rows
INSERT INTO coverage (site, agent, camera, day)
SELECT *, %(day)s FROM unnest(%(sites)s::text[], %(agents)s::text[], %(cameras)s::text[]) ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING;

-- name: add_coverage
-- Where the clock was set back the same time comes twice: a quarter-hour is no longer than it is.
UPDATE coverage SET
    covered[%(place)s] = least(coverage.covered[%(place)s] + new.covered, 900000),
    total = total + least(new.covered, 900000 - coverage.covered[%(place)s])
FROM unnest(%(sites)s::text[], %(agents)s::text[], %(cameras)s::text[], %(covered)s::int[])
     AS new (site, agent, camera, covered)
WHERE coverage.day = %(day)s AND (coverage.site, coverage.agent, coverage.camera) = (new.site, new.agent, new.camera);

-- name: add_health_sample
INSERT INTO health_samples (site, agent, at, cameras, watching, dropped, waiting, pictures, disk_free, temperature_c,
                            load_1m, clock_off_s)
VALUES (%(site)s, %(agent)s, %(at)s, %(cameras)s, %(watching)s, %(dropped)s, %(waiting)s, %(pictures)s, %(disk_free)s,
        %(temperature_c)s, %(load_1m)s, %(clock_off_s)s)
ON CONFLICT DO NOTHING;

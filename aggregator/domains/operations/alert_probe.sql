-- name: patience
SELECT set_config('statement_timeout', '10s', true), set_config('lock_timeout', '5s', true),
       set_config('work_mem', '64kB', true);

-- name: room
-- So many rows have no place in so little memory: 2 MB are written where the database is, and given back.
SELECT count(*) AS rows FROM generate_series(1, 130000);

-- name: may_number
-- The one thing that a proof does not do: numbers that people see would be used up by it.
SELECT has_sequence_privilege(pg_get_serial_sequence('alerts', 'id'), 'USAGE') AS may;

-- name: newest_inbox
SELECT id, body FROM inbox WHERE form = 'events' ORDER BY id DESC LIMIT 1000;

-- name: take_this
DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE id = %(id)s FOR UPDATE SKIP LOCKED) RETURNING body;

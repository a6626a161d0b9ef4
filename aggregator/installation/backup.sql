-- name: tables
-- Ours, without partitions, each behind those that it refers to. `within` follows from the places; who was signed in then
-- is not signed in by a restore; what is unlogged is kept for minutes.
WITH RECURSIVE ours AS (
    SELECT c.oid, c.relname FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
      AND NOT c.relispartition
      AND c.relname NOT IN ('migrations', 'storage', 'within', 'sessions', 'known_browsers')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), refers AS (
    SELECT conrelid AS oid, confrelid AS to_oid FROM pg_constraint WHERE contype = 'f' AND conrelid <> confrelid
), depth AS (
    SELECT oid, 0 AS depth FROM ours
    UNION
    SELECT r.oid, d.depth + 1 FROM refers r JOIN depth d ON d.oid = r.to_oid
)
SELECT o.relname AS name,
       (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
FROM ours o JOIN depth USING (oid) GROUP BY o.oid, o.relname ORDER BY max(depth), o.relname;

-- name: sequences
SELECT c.relname AS name, pg_sequence_last_value(c.oid) AS last
FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'S'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e');

-- name: set_sequence
SELECT setval(%(name)s::regclass, %(last)s);

-- name: identity
-- Of a database on a server: what tells its backups from those of others.
SELECT md5(system_identifier::text || current_database()) AS identity FROM pg_control_system();

-- name: newest_migration
SELECT max(number) AS number FROM migrations;

-- name: is_migrated
SELECT to_regclass('migrations') IS NOT NULL AS migrated;

-- name: make_days
SELECT make_days(%(days)s);

-- name: withdraw_claims
UPDATE claims SET withdrawn_at = now() WHERE used_at IS NULL AND withdrawn_at IS NULL;

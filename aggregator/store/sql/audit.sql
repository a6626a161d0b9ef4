-- name: last
-- One writer at a time, until its transaction ends: the next entry needs this one's hash.
SELECT pg_advisory_xact_lock(7214);

-- name: head
SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1;

-- name: anchor
SELECT number, hash, made_at, signature, first, digest FROM audit_anchors ORDER BY number DESC LIMIT 1;

-- name: add
INSERT INTO audit (number, at, who, origin, what, subject, why, detail, previous, hash)
VALUES (%(number)s, %(at)s, %(who)s, %(origin)s, %(what)s, %(subject)s, %(why)s, %(detail)s, %(previous)s, %(hash)s);

-- name: entries
SELECT number, at, who, origin, what, subject, why, detail FROM audit
WHERE (%(before)s::bigint IS NULL OR number < %(before)s)
  AND (%(who)s::text IS NULL OR who = %(who)s) AND (%(what)s::text IS NULL OR what = %(what)s)
  AND (%(subject)s::text IS NULL OR subject = %(subject)s)
  AND (%(from)s::timestamptz IS NULL OR at >= %(from)s) AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
ORDER BY number DESC LIMIT %(limit)s;

-- name: chain
SELECT number, at, who, origin, what, subject, why, detail, previous, hash FROM audit
WHERE number <= %(until)s ORDER BY number;

-- name: newest_of_day
SELECT number, hash FROM audit WHERE at < %(day)s::date + 1 AND number <= (
    SELECT coalesce(min(number) - 1, 9223372036854775807) FROM audit WHERE at >= %(day)s::date + 1
) ORDER BY number DESC LIMIT 1;

-- name: pruned
SELECT number, hash FROM audit_pruned ORDER BY number;

-- name: keep_pruned
INSERT INTO audit_pruned (number, hash) SELECT * FROM unnest(%(numbers)s::bigint[], %(hashes)s::bytea[]);

-- name: add_anchor
INSERT INTO audit_anchors (number, hash, made_at, signature, first, digest)
VALUES (%(number)s, %(hash)s, %(made_at)s, %(signature)s, %(first)s, %(digest)s);

-- name: forget
DELETE FROM audit WHERE number <= %(number)s;

-- name: forget_anchors
DELETE FROM audit_anchors WHERE number < %(number)s;

-- name: producers_with_old_counts
SELECT DISTINCT producer_id FROM counts WHERE quarter < %(before)s ORDER BY producer_id;

-- name: one_packer
SELECT pg_advisory_xact_lock(4217005);

-- name: take_old_counts
-- Locked in the order in which ingest adds to them, and only what was locked is taken: so the two never wait for each
-- other in a ring. What is added meanwhile is taken the next time.
WITH old AS MATERIALIZED (
    SELECT producer_id, revision, line, object, direction, quarter FROM counts
    WHERE producer_id = ANY(%(producers)s) AND quarter < %(before)s
    ORDER BY producer_id, revision, line, object, direction, quarter FOR UPDATE
), gone AS (
    DELETE FROM counts USING old
    WHERE (counts.producer_id, counts.revision, counts.line, counts.object, counts.direction, counts.quarter)
        = (old.producer_id, old.revision, old.line, old.object, old.direction, old.quarter)
    RETURNING counts.*
)
SELECT producer_id, revision, line, date_trunc('month', quarter, 'UTC')::date AS month, object,
       string_agg(int8send(extract(epoch FROM quarter)::bigint / 900) || int2send(direction) || int8send(crossings), ''::bytea)
FROM gone GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5;

-- name: packs_of
SELECT producer_id, revision, line, month, object, cells FROM count_packs
WHERE (producer_id, revision, line, month, object) IN (
    SELECT * FROM unnest(%(producers)s::int[], %(revisions)s::int[], %(lines)s::int[], %(months)s::date[],
                         %(objects)s::smallint[])
);

-- name: save_packs
INSERT INTO count_packs (producer_id, revision, line, month, object, crossings, first_quarter, last_quarter, cells)
SELECT producer_id, revision, line, month, object, crossings, to_timestamp(900 * first), to_timestamp(900 * last), cells
FROM unnest(%(producer_ids)s::int[], %(revisions)s::int[], %(lines)s::int[], %(months)s::date[], %(objects)s::smallint[],
            %(crossings)s::bigint[], %(firsts)s::bigint[], %(lasts)s::bigint[], %(cells)s::bytea[])
    AS pack (producer_id, revision, line, month, object, crossings, first, last, cells)
ON CONFLICT (producer_id, revision, line, month, object) DO UPDATE SET
    crossings = excluded.crossings, first_quarter = excluded.first_quarter, last_quarter = excluded.last_quarter,
    cells = excluded.cells;

-- name: lines_named
SELECT l.producer_id, l.revision, l.line FROM config_lines l
JOIN config_cameras c USING (producer_id, revision, camera)
WHERE (%(line)s::text IS NULL OR l.name = %(line)s) AND (%(camera)s::text IS NULL OR c.name = %(camera)s)
  AND (%(rule)s::smallint IS NULL OR l.rule = %(rule)s)
  AND (%(producers)s::int[] IS NULL OR l.producer_id = ANY(%(producers)s));

-- name: names_of
SELECT k.producer_id, k.revision, k.line, p.site, p.agent, coalesce(c.name, '?') AS camera,
       coalesce(l.name, 'line ' || k.line) AS line_name
FROM unnest(%(producers)s::int[], %(revisions)s::int[], %(lines)s::int[]) AS k (producer_id, revision, line)
JOIN producers p ON p.id = k.producer_id
LEFT JOIN config_lines l ON (l.producer_id, l.revision, l.line) = (k.producer_id, k.revision, k.line)
LEFT JOIN config_cameras c ON (c.producer_id, c.revision, c.camera) = (k.producer_id, k.revision, l.camera);

-- name: kept_range
SELECT least(p.first, f.first) AS first, greatest(p.last, f.last) AS last
FROM (SELECT min(first_quarter) AS first, max(last_quarter) AS last FROM count_packs) p,
     (SELECT min(quarter) AS first, max(quarter) AS last FROM counts) f;

-- name: cells_of_producers
-- Both kinds in one statement: what is packed meanwhile is seen once.
SELECT producer_id, revision, line, object, month, cells FROM count_packs
WHERE month BETWEEN %(from)s::timestamptz::date - 31 AND %(until)s::timestamptz::date
  AND last_quarter >= %(from)s AND first_quarter < %(until)s
  AND (%(objects)s::smallint[] IS NULL OR object = ANY(%(objects)s))
  AND (%(producers)s::int[] IS NULL OR producer_id = ANY(%(producers)s))
UNION ALL
SELECT producer_id, revision, line, object, NULL,
       string_agg(int8send(extract(epoch FROM quarter)::bigint / 900) || int2send(direction) || int8send(crossings), ''::bytea)
FROM counts WHERE quarter >= %(from)s AND quarter < %(until)s
  AND (%(producers)s::int[] IS NULL OR producer_id = ANY(%(producers)s))
  AND (%(objects)s::smallint[] IS NULL OR object = ANY(%(objects)s))
GROUP BY 1, 2, 3, 4;

-- name: cells_of_lines
WITH wanted AS (
    SELECT * FROM unnest(%(line_producers)s::int[], %(line_revisions)s::int[], %(line_numbers)s::int[])
        AS w (producer_id, revision, line)
)
SELECT producer_id, revision, line, object, month, cells FROM wanted JOIN count_packs USING (producer_id, revision, line)
WHERE month BETWEEN %(from)s::timestamptz::date - 31 AND %(until)s::timestamptz::date
  AND last_quarter >= %(from)s AND first_quarter < %(until)s
  AND (%(objects)s::smallint[] IS NULL OR object = ANY(%(objects)s))
UNION ALL
SELECT producer_id, revision, line, object, NULL,
       string_agg(int8send(extract(epoch FROM quarter)::bigint / 900) || int2send(direction) || int8send(crossings), ''::bytea)
FROM wanted JOIN counts USING (producer_id, revision, line)
WHERE quarter >= %(from)s AND quarter < %(until)s
  AND (%(objects)s::smallint[] IS NULL OR object = ANY(%(objects)s))
GROUP BY 1, 2, 3, 4;

-- name: totals
-- Crossings that lie within the range for sure, and those of months that it cuts.
SELECT producer_id, revision, line,
       coalesce(sum(crossings) FILTER (WHERE first_quarter >= %(from)s AND last_quarter < %(until)s), 0)::bigint AS inside,
       coalesce(sum(crossings) FILTER (WHERE NOT (first_quarter >= %(from)s AND last_quarter < %(until)s)), 0)::bigint AS cut
FROM count_packs
WHERE month BETWEEN %(from)s::timestamptz::date - 31 AND %(until)s::timestamptz::date
  AND last_quarter >= %(from)s AND first_quarter < %(until)s
  AND (%(objects)s::smallint[] IS NULL OR object = ANY(%(objects)s))
  AND (%(producers)s::int[] IS NULL OR producer_id = ANY(%(producers)s))
GROUP BY 1, 2, 3
UNION ALL
SELECT producer_id, revision, line, sum(crossings)::bigint, 0
FROM counts WHERE quarter >= %(from)s AND quarter < %(until)s
  AND (%(producers)s::int[] IS NULL OR producer_id = ANY(%(producers)s))
  AND (%(objects)s::smallint[] IS NULL OR object = ANY(%(objects)s))
GROUP BY 1, 2, 3;

-- name: cut_packs
SELECT producer_id, revision, line, object, month, cells
FROM unnest(%(line_producers)s::int[], %(line_revisions)s::int[], %(line_numbers)s::int[])
    AS wanted (producer_id, revision, line)
JOIN count_packs USING (producer_id, revision, line)
WHERE month BETWEEN %(from)s::timestamptz::date - 31 AND %(until)s::timestamptz::date
  AND last_quarter >= %(from)s AND first_quarter < %(until)s
  AND (%(objects)s::smallint[] IS NULL OR object = ANY(%(objects)s))
  AND NOT (first_quarter >= %(from)s AND last_quarter < %(until)s);

-- name: begin_of_steps
SELECT (extract(epoch FROM date_trunc(%(step)s, to_timestamp(900 * q), %(zone)s))::bigint)
FROM unnest(%(quarters)s::bigint[]) WITH ORDINALITY AS asked (q, place) ORDER BY place;

-- name: try_zone
SELECT now() AT TIME ZONE %(zone)s;

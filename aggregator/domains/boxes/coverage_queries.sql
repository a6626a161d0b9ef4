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

-- name: availability
-- From when a box was first seen, a camera from the first day on which it was covered; to the newest quarter-hour that
-- heartbeats which have come can have covered; of cameras that a box no longer has, to the day they were covered last.
WITH box AS (
    SELECT a.site, a.agent, a.health,
           date_bin('15 minutes', coalesce(p.first_seen_at, a.born_at, a.last_seen_at) + interval '899 s', '1970-01-01') AS seen,
           least(%(until)s, date_bin('15 minutes', %(now)s - (%(expires)s * a.health_interval_s + %(written_s)s) * interval '1 s',
                                     '1970-01-01')) AS known
    FROM agents a
    LEFT JOIN (SELECT site, agent, min(first_seen_at) AS first_seen_at FROM producers GROUP BY 1, 2) p USING (site, agent)
    WHERE (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = a.site AND w.place = ANY(%(scope)s)))
  AND (%(sites)s::text[] IS NULL OR a.site = ANY(%(sites)s))
      AND (%(site)s::text IS NULL OR a.site = %(site)s) AND (%(agent)s::text IS NULL OR a.agent = %(agent)s)
), had AS (
    SELECT c.site, c.agent, c.camera, min(c.day)::timestamptz AS first, (max(c.day) + 1)::timestamptz AS last
    FROM coverage c JOIN box b USING (site, agent)
    WHERE %(cameras)s AND c.camera <> '' GROUP BY 1, 2, 3
), has AS (
    SELECT DISTINCT b.site, b.agent, h ->> 'name' AS camera
    FROM box b CROSS JOIN LATERAL jsonb_array_elements(coalesce(b.health -> 'cameras', '[]')) h
    WHERE %(cameras)s AND h ->> 'name' <> ''
), known AS (
    SELECT site, agent, '' AS camera, seen AS since, known AS until FROM box WHERE NOT %(cameras)s
    UNION ALL
    SELECT b.site, b.agent, camera, greatest(b.seen, had.first), CASE WHEN has.site IS NULL THEN least(b.known, had.last) ELSE b.known END
    FROM had FULL JOIN has USING (site, agent, camera) JOIN box b USING (site, agent)
), times AS (
    SELECT site, agent, camera, greatest(since, %(from)s) AS since, until FROM known WHERE greatest(since, %(from)s) < until
)
SELECT t.site, t.agent, nullif(t.camera, '') AS camera, t.since, t.until, round(coalesce(sum(
    CASE WHEN c.day::timestamptz >= t.since AND (c.day + 1)::timestamptz <= t.until THEN c.total
    ELSE (SELECT sum(ms) FROM unnest(c.covered) WITH ORDINALITY AS u (ms, place)
          WHERE c.day::timestamptz + (place - 1) * interval '15 minutes' >= t.since
            AND c.day::timestamptz + (place - 1) * interval '15 minutes' < t.until) END
), 0) / 1000.0)::bigint AS covered_s
FROM times t
LEFT JOIN coverage c ON c.site = t.site AND c.agent = t.agent AND c.camera = t.camera
    AND c.day BETWEEN t.since::date AND t.until::date
GROUP BY t.site, t.agent, t.camera, t.since, t.until
ORDER BY t.site, t.agent, t.camera;

-- name: uncovered
-- Stretches of quarter-hours that were not covered whole, newest first.
WITH asked AS (
    SELECT * FROM unnest(%(sites)s::text[], %(agents)s::text[], %(cameras)s::text[], %(since)s::timestamptz[],
                         %(until)s::timestamptz[]) AS a (site, agent, camera, since, until)
), quarter AS (
    SELECT a.site, a.agent, a.camera, d.day + (place - 1) * interval '15 minutes' AS at,
           900000 - coalesce(c.covered[place], 0) AS missing_ms
    FROM asked a
    CROSS JOIN LATERAL generate_series(a.since::date::timestamptz, a.until, interval '1 day') AS d (day)
    CROSS JOIN generate_series(1, 96) place
    LEFT JOIN coverage c ON c.site = a.site AND c.agent = a.agent AND c.camera = a.camera AND c.day = d.day::date
    -- Days that are covered whole, nearly all of them, need not be looked into.
    WHERE (c.total IS NULL OR c.total < 96 * 900000 - %(tolerance_ms)s)
      AND d.day + (place - 1) * interval '15 minutes' >= a.since
      AND d.day + (place - 1) * interval '15 minutes' < a.until
), short AS (
    SELECT *, at - row_number() OVER (PARTITION BY site, agent, camera ORDER BY at) * interval '15 minutes' AS stretch
    FROM quarter WHERE missing_ms > %(tolerance_ms)s
)
SELECT site, agent, nullif(camera, '') AS camera, min(at) AS since, max(at) + interval '15 minutes' AS until,
       round(sum(missing_ms) / 1000.0)::bigint AS uncovered_s
FROM short GROUP BY site, agent, camera, stretch
ORDER BY since DESC, site, agent, camera LIMIT %(limit)s;

-- name: samples
SELECT at, cameras, watching, dropped, waiting, pictures, disk_free, temperature_c, load_1m, clock_off_s
FROM health_samples
WHERE site = %(site)s AND agent = %(agent)s AND at >= %(from)s AND at < %(until)s
ORDER BY at DESC LIMIT %(limit)s;

-- name: judged_cameras
-- That boxes which are online have now, but those that were worked on within a day.
WITH RECURSIVE worked (id, site) AS (
    SELECT id, place FROM maintenance WHERE coalesce(ended_at, until) > %(since)s
    UNION SELECT w.id, p.name FROM worked w JOIN places p ON p.above = w.site
)
SELECT DISTINCT a.site, a.agent, h ->> 'name' AS camera
FROM agents a
CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(a.health -> 'cameras') WHEN 'array' THEN a.health -> 'cameras'
                                        ELSE '[]' END) h
WHERE a.state = 'online' AND h ->> 'name' <> '' AND NOT EXISTS (
    SELECT FROM worked w JOIN maintenance m USING (id)
    WHERE w.site = a.site AND m.agent IN ('', a.agent) AND m.camera IN ('', h ->> 'name')
);

-- name: said_low
SELECT site, agent, camera FROM conditions WHERE active AND subject = 'camera' AND condition = %(condition)s;

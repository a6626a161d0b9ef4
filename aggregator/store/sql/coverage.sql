-- name: availability
-- Of cameras that a box no longer has, until the day they were covered last.
WITH known AS (
    SELECT a.site, a.agent, k.camera, k.last,
           greatest(%(from)s::timestamptz, date_bin('15 minutes', coalesce(p.first_seen_at, a.born_at, a.last_seen_at), '1970-01-01')) AS since
    FROM agents a
    LEFT JOIN (SELECT site, agent, min(first_seen_at) AS first_seen_at FROM producers GROUP BY 1, 2) p USING (site, agent)
    CROSS JOIN LATERAL (
        SELECT '' AS camera, %(until)s::timestamptz AS last WHERE NOT %(cameras)s
        UNION ALL
        SELECT camera, min(last) FROM (
            SELECT c.camera, (max(c.day) + 1)::timestamptz AS last FROM coverage c
            WHERE %(cameras)s AND c.site = a.site AND c.agent = a.agent AND c.camera <> ''
              AND c.day BETWEEN %(from)s::timestamptz::date AND %(until)s::timestamptz::date
              AND NOT EXISTS (
                  SELECT FROM jsonb_array_elements(coalesce(a.health -> 'cameras', '[]')) h WHERE h ->> 'name' = c.camera
              )
            GROUP BY c.camera
            UNION ALL
            SELECT h ->> 'name', %(until)s FROM jsonb_array_elements(coalesce(a.health -> 'cameras', '[]')) h
            WHERE %(cameras)s
        ) each GROUP BY camera
    ) k
    WHERE (%(sites)s::text[] IS NULL OR a.site = ANY(%(sites)s))
      AND (%(site)s::text IS NULL OR a.site = %(site)s) AND (%(agent)s::text IS NULL OR a.agent = %(agent)s)
), times AS (
    SELECT site, agent, camera, since, least(last, %(until)s) AS until FROM known WHERE since < least(last, %(until)s)
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
    WHERE d.day + (place - 1) * interval '15 minutes' >= a.since
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

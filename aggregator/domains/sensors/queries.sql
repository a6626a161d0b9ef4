-- name: note_sensors
-- The newest that happened counts, whichever comes last; since when: from the first event that told this state. A box has
-- at most 500: what makes up names fills no table.
WITH new AS (
    SELECT * FROM unnest(%(sites)s::text[], %(agents)s::text[], %(sensors)s::text[], %(whats)s::text[],
                         %(states)s::text[], %(details)s::text[], %(ats)s::timestamptz[])
                  AS told (site, agent, sensor, what, state, detail, at)
), has AS MATERIALIZED (
    SELECT site, agent, (SELECT count(*) FROM sensors s WHERE (s.site, s.agent) = (box.site, box.agent)) AS number
    FROM (SELECT DISTINCT site, agent FROM new) AS box
)
INSERT INTO sensors (site, agent, sensor, what, state, detail, since, told_at)
SELECT site, agent, sensor, what, state, detail, at, at
FROM (
    SELECT new.*, known.sensor IS NOT NULL AS is_known,
           count(*) FILTER (WHERE known.sensor IS NULL) OVER (PARTITION BY site, agent ORDER BY sensor) AS more
    FROM new LEFT JOIN sensors known USING (site, agent, sensor)
) AS told JOIN has USING (site, agent)
WHERE is_known OR more + number <= 500
ORDER BY site, agent, sensor
ON CONFLICT (site, agent, sensor) DO UPDATE SET
    what = excluded.what, state = excluded.state, detail = excluded.detail, told_at = excluded.told_at,
    since = CASE WHEN sensors.state = excluded.state THEN sensors.since ELSE excluded.since END
WHERE sensors.told_at <= excluded.told_at;

-- name: sensors
-- What a box that is silent told last is no news of its sensors.
SELECT s.site, s.agent, s.sensor, s.what, coalesce(b.state, 'unknown') AS box, s.state, s.since, s.told_at, s.detail
FROM sensors s LEFT JOIN box_views b USING (site, agent)
WHERE (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = s.site AND w.place = ANY(%(scope)s)))
  AND (%(sites)s::text[] IS NULL OR s.site = ANY(%(sites)s))
  AND (%(site)s::text IS NULL OR s.site = %(site)s) AND (%(agent)s::text IS NULL OR s.agent = %(agent)s)
ORDER BY s.site, s.agent, s.sensor;

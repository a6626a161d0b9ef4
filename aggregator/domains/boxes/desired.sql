-- name: want
-- Counted by the clock, so that a database that was restored does not give numbers that the box has heard before.
INSERT INTO desired_sections (site, agent, section, version)
VALUES (%(site)s, %(agent)s, %(section)s, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
ON CONFLICT (site, agent, section) DO UPDATE SET
    version = greatest(desired_sections.version + 1, excluded.version), wanted_at = now(), sent_at = NULL;

-- name: due
-- What a box has not answered for: at once, and again while it is there and does not. What it says may be any number: one
-- box must not keep the others from being told.
SELECT d.site, d.agent, d.section, d.version
FROM desired_sections d LEFT JOIN agents a USING (site, agent) LEFT JOIN box_sections b USING (site, agent, section)
WHERE greatest(b.obeyed, b.refused, 0) < d.version
  AND (d.sent_at IS NULL OR (a.state = 'online' AND d.sent_at < now() - interval '10 seconds'))
ORDER BY d.site, d.agent, d.section;

-- name: sent
UPDATE desired_sections SET sent_at = now()
WHERE (site, agent, section, version) = (%(site)s, %(agent)s, %(section)s, %(version)s);

-- name: sections
SELECT d.section, d.version, d.wanted_at, d.sent_at,
       CASE WHEN b.refused = d.version THEN 'refused' WHEN b.obeyed >= d.version THEN 'obeyed' ELSE 'waiting' END AS state,
       CASE WHEN b.refused = d.version OR b.refused = 0 AND b.obeyed < d.version THEN b.error ELSE '' END AS error
FROM desired_sections d LEFT JOIN box_sections b USING (site, agent, section)
WHERE (d.site, d.agent) = (%(site)s, %(agent)s) ORDER BY d.section;

-- name: usual_lines
-- Tripwires of every box's newest configuration, with what is known of each, and whether its silence was told.
-- A box may give two of them one name.
SELECT DISTINCT ON (p.site, p.agent, c.name, l.name) p.site, p.agent, c.name AS camera, l.name, u.known, u.judged_until,
       EXISTS (SELECT FROM conditions k WHERE (k.subject, k.site, k.agent, k.camera, k.name, k.condition)
           = ('line', p.site, p.agent, c.name, l.name, 'line_quiet') AND k.active) AS quiet,
       EXISTS (SELECT FROM conditions k WHERE (k.subject, k.site, k.agent, k.camera, k.name, k.condition)
           = ('line', p.site, p.agent, c.name, l.name, 'line_busy') AND k.active) AS busy
FROM newest_configurations p
JOIN config_lines l USING (producer_id, revision)
JOIN config_cameras c USING (producer_id, revision, camera)
LEFT JOIN line_usual u ON (u.site, u.agent, u.camera, u.name) = (p.site, p.agent, c.name, l.name)
WHERE l.rule = %(rule)s ORDER BY 1, 2, 3, 4;

-- name: lines_no_more
-- Of these something was told, and no box has them.
SELECT k.site, k.agent, k.camera, k.name, k.condition FROM conditions k
WHERE k.subject = 'line' AND k.condition IN ('line_quiet', 'line_busy') AND k.active;

-- name: covered_quarters
SELECT site, agent, camera, day, covered FROM coverage
WHERE camera <> '' AND day BETWEEN %(first)s::date AND %(last)s::date;

-- name: keep_usual
INSERT INTO line_usual (site, agent, camera, name, known, judged_until)
SELECT site, agent, camera, name, known, %(until)s
FROM unnest(%(sites)s::text[], %(agents)s::text[], %(cameras)s::text[], %(names)s::text[], %(known)s::bytea[])
    AS told (site, agent, camera, name, known)
ON CONFLICT (site, agent, camera, name) DO UPDATE SET known = excluded.known, judged_until = excluded.judged_until;

-- name: forget_usual
DELETE FROM line_usual WHERE judged_until < %(before)s;

-- name: below
-- With itself.
WITH RECURSIVE within (name) AS (
    SELECT %(place)s::text UNION SELECT p.name FROM places p JOIN within w ON p.above = w.name
)
SELECT name FROM within ORDER BY name;

-- name: producers_of
SELECT id FROM producers
WHERE (%(sites)s::text[] IS NULL OR site = ANY(%(sites)s))
  AND (%(site)s::text IS NULL OR site = %(site)s) AND (%(agent)s::text IS NULL OR agent = %(agent)s);

-- name: is_place
SELECT EXISTS (SELECT FROM places WHERE name = %(name)s)
    OR EXISTS (SELECT FROM agents WHERE site = %(name)s)
    OR EXISTS (SELECT FROM producers WHERE site = %(name)s) AS known;

-- name: place
SELECT above, title FROM places WHERE name = %(name)s;

-- name: places
-- Sites that boxes name and nobody put into the tree are told too.
SELECT coalesce(p.name, s.site) AS name, p.above, coalesce(p.title, '') AS title, coalesce(s.boxes, 0) AS boxes
FROM places p
FULL JOIN (SELECT site, count(*) AS boxes FROM agents GROUP BY site) s ON s.site = p.name
ORDER BY 1;

-- name: lock_places
LOCK TABLE places IN SHARE ROW EXCLUSIVE MODE;

-- name: put_place
INSERT INTO places (name, above, title) VALUES (%(name)s, %(above)s, %(title)s)
ON CONFLICT (name) DO UPDATE SET above = excluded.above, title = excluded.title;

-- name: delete_place
DELETE FROM places WHERE name = %(name)s;

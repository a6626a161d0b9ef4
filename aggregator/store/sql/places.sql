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
-- A place behind the one that it lies in, with the boxes of all sites within. Sites that boxes name and no planner put
-- into the tree are told too.
WITH RECURSIVE tree (name, above, title, path) AS (
    SELECT name, above, title, ARRAY[name] FROM places WHERE above IS NULL
    UNION ALL
    SELECT p.name, p.above, p.title, t.path || p.name FROM places p JOIN tree t ON p.above = t.name
), known AS (
    SELECT name, above, title, path FROM tree
    UNION ALL
    SELECT DISTINCT site, NULL, '', ARRAY[site] FROM agents WHERE site NOT IN (SELECT name FROM places)
)
SELECT k.name, k.above, k.title, (
    SELECT count(*) FROM agents a LEFT JOIN tree t ON t.name = a.site WHERE k.name = ANY(coalesce(t.path, ARRAY[a.site]))
) AS boxes
FROM known k ORDER BY k.path;

-- name: lock_places
LOCK TABLE places IN SHARE ROW EXCLUSIVE MODE;

-- name: put_place
INSERT INTO places (name, above, title) VALUES (%(name)s, %(above)s, %(title)s)
ON CONFLICT (name) DO UPDATE SET above = excluded.above, title = excluded.title;

-- name: delete_place
DELETE FROM places WHERE name = %(name)s;

-- name: sites_within
-- Of a place, or all; itself among them. What boxes name and no planner put into the tree is its own place.
SELECT w.site AS name FROM within w
WHERE w.place = %(place)s AND (%(scope)s::text[] IS NULL OR EXISTS (
    SELECT FROM within o WHERE o.site = w.site AND o.place = ANY(%(scope)s)
))
UNION SELECT %(place)s WHERE %(scope)s::text[] IS NULL
ORDER BY name;

-- name: sites_of_scope
SELECT DISTINCT site AS name FROM within WHERE place = ANY(%(scope)s) ORDER BY name;

-- name: producers_of
SELECT id FROM producers p
WHERE (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = p.site AND w.place = ANY(%(scope)s)))
  AND (%(sites)s::text[] IS NULL OR p.site = ANY(%(sites)s))
  AND (%(site)s::text IS NULL OR site = %(site)s) AND (%(agent)s::text IS NULL OR agent = %(agent)s);

-- name: is_site
-- Whether it lies within the scope.
SELECT %(scope)s::text[] IS NULL OR EXISTS (
    SELECT FROM within WHERE site = %(site)s AND place = ANY(%(scope)s)
) AS ours;

-- name: is_place
-- Whether there is such a place, and something of it is of the scope.
SELECT CASE WHEN %(scope)s::text[] IS NULL THEN
    EXISTS (SELECT FROM places WHERE name = %(place)s)
    OR EXISTS (SELECT FROM agents WHERE site = %(place)s)
    OR EXISTS (SELECT FROM producers WHERE site = %(place)s)
ELSE EXISTS (SELECT FROM within WHERE site = %(place)s AND place = ANY(%(scope)s)) END AS known;

-- name: below
-- With itself.
SELECT site AS name FROM within WHERE place = %(place)s ORDER BY name;

-- name: place
SELECT above, title FROM places WHERE name = %(name)s;

-- name: places
-- A place behind the one that it lies in, with the boxes of all sites within. Sites that boxes name and no planner put
-- into the tree are told too. What a scope begins with lies in nothing, for whom it is all there is.
WITH RECURSIVE mine (name) AS MATERIALIZED (
    SELECT name FROM places WHERE %(scope)s::text[] IS NULL
    UNION SELECT site FROM within WHERE place = ANY(%(scope)s)
), tree (name, above, title, path) AS (
    SELECT name, NULL::text, title, ARRAY[name] FROM places
    WHERE name IN (SELECT name FROM mine) AND (above IS NULL OR above NOT IN (SELECT name FROM mine))
    UNION ALL
    SELECT p.name, p.above, p.title, t.path || p.name FROM places p JOIN tree t ON p.above = t.name
), known AS (
    SELECT name, above, title, path, (
        SELECT count(*) FROM within w JOIN agents a USING (site) WHERE w.place = tree.name
    ) AS boxes FROM tree
    UNION ALL
    SELECT site, NULL, '', ARRAY[site], count(*) FROM agents
    WHERE %(scope)s::text[] IS NULL AND site NOT IN (SELECT name FROM places) GROUP BY site
)
SELECT name, above, title, boxes FROM known ORDER BY path;

-- name: lock_places
LOCK TABLE places IN SHARE ROW EXCLUSIVE MODE;

-- name: put_place
INSERT INTO places (name, above, title) VALUES (%(name)s, %(above)s, %(title)s)
ON CONFLICT (name) DO UPDATE SET above = excluded.above, title = excluded.title;

-- name: delete_place
DELETE FROM places WHERE name = %(name)s;

-- name: begins_scope
-- Whose scope begins at a place.
SELECT coalesce(account, 'key ' || key) AS who FROM grants WHERE place = %(place)s ORDER BY 1;

-- name: is_known_site
SELECT EXISTS (SELECT FROM agents WHERE site = %(site)s) OR EXISTS (SELECT FROM producers WHERE site = %(site)s)
    OR EXISTS (SELECT FROM claims WHERE site = %(site)s) OR EXISTS (SELECT FROM devices WHERE site = %(site)s) AS known;

-- name: posts_at
SELECT name FROM posts WHERE place = %(place)s ORDER BY name;

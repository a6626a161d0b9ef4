-- name: lock_plans
LOCK TABLE plans IN SHARE ROW EXCLUSIVE MODE;

-- name: newest
SELECT version, made_at, made_by, why, sha256, sheets, made FROM plans ORDER BY version DESC LIMIT 1;

-- name: plan
SELECT version, made_at, made_by, why, sheets FROM plans WHERE version = %(version)s;

-- name: versions
SELECT version, made_at, made_by, why FROM plans ORDER BY version DESC;

-- name: add_plan
INSERT INTO plans (made_by, why, sha256, sheets, made)
VALUES (%(by)s, %(why)s, %(sha256)s, %(sheets)s, %(made)s) RETURNING version;

-- name: ungroup
DELETE FROM box_groups;

-- name: group
-- What boxes hang on together.
INSERT INTO box_groups (site, agent, kind, name)
SELECT DISTINCT ON (b.site, b.box, g.kind) b.site, b.box, g.kind, g.name
FROM jsonb_to_recordset(%(boxes)s) AS b (site text, box text, power text, switch text, segment text),
     LATERAL (VALUES ('power', b.power), ('switch', b.switch), ('segment', b.segment)) AS g (kind, name)
WHERE b.site <> '' AND b.box <> '' AND g.name <> '';

-- name: forget_old
DELETE FROM plans WHERE version <= (SELECT version FROM plans ORDER BY version DESC OFFSET %(kept)s LIMIT 1);

-- name: facts
SELECT site, agent, sensor, code, location, responsible FROM sensor_facts
WHERE (site, agent, sensor) IN (SELECT * FROM unnest(%(sites)s::text[], %(agents)s::text[], %(sensors)s::text[]));

-- name: places
SELECT name, above, title FROM places;

-- name: put_facts
INSERT INTO sensor_facts (site, agent, sensor, code, location, responsible, changed_by)
SELECT site, agent, sensor, code, location, responsible, %(by)s
FROM unnest(%(sites)s::text[], %(agents)s::text[], %(sensors)s::text[], %(codes)s::text[], %(locations)s::text[],
            %(responsible)s::text[]) AS n (site, agent, sensor, code, location, responsible)
ORDER BY site, agent, sensor
ON CONFLICT (site, agent, sensor) DO UPDATE SET
    code = excluded.code, location = excluded.location, responsible = excluded.responsible,
    changed_by = excluded.changed_by, changed_at = now();

-- name: forget_facts
DELETE FROM sensor_facts f USING unnest(%(sites)s::text[], %(agents)s::text[], %(sensors)s::text[]) AS gone (site, agent, sensor)
WHERE (f.site, f.agent, f.sensor) = (gone.site, gone.agent, gone.sensor);

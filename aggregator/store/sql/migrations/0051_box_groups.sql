-- What boxes hang on together, by the plan in force: what fails for all of them failed once, there.
CREATE TABLE box_groups (
    site  text NOT NULL,
    agent text NOT NULL,
    -- power, switch: of its site; segment: a part of the network, wherever its boxes stand.
    kind  text NOT NULL,
    name  text NOT NULL,
    PRIMARY KEY (site, agent, kind)
);
CREATE INDEX box_groups_by_name ON box_groups (kind, name);
INSERT INTO box_groups (site, agent, kind, name)
SELECT DISTINCT ON (b.site, b.box, g.kind) b.site, b.box, g.kind, g.name
FROM (SELECT sheets FROM plans ORDER BY version DESC LIMIT 1) plan,
     jsonb_to_recordset(coalesce(plan.sheets -> 'boxes', '[]')) AS b (site text, box text, power text, switch text, segment text),
     LATERAL (VALUES ('power', b.power), ('switch', b.switch), ('segment', b.segment)) AS g (kind, name)
WHERE b.site <> '' AND b.box <> '' AND g.name <> '';

-- What is wanted of each box, by sections: the newest version of each, and when it was sent. Bodies are made when they
-- are sent, from the tables that each section is about.
CREATE TABLE desired_sections (
    site      text        NOT NULL,
    agent     text        NOT NULL,
    section   text        NOT NULL,
    version   bigint      NOT NULL,
    wanted_at timestamptz NOT NULL DEFAULT now(),
    sent_at   timestamptz,
    PRIMARY KEY (site, agent, section)
);

INSERT INTO desired_sections (site, agent, section, version, wanted_at, sent_at)
SELECT o.site, o.agent, 'arming', o.version, coalesce(max(a.changed_at), now()), o.sent_at
FROM orders o LEFT JOIN arming a USING (site, agent) GROUP BY o.site, o.agent, o.version, o.sent_at;

DROP TABLE orders;

-- What each box says of each section in its newest heartbeat. A box of 0.1 knows arming alone, and says so as `order`.
CREATE VIEW box_sections AS
SELECT a.site, a.agent, told ->> 'name' AS section,
       coalesce(max((told ->> 'version')::numeric), 0) AS obeyed,
       coalesce(max((told ->> 'refused')::numeric), 0) AS refused,
       coalesce(max(told ->> 'error'), '') AS error
FROM agents a, jsonb_array_elements(CASE jsonb_typeof(a.health -> 'sections') WHEN 'array' THEN a.health -> 'sections'
                                    ELSE '[]' END) told
GROUP BY a.site, a.agent, told ->> 'name'
UNION ALL
SELECT site, agent, 'arming', (health ->> 'order')::numeric, 0, '' FROM agents WHERE health ? 'order' AND NOT health ? 'sections';

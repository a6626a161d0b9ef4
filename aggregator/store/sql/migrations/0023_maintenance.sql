-- Work on a box, a camera or everything in a place: what rings there meanwhile is recorded and shown, and rings nobody.
CREATE TABLE maintenance (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    place    text        NOT NULL,
    agent    text        NOT NULL,
    camera   text        NOT NULL,
    reason   text        NOT NULL,
    by       text        NOT NULL,
    since    timestamptz NOT NULL DEFAULT now(),
    until    timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by text
);
CREATE INDEX maintenance_by_end ON maintenance (until) WHERE ended_at IS NULL;

-- What is worked on now: of each maintenance every site within its place. What is empty means all of it.
CREATE VIEW worked_on AS
WITH RECURSIVE within (id, site) AS (
    SELECT id, place FROM maintenance WHERE ended_at IS NULL AND until > now()
    UNION SELECT w.id, p.name FROM within w JOIN places p ON p.above = w.site
)
SELECT w.id, w.site, m.agent, m.camera, m.reason, m.since FROM within w JOIN maintenance m USING (id);

-- How a camera looks now, for who draws its lines: kept for ten minutes. Not in the log of the database, and so in no
-- backup by log, and gone behind a crash: whoever draws asks again.
CREATE UNLOGGED TABLE surveys (
    number   bigint      PRIMARY KEY,
    site     text        NOT NULL,
    agent    text        NOT NULL,
    camera   text        NOT NULL,
    -- What is tried on the last minute, as JSON; empty: nothing.
    scene    bytea       NOT NULL,
    asked_by text        NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    taken_at timestamptz,
    jpeg     bytea,
    outcome  jsonb,
    why      text        NOT NULL DEFAULT ''
);
CREATE INDEX surveys_of_a_camera ON surveys (site, agent, camera, asked_at);

-- Cameras whose scene was drawn at the centre: what is built from a plan leaves it alone.
ALTER TABLE box_configurations ADD COLUMN drawn text[] NOT NULL DEFAULT '{}';

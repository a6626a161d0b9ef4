-- Pictures that shall leave the centre: rendered once more by their boxes, so that nobody is recognised in them.
CREATE TABLE exports (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    sha256     bytea       NOT NULL REFERENCES evidence ON DELETE CASCADE,
    -- The box that renders it.
    site       text        NOT NULL,
    agent      text        NOT NULL,
    -- What is blurred besides people: four numbers an area, 0 to 1 of the picture's sides.
    areas      real[]      NOT NULL DEFAULT '{}',
    who        text        NOT NULL,
    case_id    bigint      NOT NULL,
    purpose    text        NOT NULL,
    recipient  text        NOT NULL,
    asked_at   timestamptz NOT NULL DEFAULT now(),
    -- Rendered, or said to be impossible.
    settled_at timestamptz,
    jpeg       bytea,
    why        text        NOT NULL DEFAULT '',
    taken      int         NOT NULL DEFAULT 0
);
CREATE INDEX exports_by_person ON exports (who, id);
CREATE INDEX exports_by_picture ON exports (sha256);
CREATE INDEX exports_by_time ON exports (asked_at);
CREATE INDEX exports_waiting ON exports (site, agent, id) WHERE settled_at IS NULL;

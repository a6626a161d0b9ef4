-- Pictures that shall leave the centre: rendered once more by their boxes, so that nobody is recognised in them.
CREATE TABLE exports (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    sha256     bytea       NOT NULL REFERENCES evidence ON DELETE CASCADE,
    -- The box that renders it.
    site       text        NOT NULL,
    agent      text        NOT NULL,
    -- What is blurred besides people: four numbers an area, 0 to 1 of the picture's sides.
    areas      double precision[] NOT NULL DEFAULT '{}',
    who        text        NOT NULL,
    case_id    bigint      NOT NULL,
    purpose    text        NOT NULL,
    recipient  text        NOT NULL,
    asked_at   timestamptz NOT NULL DEFAULT now(),
    -- Rendered, or said to be impossible.
    settled_at timestamptz,
    jpeg       bytea,
    jpeg_sha256 bytea,
    why        text        NOT NULL DEFAULT '',
    taken      int         NOT NULL DEFAULT 0
);
CREATE INDEX exports_by_person ON exports (who, id);
CREATE INDEX exports_by_picture ON exports (sha256);
CREATE INDEX exports_by_time ON exports (asked_at);
CREATE INDEX exports_waiting ON exports (site, agent, id) WHERE settled_at IS NULL;
-- Whether a picture that a site brought is theirs to see: of their places, or of an alert that is theirs.
CREATE FUNCTION is_picture_theirs(of bytea, from_site text, scope text[], narrow text[]) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT scope IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = from_site AND w.place = ANY(scope))
        OR narrow IS NOT NULL AND EXISTS (
            SELECT FROM alert_pictures m JOIN alerts a ON a.id = m.alert_id
            WHERE m.sha256 = of AND is_narrowly_theirs(a.id, a.site, a.subject, a.condition, narrow))
$$;

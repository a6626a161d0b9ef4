-- Who changed or looked at what, when, why and from where: a chain, each entry holding the hash of the one before.
CREATE TABLE audit (
    number   bigint      PRIMARY KEY,
    at       timestamptz NOT NULL,
    who      text        NOT NULL,
    origin   text        NOT NULL,
    what     text        NOT NULL,
    subject  text        NOT NULL,
    why      text        NOT NULL,
    detail   text        NOT NULL,
    previous bytea       NOT NULL,
    hash     bytea       NOT NULL
);
CREATE INDEX audit_by_time ON audit (at);

-- Where the chain begins after its oldest entries were deleted: what their last one's hash was, signed.
CREATE TABLE audit_anchors (
    number    bigint      PRIMARY KEY,
    hash      bytea       NOT NULL,
    made_at   timestamptz NOT NULL,
    signature bytea       NOT NULL
);

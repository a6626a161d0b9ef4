-- Who may become a box: a code that is shown once and works once, for one name and one machine. Only its hash is kept.
CREATE TABLE claims (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site         text        NOT NULL,
    agent        text        NOT NULL,
    serial       text        NOT NULL,
    code         bytea       NOT NULL UNIQUE,
    made_at      timestamptz NOT NULL DEFAULT now(),
    made_by      text        NOT NULL,
    expires_at   timestamptz NOT NULL,
    refused      int         NOT NULL DEFAULT 0,
    withdrawn_at timestamptz,
    used_at      timestamptz,
    used_key     bytea
);
CREATE INDEX claims_by_box ON claims (site, agent, id);

-- Who is one. `key` is the SHA-256 of its newest public key.
CREATE TABLE devices (
    site        text        NOT NULL,
    agent       text        NOT NULL,
    serial      text        NOT NULL,
    key         bytea       NOT NULL,
    enrolled_at timestamptz NOT NULL,
    renewed_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    revoked_by  text,
    revoked_why text,
    PRIMARY KEY (site, agent)
);

-- Every certificate that was issued to a box, for as long as somebody may come back by its key: what may be shown, and
-- what was taken back.
CREATE TABLE certificates (
    issuer     bytea       NOT NULL,
    number     numeric     NOT NULL,
    site       text        NOT NULL,
    agent      text        NOT NULL,
    key        bytea       NOT NULL,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    PRIMARY KEY (issuer, number)
);
CREATE INDEX certificates_by_box ON certificates (site, agent);
CREATE INDEX certificates_by_key ON certificates (key);
CREATE INDEX certificates_revoked ON certificates (revoked_at) WHERE revoked_at IS NOT NULL;

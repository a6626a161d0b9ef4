-- Who may use the centre: people with passwords, programs with keys, what each may do and where.
CREATE TABLE accounts (
    name        text PRIMARY KEY,
    title       text        NOT NULL DEFAULT '',
    -- Argon2id, as argon2 writes it; empty: nobody comes in with a password.
    password    text        NOT NULL,
    password_at timestamptz NOT NULL DEFAULT now(),
    made_at     timestamptz NOT NULL DEFAULT now(),
    made_by     text        NOT NULL,
    disabled_at timestamptz,
    disabled_by text
);
CREATE TABLE keys (
    name       text PRIMARY KEY,
    hash       bytea       NOT NULL UNIQUE,
    made_at    timestamptz NOT NULL DEFAULT now(),
    made_by    text        NOT NULL,
    ends_at    timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_by text
);
-- Of this installation, besides those that everybody has.
CREATE TABLE roles (
    name   text PRIMARY KEY,
    rights text[] NOT NULL
);
-- `place` NULL: everywhere. `waits`: for a second administrator.
CREATE TABLE grants (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account  text REFERENCES accounts ON DELETE CASCADE,
    key      text REFERENCES keys ON DELETE CASCADE,
    role     text        NOT NULL,
    place    text REFERENCES places ON UPDATE CASCADE,
    given_at timestamptz NOT NULL DEFAULT now(),
    given_by text        NOT NULL,
    waits    boolean     NOT NULL DEFAULT false,
    CHECK ((account IS NULL) <> (key IS NULL))
);
CREATE UNIQUE INDEX grants_once ON grants (coalesce(account, ''), coalesce(key, ''), role, coalesce(place, ''));
CREATE INDEX grants_by_place ON grants (place);
-- `hash`: SHA-256 of what the browser has.
CREATE TABLE sessions (
    hash     bytea PRIMARY KEY,
    id       bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    account  text        NOT NULL REFERENCES accounts ON DELETE CASCADE,
    began_at timestamptz NOT NULL DEFAULT now(),
    seen_at  timestamptz NOT NULL DEFAULT now(),
    idle     interval    NOT NULL,
    until    timestamptz NOT NULL,
    address  text        NOT NULL,
    browser  text        NOT NULL,
    ended_at timestamptz,
    ended_by text
);
CREATE INDEX sessions_by_account ON sessions (account) WHERE ended_at IS NULL;
-- That somebody could make accounts once: the first token has ended for good.
CREATE TABLE begun (only_one boolean PRIMARY KEY CHECK (only_one));
-- Browsers in which somebody has signed in: strangers cannot lock them out.
CREATE TABLE known_browsers (
    hash    bytea NOT NULL,
    account text  NOT NULL REFERENCES accounts ON DELETE CASCADE,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (hash, account)
);

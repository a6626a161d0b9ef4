-- What each box shall watch, as files: the newest is wanted, those before it can be gone back to. No files: the box's own.
CREATE TABLE box_configurations (
    site    text        NOT NULL,
    agent   text        NOT NULL,
    number  bigint      NOT NULL,
    content text        NOT NULL,
    files   jsonb       NOT NULL,
    -- What lay on the box, as was known here: what was changed there since is not undone.
    over    text        NOT NULL,
    -- The plan that it was built from; null: of none.
    plan    bigint,
    made_at timestamptz NOT NULL DEFAULT now(),
    made_by text        NOT NULL,
    why     text        NOT NULL,
    PRIMARY KEY (site, agent, number)
);

-- Passwords of cameras, which are read here by nobody: sealed to the box, and to the recovery key that lies offline.
CREATE TABLE camera_passwords (
    site    text        NOT NULL,
    agent   text        NOT NULL,
    camera  text        NOT NULL,
    sealed  bytea       NOT NULL,
    -- The key of the box that it was sealed to.
    sealed_to bytea     NOT NULL,
    spare   bytea       NOT NULL,
    sent_at timestamptz NOT NULL DEFAULT now(),
    sent_by text        NOT NULL,
    PRIMARY KEY (site, agent, camera)
);

-- Public keys: of each box its own, and those whose private part lies offline, of which the newest counts.
CREATE TABLE sealing_keys (
    site    text        NOT NULL,
    agent   text        NOT NULL,
    key     bytea       NOT NULL,
    told_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site, agent)
);

CREATE TABLE recovery_keys (
    number  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key     bytea       NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    made_by text        NOT NULL
);

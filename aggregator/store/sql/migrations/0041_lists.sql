-- Lists of plates that somebody asked for and somebody else has to approve. What an entry says is sealed.
CREATE TABLE lists (
    number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text        NOT NULL CHECK (kind IN ('watch', 'known')),
    title        text        NOT NULL,
    purpose      text        NOT NULL,
    case_number  text        NOT NULL,
    place        text        NOT NULL,
    priority     smallint    NOT NULL CHECK (priority BETWEEN 1 AND 4),
    instructions text        NOT NULL,
    ends_at      timestamptz NOT NULL,
    state        text        NOT NULL DEFAULT 'draft'
                 CHECK (state IN ('draft', 'submitted', 'approved', 'refused', 'withdrawn')),
    version      bigint      NOT NULL DEFAULT 1,
    drawn_by     text        NOT NULL,
    drawn_at     timestamptz NOT NULL DEFAULT now(),
    submitted_at timestamptz,
    decided_by   text,
    decided_at   timestamptz,
    why          text        NOT NULL DEFAULT '',
    over_at      timestamptz
);
CREATE INDEX lists_by_place ON lists (place);
CREATE TABLE list_entries (
    list   bigint NOT NULL REFERENCES lists ON DELETE CASCADE,
    entry  int    NOT NULL,
    sealed bytea  NOT NULL,
    PRIMARY KEY (list, entry)
);
-- All who drew it up, changed or submitted it, and who made the keys by which that was done: none of them may approve it.
CREATE TABLE list_hands (
    list bigint NOT NULL REFERENCES lists ON DELETE CASCADE,
    who  text   NOT NULL,
    -- Not only because a key is theirs.
    themselves boolean NOT NULL,
    PRIMARY KEY (list, who)
);

-- Posts that people stand at, who stood there when, and what each handed over.
CREATE TABLE posts (
    name  text PRIMARY KEY,
    title text NOT NULL DEFAULT '',
    place text NOT NULL REFERENCES places ON UPDATE CASCADE
);
CREATE INDEX posts_by_place ON posts (place);
CREATE TABLE shifts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    post        text        NOT NULL REFERENCES posts ON UPDATE CASCADE ON DELETE CASCADE,
    who         text        NOT NULL,
    began_at    timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz,
    -- Another than who stood there, where they forgot to.
    ended_by    text,
    note        text        NOT NULL DEFAULT '',
    -- Alerts of the post's place that were open then.
    open_alerts bigint[]    NOT NULL DEFAULT '{}'
);
-- Nobody stands at two posts.
CREATE UNIQUE INDEX shifts_now ON shifts (who) WHERE ended_at IS NULL;
CREATE INDEX shifts_by_post ON shifts (post, id);
CREATE INDEX shifts_by_end ON shifts (ended_at);

-- What somebody looks at pictures for whose alerts are over.
CREATE TABLE cases (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    who       text        NOT NULL,
    purpose   text        NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now(),
    ends_at   timestamptz NOT NULL,
    pictures  integer     NOT NULL DEFAULT 0
);
CREATE INDEX cases_by_person ON cases (who, ends_at);
CREATE INDEX cases_by_end ON cases (ends_at);

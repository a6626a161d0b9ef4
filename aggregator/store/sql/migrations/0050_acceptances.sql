-- What was tried of a site: each line, lane and sensor, by whom, when. Records stay; the newest of each counts.
CREATE TABLE acceptances (
    id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site     text        NOT NULL,
    agent    text        NOT NULL,
    -- line (or zone), lane, sensor.
    kind     text        NOT NULL,
    camera   text        NOT NULL,
    name     text        NOT NULL,
    -- How it was drawn: what is drawn otherwise since has to be tried again.
    drawn    text        NOT NULL,
    passed   boolean     NOT NULL,
    heard_at timestamptz,
    picture  bytea,
    note     text        NOT NULL,
    made_by  text        NOT NULL,
    made_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX acceptances_of_one ON acceptances (site, agent, kind, camera, name, id);

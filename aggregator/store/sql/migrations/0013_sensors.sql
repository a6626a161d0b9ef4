-- The newest state of every alarm sensor; the way there is in `events`.
CREATE TABLE sensors (
    site    text        NOT NULL,
    agent   text        NOT NULL,
    sensor  text        NOT NULL,
    what    text        NOT NULL,
    state   text        NOT NULL,
    detail  text        NOT NULL,
    since   timestamptz NOT NULL,
    told_at timestamptz NOT NULL,
    PRIMARY KEY (site, agent, sensor)
);
